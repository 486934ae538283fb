package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"vertexmetadata/job/internal/reconcile"
	"vertexmetadata/job/internal/words"
)

// view is what the line below the logs shows: the phase of the run, and how far it has come. The bar reads it from a
// goroutine of its own.
type view struct {
	mu          sync.Mutex
	reading     bool            // or further
	phase       reconcile.Phase // after the read
	begin       time.Time       // of the phase
	rows, about int64
	documents   int64
}

func (v *view) reset() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.reading, v.phase, v.begin, v.rows, v.about, v.documents = false, "", time.Time{}, 0, 0, 0
}

func (v *view) read(rows, about int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.reading {
		v.reading, v.begin = true, time.Now()
	}
	v.rows, v.about = rows, max(about, 0)
}

func (v *view) enter(p reconcile.Phase, documents int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.phase != p {
		v.phase, v.begin, v.documents = p, time.Now(), documents
	}
}

// share is how much of the source is read. It is not known of the first read, nor of one that found more rows than the last,
// nor of what follows the read.
func (v *view) share() (done float64, known bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.phase != "" || v.about == 0 || v.rows > v.about {
		return 0, false
	}
	return float64(v.rows) / float64(v.about), true
}

// text is what stands before the bar.
func (v *view) text() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.phase == reconcile.Importing:
		return fmt.Sprintf("%s of %s ", v.phase, words.Plural(v.documents, "document"))
	case v.phase != "":
		return fmt.Sprintf("%s %s ", v.phase, words.Plural(v.documents, "document"))
	case v.about > 0 && v.rows <= v.about:
		return fmt.Sprintf("%s of about %s rows read ", words.Number(v.rows), words.Number(v.about))
	case v.reading:
		return words.Plural(v.rows, "row") + " read "
	}
	return "connecting "
}

// pace is what stands behind the bar: the rate and the remaining time of a read, else how long the phase has lasted.
func (v *view) pace() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.begin.IsZero() {
		return ""
	}
	lasted := time.Since(v.begin)
	seconds := max(lasted.Seconds(), 0.001)
	if v.phase != "" || lasted < time.Second {
		return " " + lasted.Truncate(time.Second).String()
	}
	rate := float64(v.rows) / seconds
	text := fmt.Sprintf(" %s rows/s", words.Number(int64(rate)))
	if left := v.about - v.rows; left > 0 && rate > 0 {
		text += fmt.Sprintf(", %s left", time.Duration(float64(left)/rate*float64(time.Second)).Round(time.Second))
	}
	return text
}

// scale is the bar's own unit.
const scale = 1000

// bar shows the view in a container; where nobody knows how far there is to go, something turns.
func (v *view) bar(container *mpb.Progress) (*mpb.Bar, error) {
	known, unknown := mpb.BarStyle().Build(), mpb.SpinnerStyle().PositionLeft().Build()
	filler := mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
		if done, ok := v.share(); ok {
			s.Current, s.Total = int64(done*scale), scale
			return known.Fill(w, s)
		}
		return unknown.Fill(w, s)
	})
	text := decor.Any(func(decor.Statistics) string { return v.text() })
	pace := decor.Any(func(decor.Statistics) string { return v.pace() })
	return container.Add(0, filler, mpb.PrependDecorators(text), mpb.AppendDecorators(pace))
}
