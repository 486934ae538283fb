package postgres

import "strings"

// quoteText writes a string constant for statements that take no parameters. standard_conforming_strings is
// on by default, so only the quote itself needs doubling.
func quoteText(text string) string {
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}
