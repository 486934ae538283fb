package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// writeText prints the plan for people: one YAML document a resource, in the order of deployment.
func (p *Plan) writeText(out io.Writer) error {
	if _, err := fmt.Fprintf(out, "# Plan of %s/%s: %d resources, each after those it waits for.\n", p.Project, p.Stack, len(p.Resources)); err != nil {
		return err
	}
	for _, r := range p.Resources {
		if err := writeResource(out, r); err != nil {
			return fmt.Errorf("write %s: %w", r.Name, err)
		}
	}
	if _, err := fmt.Fprintln(out, "\nWhat the stack tells"); err != nil {
		return err
	}
	return writeYAML(out, "outputs", p.Outputs)
}

func writeResource(out io.Writer, r Resource) error {
	if _, err := fmt.Fprintf(out, "\n%s %s\n", r.Type, r.Name); err != nil {
		return err
	}
	if err := writeYAML(out, "inputs", readable(r.Inputs)); err != nil {
		return err
	}
	var after []string
	for _, urn := range r.Depends {
		after = append(after, urnName(urn))
	}
	slices.Sort(after)
	for _, note := range []struct {
		title string
		names []string
	}{{"after", after}, {"import", one(r.Import)}, {"ignoreChanges", r.Ignore}, {"hooks", r.Hooks}, {"options", options(r)}} {
		if len(note.names) == 0 {
			continue
		}
		if _, err := fmt.Fprintf(out, "  %s: %s\n", note.title, strings.Join(note.names, ", ")); err != nil {
			return err
		}
	}
	return nil
}

// writeYAML prints a map under a title, or nothing if it is empty.
func writeYAML(out io.Writer, title string, values map[string]any) error {
	if len(values) == 0 {
		return nil
	}
	var text strings.Builder
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(map[string]any{title: values}); err != nil {
		return err
	}
	for _, line := range strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n") {
		if _, err := fmt.Fprintf(out, "  %s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// readable opens inputs that are JSON in a string, as a dashboard is, so that a change in them shows line by line.
func readable(inputs map[string]any) map[string]any {
	opened := make(map[string]any, len(inputs))
	for key, value := range inputs {
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
