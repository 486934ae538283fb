package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"vertexmetadata/job/internal/config"
)

// helpWidth is how wide the help is at most, in characters.
const helpWidth = 120

// help adds the environment to the help of the whole program: it is where nearly all settings are.
func help(options kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	if ctx.Selected() == nil {
		printVariables(ctx.Stdout)
	}
	return nil
}

// printVariables lists the environment in two columns.
func printVariables(out io.Writer) {
	fmt.Fprint(out, "\nEnvironment (* always needed; without DATABASE_URL also DB_NAME, DB_USER, SECRET_ID and CLOUD_SQL_INSTANCE):\n")
	const name = 26
	for _, v := range config.Variables {
		mark := " "
		if v.Needed {
			mark = "*"
		}
		text := v.Meaning
		if v.Default != "" {
			text += " (default " + v.Default + ")"
		}
		fmt.Fprintf(out, "%s %-*s%s\n", mark, name, v.Name, indented(text, helpWidth-2-name, 2+name))
	}
}

// indented breaks text into lines of a width, all but the first indented.
func indented(text string, width, indent int) string {
	var lines strings.Builder
	used := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case used == 0:
		case used+1+len(word) > width:
			lines.WriteString("\n" + strings.Repeat(" ", indent))
			used = 0
		default:
			lines.WriteByte(' ')
			used++
		}
		lines.WriteString(word)
		used += len(word)
	}
	return lines.String()
}
