package main

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed chart.svg.tmpl
var chartTemplate string

// Sizes in pixels.
const (
	chartWidth  = 860
	barStart    = 290
	barMost     = 440
	barStep     = 30
	panelHeight = 46 // without its bars
)

// panel is one half of the chart: what was measured, and a bar for each run.
type panel struct {
	Title string
	Top   int
	Bars  []bar
}

// bar is a run's figure, as the table of readings has it.
type bar struct {
	Label, Class, Figure string
	Y, Width, Text       int
}

// chartRows are the runs of the chart; the fastest COPY stands for both.
func (b *bench) chartRows() []struct{ series, label, class string } {
	return []struct{ series, label, class string }{
		{b.yardstick(), "PostgreSQL's own COPY, to /dev/null", "copy"},
		{"scan", "job: read all, nothing changed", "ours"},
		{"full", "job: first full sync, with upload", "ours"},
		{"orm", "Python: SQLAlchemy, without upload", "python"},
	}
}

// writeChart writes chart.svg.
func (b *bench) writeChart() error {
	svg, err := b.chart()
	if err != nil {
		return fmt.Errorf("draw chart: %w", err)
	}
	return os.WriteFile(filepath.Join(b.dir, "chart.svg"), []byte(svg), 0o644)
}

// chart draws wall time and memory, shorter is better.
func (b *bench) chart() (string, error) {
	wallTime := b.panel("Wall time", 68, milliseconds, func(s []usage) float64 { return ms(median(s, wall)) })
	memory := b.panel("Peak memory", wallTime.Top+panelHeight+barStep*len(wallTime.Bars), mebibytes, func(s []usage) float64 { return float64(peak(s)) })
	height := memory.Top + panelHeight + barStep*len(memory.Bars) - 20
	var svg strings.Builder
	err := template.Must(template.New("chart").Parse(chartTemplate)).Execute(&svg, map[string]any{
		"Width": chartWidth, "Height": height, "CardWidth": chartWidth - 2, "CardHeight": height - 2, "BarStart": barStart,
		"Title":  fmt.Sprintf("Syncing %d posts, %d documents", b.posts, b.documents()),
		"Panels": []panel{wallTime, memory},
	})
	return svg.String(), err
}

func (b *bench) panel(title string, top int, figure func(float64) string, of func([]usage) float64) panel {
	p := panel{Title: title, Top: top}
	most := 0.0
	for _, row := range b.chartRows() {
		most = max(most, of(b.series[row.series]))
	}
	for _, row := range b.chartRows() {
		s := b.series[row.series]
		if len(s) == 0 {
			continue // Python is not everywhere
		}
		width := max(2, int(of(s)/most*barMost+0.5))
		p.Bars = append(p.Bars, bar{
			Label: row.label, Class: row.class, Figure: figure(of(s)),
			Y: top + 14 + barStep*len(p.Bars), Width: width, Text: barStart + width + 8,
		})
	}
	return p
}
