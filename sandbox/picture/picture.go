// Package picture draws what a command printed as a picture of a terminal, in SVG that GitHub shows.
package picture

import (
	"encoding/xml"
	"fmt"
	"html"
	"regexp"
	"strings"

	"golang.org/x/text/width"
)

// Sizes in pixels, but for columns.
const (
	columns    = 128
	cellWidth  = 8
	lineHeight = 19
	margin     = 18
	titleBar   = 34
)

// noBreakSpace takes the place of spaces, which some viewers fold.
const noBreakSpace = "\u00a0"

// frame is the terminal's window. The recording itself is its description, for screen readers and for [Recording].
const frame = `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" role="img">
<title>%[3]s</title>
<desc xml:space="preserve">%[4]s</desc>
<style>
text { font: 13.3px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #c9d1d9 }
.prompt { fill: #7ee787 } .chapter { fill: #ffffff; font-weight: bold } .log { fill: #79c0ff } .head { fill: #8b949e }
</style>
<rect width="%[1]d" height="%[2]d" rx="8" fill="#0d1117"/>
<circle cx="20" cy="17" r="6" fill="#ff5f56"/><circle cx="40" cy="17" r="6" fill="#ffbd2e"/><circle cx="60" cy="17" r="6" fill="#27c93f"/>
`

// Terminal draws a command and what it printed.
func Terminal(command, output string) string {
	lines := append([]line{{"prompt", "$ " + command}, {}}, layOut(output)...)
	var body strings.Builder
	for row, l := range lines {
		drawLine(&body, l, titleBar+margin+row*lineHeight)
	}
	height := titleBar + len(lines)*lineHeight + margin
	return fmt.Sprintf(frame, columns*cellWidth+2*margin, height, html.EscapeString(command), html.EscapeString(output)) + body.String() + "</svg>\n"
}

// Recording returns what was printed in a picture by [Terminal].
func Recording(svg string) (output string, err error) {
	var picture struct {
		Desc string `xml:"desc"`
	}
	if err := xml.Unmarshal([]byte(svg), &picture); err != nil {
		return "", fmt.Errorf("read picture: %w", err)
	}
	return picture.Desc, nil
}

// line is one row of the terminal.
type line struct{ class, text string }

// classes say how lines look, by what they begin with.
var classes = []struct {
	class string
	begin *regexp.Regexp
}{
	{"chapter", regexp.MustCompile(`^\d+\. .*[^.]$`)},
	{"log", regexp.MustCompile(`^   \| `)},
	{"head", regexp.MustCompile(`^   (in the store|execution) `)},
}

// layOut breaks the output into rows as a terminal does.
func layOut(output string) (rows []line) {
	for text := range strings.Lines(output) {
		text = strings.TrimSuffix(text, "\n")
		class := ""
		for _, c := range classes {
			if class == "" && c.begin.MatchString(text) {
				class = c.class
			}
		}
		row, used := "", 0
		for _, r := range text {
			if used+cells(r) > columns {
				rows = append(rows, line{class, row})
				row, used = "", 0
			}
			row += string(r)
			used += cells(r)
		}
		rows = append(rows, line{class, row})
	}
	return rows
}

// drawLine draws a row in pieces of characters of equal width, each at the column where a terminal has it: fonts differ in
// how wide their Japanese is.
func drawLine(out *strings.Builder, l line, y int) {
	column, begin, piece := 0, 0, ""
	flush := func() {
		text := strings.TrimLeft(piece, " ")
		begin += len(piece) - len(text)
		if text != "" {
			class := ""
			if l.class != "" {
				class = fmt.Sprintf(` class="%s"`, l.class)
			}
			fmt.Fprintf(out, `<text x="%d" y="%d"%s textLength="%d" lengthAdjust="spacingAndGlyphs">%s</text>`+"\n",
				margin+begin*cellWidth, y, class, (column-begin)*cellWidth, strings.ReplaceAll(html.EscapeString(text), " ", noBreakSpace))
		}
		begin, piece = column, ""
	}
	last := 1
	for _, r := range l.text {
		if w := cells(r); w != last {
			flush()
			last = w
		}
		piece += string(r)
		column += cells(r)
	}
	flush()
}

// cells is how many columns a terminal gives a character.
func cells(r rune) int {
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}
