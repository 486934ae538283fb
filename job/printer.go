package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"unicode/utf8"

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

// printer writes results for people and keeps the first error.
type printer struct {
	look
	w *bufio.Writer
}

func newPrinter(env environment) *printer {
	return &printer{w: bufio.NewWriter(env.stdout), look: env.look}
}

// printf writes like fmt.Printf; flush returns its error.
func (p *printer) printf(format string, args ...any) { fmt.Fprintf(p.w, format, args...) }

// table prints rows of cells in columns, each row in its colour; the first one is the heading.
func (p *printer) table(rows [][]string, colors []string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for i, row := range rows {
		var line strings.Builder
		for j, cell := range row {
			fmt.Fprintf(&line, "%-*s  ", widths[j], cell)
		}
		p.printf("%s\n", p.paint(colors[i], strings.TrimRight(line.String(), " ")))
	}
}

// json writes a value as one line. What a terminal would act upon is escaped, which JSON's strings allow.
func (p *printer) json(value any) error {
	var line strings.Builder
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("print result: %w", err)
	}
	p.printf("%s\n", visible(strings.TrimSuffix(line.String(), "\n")))
	return nil
}

func (p *printer) flush() error {
	if err := p.w.Flush(); err != nil {
		return fmt.Errorf("print result: %w", err)
	}
	return nil
}
