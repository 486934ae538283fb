package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"

	"vertexmetadata/sandbox/dataplane"
	"vertexmetadata/sandbox/project"
)

// switchesCommand is `sandbox switches`.
type switchesCommand struct{}

// Run lists what `sandbox serve --switch` takes.
func (*switchesCommand) Run(context.Context) error {
	// The list does not need what it is about: nothing of it is called.
	all := (&project.Project{Data: &dataplane.Plane{}}).Switches()
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SWITCH\tVALUE\tWHAT IT DOES")
	for _, s := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\n", s.Name, s.Values, s.Help)
	}
	return table.Flush()
}
