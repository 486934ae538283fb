package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// printer remembers the first error, so that what is printed reads as it looks.
type printer struct {
	out io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format, args...)
	}
}

// writeText prints the plan for people: a summary, then one YAML document a resource, in the order of deployment.
func (p *Plan) writeText(out io.Writer) error {
	to := &printer{out: out}
	p.writeSummary(to)
	to.printf("\nResources, in the order of deployment (less the project, which is %s unless said)\n", p.args.Project)
	for _, r := range p.Resources {
		if r.Custom && r.Type != api {
			p.writeResource(to, r)
		}
	}
	to.printf("\nOutputs of the stack\n")
	to.writeYAML(p.Outputs)
	return to.err
}

const api = "gcp:projects/service:Service"

func (p *Plan) writeResource(to *printer, r Resource) {
	to.printf("\n%s %s\n", r.Type, p.short(r.Name))
	to.writeYAML(p.readable(r.Inputs))
	var after []string
	for _, urn := range r.Depends {
		if !strings.HasPrefix(p.short(urnName(urn)), "api-") { // all but the APIs, which come first
			after = append(after, p.short(urnName(urn)))
		}
	}
	slices.Sort(after)
	for _, note := range []struct {
		title string
		names []string
	}{{"after", after}, {"import", one(r.Import)}, {"ignoreChanges", r.Ignore}, {"options", options(r)}} {
		if len(note.names) > 0 {
			to.printf("  %s: %s\n", note.title, strings.Join(note.names, ", "))
		}
	}
}

// writeYAML prints a map, or nothing if it is empty.
func (to *printer) writeYAML(values map[string]any) {
	if len(values) == 0 || to.err != nil {
		return
	}
	var text strings.Builder
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if to.err = encoder.Encode(values); to.err != nil {
		return
	}
	for line := range strings.Lines(text.String()) {
		to.printf("    %s", line)
	}
}

// silent are inputs that the SDK adds by itself, with the value that says nothing.
var silent = map[string]any{"buildOnPreview": false, "skipPush": false}

// readable leaves out what every resource has, and opens inputs that are JSON in a string, as a dashboard is, so that a change in
// them shows line by line.
func (p *Plan) readable(inputs map[string]any) map[string]any {
	opened := make(map[string]any, len(inputs))
	for key, value := range inputs {
		if says, ok := silent[key]; key == "project" && value == p.args.Project || ok && says == value {
			continue
		}
		var object map[string]any
		if text, ok := value.(string); ok && json.Unmarshal([]byte(text), &object) == nil {
			value = object
		}
		opened[key] = value
	}
	return opened
}

// options are the ways of Pulumi with a resource that differ from those of the others.
func options(r Resource) (said []string) {
	if r.Retain {
		said = append(said, "left behind when deleted")
	}
	if r.Protect {
		said = append(said, "protected")
	}
	if r.OldGoesFirst {
		said = append(said, "deleted before it is replaced")
	}
	return said
}

func one(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}
