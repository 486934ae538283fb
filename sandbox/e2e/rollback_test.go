package e2e

import (
	"strings"
	"testing"
)

// TestRollback goes back to an earlier image with the one command of the documentation: nothing but the job changes, and it runs.
func TestRollback(t *testing.T) {
	findPulumi(t)
	t.Parallel()
	s := newSystem(t)
	stack := newStack(t, s, nil)
	first := strings.TrimSpace(stack.must("config", "get", "image"))
	second := first[:strings.LastIndex(first, ":")+1] + strings.Repeat("1", 64)
	stack.must("up", "--yes", "--skip-preview")
	for _, image := range []string{second, first} {
		out := stack.must("up", "--yes", "--skip-preview", "--config", "vertex-metadata:image="+image)
		if _, done, _ := strings.Cut(out, "Resources:"); !strings.HasPrefix(strings.TrimSpace(done), "~ 1 updated\n") {
			t.Errorf("the image is not all that changed:\n%s", out)
		}
		if got := strings.TrimSpace(stack.must("stack", "output", "image", "--stack", stack.name)); got != image {
			t.Errorf("the stack runs %s, want %s", got, image)
		}
		if err := s.tick(t); err != nil {
			t.Errorf("run of %s: %v", image, err)
		}
	}
}
