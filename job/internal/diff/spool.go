package diff

import (
	"bytes"
	"context"

	"vertexmetadata/job/internal/bucket"
)

const (
	// maxObject is how large an object of documents may become; the service reads files up to 2 GB.
	maxObject = 1900 << 20
	// maxLines and maxLinesBytes bound a change that is sent inline instead of through the bucket.
	maxLines      = 100
	maxLinesBytes = 1 << 20
)

// spool collects document lines: in memory while they are few, else in objects of at most maxObject bytes.
type spool struct {
	bucket   *bucket.Bucket
	name     func(part int) string
	inMemory bool // while they are few
	lines    [][]byte
	size     int64
	closed   []*bucket.Output // full, not committed yet
	open     *bucket.Output
}

// add appends a line, its newline included.
func (s *spool) add(ctx context.Context, line []byte) error {
	s.size += int64(len(line))
	if s.inMemory && len(s.lines) < maxLines && s.size <= maxLinesBytes {
		s.lines = append(s.lines, bytes.Clone(line))
		return nil
	}
	if s.inMemory {
		s.inMemory = false
		for _, l := range s.lines {
			if err := s.append(ctx, l); err != nil {
				return err
			}
		}
		s.lines = nil
	}
	return s.append(ctx, line)
}

func (s *spool) append(ctx context.Context, line []byte) error {
	if s.open != nil && s.open.Size()+int64(len(line)) > maxObject {
		// A finished part must not be kept open, memory is bounded; its name is one that nobody reads yet.
		if err := s.open.Commit(ctx); err != nil {
			return err
		}
		s.closed, s.open = append(s.closed, s.open), nil
	}
	if s.open == nil {
		s.open = s.bucket.NewOutput(s.name(len(s.closed)), 0)
	}
	_, err := s.open.Writer(ctx).Write(line)
	return err
}

// commit makes the objects exist and returns their names: none when the lines are in memory.
func (s *spool) commit(ctx context.Context) (names []string, err error) {
	if s.open != nil {
		if err := s.open.Commit(ctx); err != nil {
			return nil, err
		}
		s.closed, s.open = append(s.closed, s.open), nil
	}
	for _, o := range s.closed {
		names = append(names, o.Name())
	}
	return names, nil
}

func (s *spool) abort() {
	if s.open != nil {
		s.open.Abort()
	}
}
