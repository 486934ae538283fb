package main

import (
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// progress is the bar on a terminal, nothing elsewhere.
type progress struct {
	container *mpb.Progress
	bar       *mpb.Bar
}

func newProgress(env environment) *progress {
	p := &progress{}
	if !isTerminal(env.stderr, env.getenv) {
		return p
	}
	p.container = mpb.New(mpb.WithOutput(env.stderr))
	p.bar = p.container.AddBar(0,
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name("reading "), decor.CurrentNoUnit("%d rows")),
		mpb.AppendDecorators(decor.Elapsed(decor.ET_STYLE_GO)),
	)
	return p
}

// update tells how many rows were read, of about how many; 0 when that is not known.
func (p *progress) update(rows, about int64) {
	if p.bar == nil {
		return
	}
	p.bar.SetTotal(max(about, rows), false)
	p.bar.SetCurrent(rows)
}

// stop removes the bar.
func (p *progress) stop() {
	if p.bar == nil {
		return
	}
	p.bar.Abort(true)
	p.container.Wait()
}
