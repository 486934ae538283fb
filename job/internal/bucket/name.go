package bucket

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxName is how many bytes an object's name may have.
const maxName = 1024

// ErrOutside is in the chain of an error about a name that is not under the
// bucket's root, or that a tool which cleans paths would move out of it.
var ErrOutside = errors.New("name is outside of what the job may touch")

// inside says why an object of that name, a folder included, is not touched here, or
// returns nil. Names come from files in the bucket, too, which others may write.
func (b *Bucket) inside(name string) error {
	steps := strings.Split(strings.TrimSuffix(name, "/"), "/")
	isOdd := slices.ContainsFunc(steps, func(step string) bool { return step == "" || step == "." || step == ".." })
	if len(name) > maxName || !utf8.ValidString(name) || !strings.HasPrefix(name, b.root) || isOdd {
		return fmt.Errorf("%w (%q)", ErrOutside, name[:min(len(name), 100)])
	}
	return nil
}

// Owns reports whether an object of that name may be touched here. Others may store names that tools cannot handle.
func (b *Bucket) Owns(name string) bool { return b.inside(name) == nil }
