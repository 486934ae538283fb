package main

import (
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"golang.org/x/term"

	"vertexmetadata/job/internal/reconcile"
)

// screen is where logs go. On a terminal it also shows what the run is doing, below them: while the bar is there,
// every line passes through its container, so that neither tears the other. Its methods may be called from several
// goroutines.
type screen struct {
	look
	out      *os.File
	terminal bool // and its user wants what one can show

	view atomic.Pointer[view]

	mu        sync.Mutex
	container *mpb.Progress // nil while there is no bar
	bar       *mpb.Bar
	closed    bool // no bar any more
	sealed    bool // no line any more
}

func newScreen(out *os.File, getenv func(string) string) *screen {
	return &screen{out: out, look: lookOf(out, getenv), terminal: term.IsTerminal(int(out.Fd())) && getenv("TERM") != "dumb"}
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
func (s *screen) progress(rows, about int64) { s.show(reading(rows, about)) }

// enter shows what the run does after it has read the source.
func (s *screen) enter(p reconcile.Phase, documents int64) { s.show(entered(p, documents)) }

// show sets what the bar shows, and begins to show it if there is none yet.
func (s *screen) show(v view) {
	v.begin = time.Now()
	if last := s.view.Load(); last != nil && last.phase == v.phase {
		v.begin = last.begin
	}
	s.view.Store(&v)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.terminal || s.closed || s.container != nil {
		return
	}
	container := mpb.New(mpb.WithOutput(s.out))
	if bar, err := bar(container, s.view.Load); err == nil { // no bar is no reason to fail
		s.container, s.bar = container, bar
	}
}

// reopen shows a bar again: each of several syncs has its own.
func (s *screen) reopen() {
	s.mu.Lock()
	s.closed = false
	s.mu.Unlock()
	s.view.Store(nil)
	s.show(connecting())
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
