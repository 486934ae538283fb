package main

import (
	"fmt"
	"io"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"vertexmetadata/job/internal/reconcile"
	"vertexmetadata/job/internal/words"
)

// view is what the line below the logs shows: what the run does, and how far it has come.
type view struct {
	phase, text string
	begin       time.Time // of the phase
	rows, about int64     // of the read; about is 0 where nobody knows how many there are
}

// connecting is the view of a run that has done nothing yet.
func connecting() view { return view{text: "connecting "} }

// reading is that of a run that reads the source. How many rows there are is not known of the first read, nor of one that
// found more of them than the last.
func reading(rows, about int64) view {
	if about <= 0 || rows > about {
		return view{phase: "read", text: words.Plural(rows, "row") + " read ", rows: rows}
	}
	return view{phase: "read", text: fmt.Sprintf("%s of about %s rows read ", words.Number(rows), words.Number(about)), rows: rows, about: about}
}

// entered is that of a run in a phase after the read.
func entered(p reconcile.Phase, documents int64) view {
	return view{phase: string(p), text: fmt.Sprintf("%s %s ", p, words.Plural(documents, "document"))}
}

// pace is what stands behind the bar: the rate and the remaining time of a read, else how long the phase has lasted.
func (v view) pace(lasted time.Duration) string {
	if v.rows == 0 || lasted < time.Second {
		return " " + lasted.Truncate(time.Second).String()
	}
	rate := float64(v.rows) / lasted.Seconds()
	text := fmt.Sprintf(" %s rows/s", words.Number(int64(rate)))
	if left := v.about - v.rows; left > 0 {
		text += fmt.Sprintf(", %s left", time.Duration(float64(left)/rate*float64(time.Second)).Round(time.Second))
	}
	return text
}

// bar shows the view in a container; where nobody knows how far there is to go, something turns. It reads the view from a
// goroutine of its own.
func bar(container *mpb.Progress, view func() *view) (*mpb.Bar, error) {
	known, unknown := mpb.BarStyle().Build(), mpb.SpinnerStyle().PositionLeft().Build()
	filler := mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
		v := view()
		if v.about == 0 {
			return unknown.Fill(w, s)
		}
		s.Current, s.Total = v.rows, v.about
		return known.Fill(w, s)
	})
	text := decor.Any(func(decor.Statistics) string { return view().text })
	pace := decor.Any(func(decor.Statistics) string {
		v := view()
		return v.pace(time.Since(v.begin))
	})
	return container.Add(0, filler, mpb.PrependDecorators(text), mpb.AppendDecorators(pace))
}
