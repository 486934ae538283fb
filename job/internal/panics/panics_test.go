package panics

import (
	"errors"
	"strings"
	"testing"
)

func TestGuard(t *testing.T) {
	fault := errors.New("fault")
	var empty []int
	for _, tt := range []struct {
		name   string
		fn     func() error
		want   string // of the panic
		result error
	}{
		{"nothing", func() error { return nil }, "", nil},
		{"an error", func() error { return fault }, "", fault},
		{"panic", func() error { panic("oh") }, "panic: oh", nil},
		{"panic with an error", func() error { panic(fault) }, "panic: fault", nil},
		{"panic of the runtime", func() error { _ = empty[3]; return nil }, "panic: runtime error: index out of range [3] with length 0", nil},
		{"panic after a deferred call", func() error { defer func() { panic("later") }(); return fault }, "panic: later", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := Guard(tt.fn)()
			if tt.want == "" {
				if err != tt.result {
					t.Errorf("got %v, want %v", err, tt.result)
				}
				return
			}
			var caught *Error
			if !errors.As(err, &caught) || err.Error() != tt.want {
				t.Fatalf("got %v, want %s", err, tt.want)
			}
			if !strings.Contains(string(caught.Stack), "TestGuard") {
				t.Errorf("the stack does not show who panicked:\n%s", caught.Stack)
			}
		})
	}
}
