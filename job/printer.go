package main

import (
	"bufio"
	"fmt"
	"io"
)

// printer writes results for people and keeps the first error.
type printer struct{ w *bufio.Writer }

func newPrinter(w io.Writer) *printer { return &printer{w: bufio.NewWriter(w)} }

// printf writes like fmt.Printf; flush returns its error.
func (p *printer) printf(format string, args ...any) { fmt.Fprintf(p.w, format, args...) }

func (p *printer) flush() error {
	if err := p.w.Flush(); err != nil {
		return fmt.Errorf("print result: %w", err)
	}
	return nil
}
