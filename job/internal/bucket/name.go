package bucket

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxName is how many bytes an object's name may have.
const maxName = 1024

// ErrOutside is in the chain of an error about a name that is not under the
// bucket's root, or that a tool which cleans paths would move out of it.
var ErrOutside = errors.New("name is outside of what the job may touch")

// mayWrite says why no object of that name is written here, or returns nil.
func (b *Bucket) mayWrite(name string) error {
	if err := validName(name); err != nil {
		return err
	}
	return b.inside(name)
}

// inside says why an existing object of that name, a folder included, is not read,
// copied or deleted here, or returns nil. Names come from files in the bucket, too,
// which others may write.
func (b *Bucket) inside(name string) error {
	folder := strings.TrimSuffix(name, "/")
	if len(name) > maxName || !utf8.ValidString(name) || !strings.HasPrefix(name, b.root) || badStep(folder) != nil {
		return fmt.Errorf("%w (%q)", ErrOutside, clip(name))
	}
	return nil
}

// Owns reports whether an object of that name may be touched here. Others may store names that tools cannot handle.
func (b *Bucket) Owns(name string) bool { return b.inside(name) == nil }

// badStep says which step of a path is not a proper one, or returns nil.
func badStep(name string) error {
	for step := range strings.SplitSeq(name, "/") {
		if step == "" || step == "." || step == ".." {
			return fmt.Errorf("object name %q has the path step %q", name, step)
		}
	}
	return nil
}

// validName says why name cannot be an object's name here, or returns nil.
// It is stricter than the service: the characters * ? [ ] # are wildcards to
// the tools and to the import that read these objects, and a name that is a
// path with empty, "." or ".." steps is mangled by some of them.
func validName(name string) error {
	switch {
	case name == "":
		return errors.New("object name is empty")
	case len(name) > maxName:
		return fmt.Errorf("object name has %d bytes, more than %d", len(name), maxName)
	case !utf8.ValidString(name):
		return fmt.Errorf("object name %q is not UTF-8", name)
	case strings.HasPrefix(name, ".well-known/acme-challenge/"):
		return fmt.Errorf("object name %q is reserved", name)
	}
	for _, r := range name {
		if r < ' ' || r == 0x7f || strings.ContainsRune("*?[]#", r) {
			return fmt.Errorf("object name %q has the character %q", name, r)
		}
	}
	return badStep(name)
}

// clip is enough of a text to recognise it.
func clip(text string) string { return text[:min(len(text), 100)] }
