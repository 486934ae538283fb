package main

import (
	"fmt"
	"go/doc/comment"
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
	const names = 28 // the width of the first column
	printer := comment.Printer{TextPrefix: strings.Repeat(" ", names), TextWidth: helpWidth - names}
	for _, v := range config.Variables {
		mark := " "
		if v.Needed {
			mark = "*"
		}
		text := v.Meaning
		if v.Default != "" {
			text += " (default " + v.Default + ")"
		}
		lines := printer.Text(new(comment.Parser).Parse(text))
		fmt.Fprintf(out, "%-*s%s", names, mark+" "+v.Name, lines[names:])
	}
}
