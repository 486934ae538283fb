package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// visible shows the characters that a terminal would act upon, as escapes that are also JSON's: what comes from a row must
// neither move the cursor nor change the order in which a line is read.
func visible(text string) string {
	if strings.IndexFunc(text, acts) < 0 && utf8.ValidString(text) {
		return text
	}
	var out strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, text[0])
		case acts(r):
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteString(text[:size])
		}
		text = text[size:]
	}
	return out.String()
}

// acts reports that a terminal does something with a character other than to show it.
func acts(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// visibleLines is visible for a text of several lines, which stay.
func visibleLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = visible(line)
	}
	return strings.Join(lines, "\n")
}

// oneLine is a text with its white space as single blanks, and the rest of it visible.
func oneLine(text string) string {
	return visible(strings.Join(strings.Fields(text), " "))
}

// shorten cuts a text to a number of characters; 0 leaves it whole.
func shorten(text string, characters int) string {
	if runes := []rune(text); characters > 0 && len(runes) > characters {
		return string(runes[:characters]) + "…"
	}
	return text
}

// brief is a JSON value on one line: a string without its quotes, anything else as JSON. 0 characters leave it whole.
func brief(value json.RawMessage, characters int) string {
	var text string
	if err := json.Unmarshal(value, &text); err != nil || string(value) == "null" {
		text = string(value)
	}
	return shorten(oneLine(text), characters)
}

// lasting is how long something took, as exactly as a person wants to know.
func lasting(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
