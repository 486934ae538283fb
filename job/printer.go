package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"
)

// look says how results and logs may be shown.
type look struct{ color bool }

// lookOf returns how something may be shown on out: in colour where it is a terminal, unless NO_COLOR (no-color.org) or
// TERM=dumb asks for less.
func lookOf(out *os.File, getenv func(string) string) look {
	return look{color: term.IsTerminal(int(out.Fd())) && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"}
}

// Colours, by their numbers in a terminal's escape sequence.
const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// paint colours text.
func (l look) paint(color, text string) string {
	if !l.color || color == "" || text == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// printer writes results and keeps the first error, which flush returns.
type printer struct {
	look
	w   *bufio.Writer
	err error
}

func newPrinter(env environment) *printer {
	return &printer{w: bufio.NewWriter(env.stdout), look: env.look}
}

// printf writes like fmt.Printf.
func (p *printer) printf(format string, args ...any) { fmt.Fprintf(p.w, format, args...) }

// table prints rows of cells in columns. The first row is the heading; colors are those of the rows, as far as they have any.
func (p *printer) table(rows [][]string, colors map[int]string) {
	var text strings.Builder
	columns := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(columns, strings.Join(row, "\t"))
	}
	_ = columns.Flush() // a builder takes everything
	for i, line := range strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n") {
		color := colors[i]
		if i == 0 {
			color = bold
		}
		p.printf("%s\n", p.paint(color, strings.TrimRight(line, " ")))
	}
}

// json writes a value as one line. What a terminal would act upon is escaped, which JSON's strings allow.
func (p *printer) json(value any) {
	var line strings.Builder
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	p.err = errors.Join(p.err, encoder.Encode(value))
	p.printf("%s\n", visible(strings.TrimSuffix(line.String(), "\n")))
}

func (p *printer) flush() error {
	if err := errors.Join(p.err, p.w.Flush()); err != nil {
		return fmt.Errorf("print result: %w", err)
	}
	return nil
}
