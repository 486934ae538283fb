package main

import (
	"encoding/xml"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write testdata/chart.svg anew")

// fixed returns readings in which every figure is another. The faster COPY is the one of which the names say.
func fixed(python bool, faster string) *bench {
	b := &bench{options: options{posts: 300_000}, series: map[string][]usage{}}
	add := func(name string, mebibytes int64, times ...int) {
		for _, t := range times {
			u := usage{Wall: time.Duration(t) * time.Millisecond, Peak: mebibytes<<20 + 314_573}
			u.Documents = 164_040
			b.series[name] = append(b.series[name], u)
		}
	}
	slower := map[string]string{"copy": "copy roomy", "copy roomy": "copy"}[faster]
	add(faster, 10, 379, 362, 401)
	add(slower, 11, 478, 456, 501)
	add("scan", 30, 413, 366, 500)
	add("full", 50, 495, 469, 612)
	if python {
		add("orm", 1176, 9951, 10337, 12001)
	}
	return b
}

func TestChart(t *testing.T) {
	got, err := fixed(true, "copy roomy").chart()
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/chart.svg"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the chart differs from %s; if it should, run go test -update\n%s", golden, got)
	}
}

// The chart says what the table says.
func TestChartIsTheTable(t *testing.T) {
	for _, tt := range []struct {
		name   string
		python bool
		copy   string
		series []string
	}{
		{"the job's work_mem is faster", true, "copy roomy", []string{"copy roomy", "scan", "full", "orm"}},
		{"the server's is", true, "copy", []string{"copy", "scan", "full", "orm"}},
		{"no Python", false, "copy roomy", []string{"copy roomy", "scan", "full"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := fixed(tt.python, tt.copy)
			svg, err := b.chart()
			if err != nil {
				t.Fatal(err)
			}
			var table text
			b.details(&table)
			var want []string
			for _, column := range []int{2, 7} { // wall and peak memory
				for _, series := range tt.series {
					want = append(want, cell(t, table.String(), titles[series], column))
				}
			}
			if got := figures(t, svg); !slices.Equal(got, want) {
				t.Errorf("the chart has %q, the table %q", got, want)
			}
		})
	}
}

// What is committed belongs together.
func TestCommittedChart(t *testing.T) {
	svg, err := os.ReadFile("../../bench/chart.svg")
	if err != nil {
		t.Fatal(err)
	}
	results, err := os.ReadFile("../../bench/RESULTS.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, figure := range figures(t, string(svg)) {
		if !strings.Contains(string(results), "| "+figure+" |") {
			t.Errorf("bench/chart.svg has %s, which bench/RESULTS.md has not; run make bench", figure)
		}
	}
}

// cell returns a column of the row that begins with a title.
func cell(t *testing.T, table, title string, column int) string {
	t.Helper()
	for line := range strings.Lines(table) {
		if cells := strings.Split(line, " | "); cells[0] == "| "+title {
			return strings.TrimSuffix(strings.TrimSpace(cells[column-1]), " |")
		}
	}
	t.Fatalf("the table has no row %q:\n%s", title, table)
	return ""
}

// figures returns a chart's figures from top to bottom.
func figures(t *testing.T, svg string) (found []string) {
	t.Helper()
	var chart struct {
		Bars []struct {
			Texts []struct {
				Class string `xml:"class,attr"`
				Text  string `xml:",chardata"`
			} `xml:"text"`
		} `xml:"g"`
	}
	if err := xml.Unmarshal([]byte(svg), &chart); err != nil {
		t.Fatalf("the chart is no XML: %v", err)
	}
	for _, bar := range chart.Bars {
		for _, text := range bar.Texts {
			if text.Class == "figure" {
				found = append(found, text.Text)
			}
		}
	}
	if len(found) == 0 {
		t.Fatal("the chart has no figures")
	}
	return found
}
