package fields

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestApplyMask(t *testing.T) {
	old := Object{"a": "1", "b": Object{"c": "2", "d": "3"}, "e": "4"}
	for _, test := range []struct {
		mask  string
		patch Object
		want  Object
	}{
		{"", Object{"a": "x"}, Object{"a": "x"}},
		{"*", Object{"a": "x"}, Object{"a": "x"}},
		{"a", Object{"a": "x", "e": "x"}, Object{"a": "x", "b": Object{"c": "2", "d": "3"}, "e": "4"}},
		{"b.c", Object{"b": Object{"c": "x"}}, Object{"a": "1", "b": Object{"c": "x", "d": "3"}, "e": "4"}},
		{"b.c,a", Object{}, Object{"b": Object{"d": "3"}, "e": "4"}},
		{"max_retries", Object{"maxRetries": 1.0}, Object{"a": "1", "b": Object{"c": "2", "d": "3"}, "e": "4", "maxRetries": 1.0}},
		{"x.y", Object{}, Object{"a": "1", "b": Object{"c": "2", "d": "3"}, "e": "4"}},
	} {
		if diff := cmp.Diff(test.want, ApplyMask(old, test.patch, test.mask)); diff != "" {
			t.Errorf("mask %q: %s", test.mask, diff)
		}
	}
}
