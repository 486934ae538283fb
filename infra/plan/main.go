// Command plan prints every resource and input of a stack, from the program that is deployed, without an account,
// the Pulumi CLI or a network. Start it in infra/:
//
//	go run ./plan -stack dev
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"vertexmetadata/infra/stack"
)

func main() {
	name := flag.String("stack", "dev", "stack whose Pulumi.STACK.yaml is read")
	project := flag.String("project", "", "folder with Pulumi.yaml; empty: the nearest one above")
	asJSON := flag.Bool("json", false, "print JSON, for programs")
	flag.Parse()
	if err := run(*project, *name, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(project, name string, asJSON bool) error {
	if project == "" {
		var err error
		if project, err = findProject(); err != nil {
			return err
		}
	}
	plan, err := record(project, name, filepath.Join(project, "Pulumi."+name+".yaml"), stack.Deploy)
	if err != nil {
		return err
	}
	if !asJSON {
		return plan.writeText(os.Stdout)
	}
	return plan.writeJSON(os.Stdout)
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
