package main

import (
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
	closed    bool
}

func newScreen(out *os.File, getenv func(string) string) *screen {
	return &screen{out: out, terminal: term.IsTerminal(int(out.Fd())) && getenv("TERM") != "dumb"}
}

// Write writes whole lines.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.container != nil {
		if n, err := s.container.Write(p); err == nil {
			return n, nil
		}
		// The terminal went away under the bar; the line may still reach whatever took its place.
	}
	return s.out.Write(p)
}

// progress tells how many rows were read, of about how many; 0 when that is not known.
func (s *screen) progress(rows, about int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.terminal || s.closed {
		return
	}
	if s.bar == nil {
		s.container = mpb.New(mpb.WithOutput(s.out))
		s.bar = newBar(s.container, about > 0)
	}
	s.bar.SetTotal(max(about, rows), false)
	s.bar.SetCurrent(rows)
}

// newBar returns a bar, or something that turns when nobody knows how far there is to go. The time goes on after the
// last row, while the import is awaited.
func newBar(container *mpb.Progress, known bool) *mpb.Bar {
	elapsed := mpb.AppendDecorators(decor.Elapsed(decor.ET_STYLE_GO, decor.WCSyncSpace))
	if !known {
		return container.New(0, mpb.SpinnerStyle().PositionLeft(), mpb.BarWidth(2), elapsed,
			mpb.AppendDecorators(decor.CurrentNoUnit("%d rows read", decor.WCSyncSpace)))
	}
	return container.AddBar(0, mpb.PrependDecorators(decor.CountersNoUnit("%d of about %d rows read ")), elapsed)
}

// close removes the bar for good; logs go on.
func (s *screen) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.container != nil {
		s.bar.Abort(true)
		s.container.Wait()
	}
	s.container, s.closed = nil, true
}
