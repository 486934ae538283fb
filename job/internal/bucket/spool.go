package bucket

import (
	"bytes"
	"context"
)

// SpoolOptions say what a Spool does.
type SpoolOptions struct {
	Name      func(part int) string // of the object for each part, counted from 0
	MaxObject int64                 // bytes that one object may have
	// MaxLines and MaxBytes are how many lines, and bytes of them, are kept in memory instead of an object; 0: none.
	MaxLines int
	MaxBytes int64
}

// Spool collects lines: in memory while they are few, else in objects.
type Spool struct {
	bucket *Bucket
	opts   SpoolOptions
	lines  [][]byte // in memory
	size   int64    // of all lines
	names  []string // of the objects that exist
	open   *Writer
}

// NewSpool returns an empty spool; Commit or Abort ends it.
func (b *Bucket) NewSpool(opts SpoolOptions) *Spool {
	return &Spool{bucket: b, opts: opts}
}

// Add appends a line, its newline included.
func (s *Spool) Add(ctx context.Context, line []byte) error {
	s.size += int64(len(line))
	if s.open == nil && s.names == nil && len(s.lines) < s.opts.MaxLines && s.size <= s.opts.MaxBytes {
		s.lines = append(s.lines, bytes.Clone(line))
		return nil
	}
	for _, l := range s.lines {
		if err := s.append(ctx, l); err != nil {
			return err
		}
	}
	s.lines = nil
	return s.append(ctx, line)
}

func (s *Spool) append(ctx context.Context, line []byte) error {
	if s.open != nil && s.open.Size()+int64(len(line)) > s.opts.MaxObject {
		// A finished part must not be kept open, memory is bounded; its name is one that nobody reads yet.
		if _, err := s.Commit(); err != nil {
			return err
		}
	}
	if s.open == nil {
		s.open = s.bucket.NewWriter(ctx, s.opts.Name(len(s.names)), 0)
	}
	_, err := s.open.Write(line)
	return err
}

// Commit makes the objects exist and returns their names: none when the lines are in memory.
func (s *Spool) Commit() (names []string, err error) {
	if s.open != nil {
		if err := s.open.Commit(); err != nil {
			return nil, err
		}
		s.names, s.open = append(s.names, s.open.Name()), nil
	}
	return s.names, nil
}

// Lines are the lines that are in memory.
func (s *Spool) Lines() [][]byte { return s.lines }

// Abort ends an upload that is not committed; nothing of it remains.
func (s *Spool) Abort() {
	if s.open != nil {
		s.open.Abort()
	}
}
