package bucket

import (
	"bytes"
	"context"
	"slices"
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
	lines  [][]byte  // in memory
	size   int64     // of all lines
	names  []string  // of all parts
	open   []*Writer // the first and the last of them
}

// NewSpool returns an empty spool; Commit or Abort ends it.
func (b *Bucket) NewSpool(opts SpoolOptions) *Spool {
	return &Spool{bucket: b, opts: opts}
}

// Add appends a line, its newline included.
func (s *Spool) Add(ctx context.Context, line []byte) error {
	s.size += int64(len(line))
	if s.names == nil && len(s.lines) < s.opts.MaxLines && s.size <= s.opts.MaxBytes {
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
	n := len(s.open)
	if n == 0 || s.open[n-1].Size()+int64(len(line)) > s.opts.MaxObject {
		if n == 2 { // memory is bounded: of the full parts the first alone stays open, since others may read what its name holds
			if err := s.open[1].Commit(); err != nil {
				return err
			}
			n--
		}
		name := s.opts.Name(len(s.names))
		s.names, s.open = append(s.names, name), append(s.open[:n], s.bucket.NewWriter(ctx, name, 0))
		n++
	}
	_, err := s.open[n-1].Write(line)
	return err
}

// Commit makes the objects exist and returns their names: none when the lines are in memory.
func (s *Spool) Commit() (names []string, err error) {
	for _, part := range slices.Backward(s.open) { // the one whose name others may read comes last
		if err := part.Commit(); err != nil {
			return nil, err
		}
	}
	return s.names, nil
}

// Lines are the lines that are in memory.
func (s *Spool) Lines() [][]byte { return s.lines }

// Abort ends the uploads that are not committed. Of more than two parts, those between the first and the last remain.
func (s *Spool) Abort() {
	for _, part := range s.open {
		part.Abort()
	}
}
