package main

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// screen is where logs go. On a terminal it also shows how far the run has come, below them: while the bar is there,
// every line passes through its container, so that neither tears the other. Its methods may be called from several
// goroutines.
type screen struct {
	out      *os.File
	terminal bool // and its user wants what one can show

	mu        sync.Mutex
	container *mpb.Progress // nil while there is no bar
	bar       *mpb.Bar
	closed    bool // no bar any more
	sealed    bool // no line any more
}

func newScreen(out *os.File, getenv func(string) string) *screen {
	return &screen{out: out, terminal: term.IsTerminal(int(out.Fd())) && getenv("TERM") != "dumb"}
}

// Write writes whole lines.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sealed {
		return len(p), nil
	}
	if s.container != nil {
		if n, err := s.container.Write(p); err == nil {
			return n, nil
		}
		// The terminal went away under the bar; the line may still reach whatever took its place.
	}
	return s.out.Write(p)
}

// progress shows how many rows were read, and about how many there are; 0 when that is not known.
func (s *screen) progress(rows, about int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.terminal || s.closed {
		return
	}
	if s.bar == nil {
		container := mpb.New(mpb.WithOutput(s.out))
		bar, err := newBar(container)
		if err != nil {
			return // no bar is no reason to fail
		}
		s.container, s.bar = container, bar
	}
	if about > 0 {
		s.bar.SetTotal(max(about, rows), false)
	}
	s.bar.SetCurrent(rows)
}

// newBar returns a bar, which is something that turns as long as nobody knows how far there is to go. The time goes on
// after the last row, while the import is awaited.
func newBar(container *mpb.Progress) (*mpb.Bar, error) {
	known, unknown := mpb.BarStyle().Build(), mpb.SpinnerStyle().PositionLeft().Build()
	filler := mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
		if s.Total > 0 {
			return known.Fill(w, s)
		}
		return unknown.Fill(w, s)
	})
	rows := decor.Any(func(s decor.Statistics) string {
		if s.Total > 0 {
			return fmt.Sprintf("%d of about %d rows read ", s.Current, s.Total)
		}
		return fmt.Sprintf("%d rows read ", s.Current)
	})
	return container.Add(0, filler, mpb.PrependDecorators(rows), mpb.AppendDecorators(decor.Elapsed(decor.ET_STYLE_GO)))
}

// reopen lets a bar be shown again: each of several syncs has its own.
func (s *screen) reopen() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.bar = false, nil
}

// close removes the bar; logs go on.
func (s *screen) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.container != nil {
		s.bar.Abort(true)
		s.container.Wait()
	}
	s.container, s.closed = nil, true
}

// seal drops what is still written: a run that was given up may go on for the moment that the process has left, and the
// last line is the last.
func (s *screen) seal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealed = true
}
