// Command plan prints what a stack declares, from the program that is deployed, without an account, the Pulumi CLI or a
// network: a summary, then every resource and input. Start it in infra/:
//
//	go run ./plan -stack dev
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	name := flag.String("stack", "dev", "stack whose Pulumi.STACK.yaml is read")
	project := flag.String("project", "", "folder with Pulumi.yaml; empty: the nearest one above")
	format := flag.String("format", "text", "text, json (for programs) or mermaid (a graph)")
	asJSON := flag.Bool("json", false, "the same as -format json")
	base := flag.String("against", "main", "commit to compare with; empty: none")
	flag.Parse()
	if *asJSON {
		*format = "json"
	}
	if err := run(*project, *name, *format, *base); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(project, name, format, base string) error {
	if project == "" {
		var err error
		if project, err = findProject(); err != nil {
			return err
		}
	}
	if format != "text" && format != "json" && format != "mermaid" {
		return fmt.Errorf("print plan: format %q is none of text, json, mermaid", format)
	}
	plan, err := record(project, name, filepath.Join(project, "Pulumi."+name+".yaml"))
	if err != nil {
		return err
	}
	switch format {
	case "json":
		return plan.writeJSON(os.Stdout)
	case "mermaid":
		return plan.writeMermaid(os.Stdout)
	}
	if base != "" {
		plan.compareWith(project, base)
	}
	return plan.writeText(os.Stdout)
}

// findProject looks for Pulumi.yaml here and in every folder above.
func findProject() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "Pulumi.yaml")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("find Pulumi.yaml: neither in %s nor above; name its folder with -project", start)
		}
	}
}
