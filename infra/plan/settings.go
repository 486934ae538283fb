package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"

	"vertexmetadata/infra/stack"
)

// configuration is what the CLI would hand to the program.
type configuration struct {
	values  map[string]string
	secret  []string // keys of what is encrypted
	missing []string // keys that only the stack's environment can have, with a stand-in in values
}

// settings reads what the CLI would hand to the program: the stack's file over the defaults of Pulumi.yaml. What the CLI would
// refuse is refused, all of it at once.
func settings(projectDir, stackFile string) (string, configuration, error) {
	project, err := workspace.LoadProject(filepath.Join(projectDir, "Pulumi.yaml"))
	if err != nil {
		return "", configuration{}, fmt.Errorf("read project: %w", err)
	}
	if _, err := os.Stat(stackFile); errors.Is(err, fs.ErrNotExist) {
		return "", configuration{}, fmt.Errorf("read stack: %s is absent; %s", filepath.Base(stackFile), stacksOf(projectDir))
	}
	quiet := diag.DefaultSink(io.Discard, io.Discard, diag.FormatOptions{Color: colors.Never})
	stackConfig, err := workspace.LoadProjectStack(quiet, project, stackFile)
	if err != nil {
		return "", configuration{}, fmt.Errorf("read stack: %w", err)
	}
	given := configuration{values: map[string]string{}}
	types := map[string]workspace.ProjectConfigType{}
	for key, declared := range project.Config {
		name := string(project.Name) + ":" + key
		if strings.Contains(key, ":") {
			name = key
		}
		types[name] = declared
		value := declared.Default
		if declared.Value != nil {
			value = declared.Value
		}
		if given.values[name], err = flatten(value); err != nil {
			return "", configuration{}, fmt.Errorf("read default of %s: %w", key, err)
		}
	}
	var problems []string
	for _, key := range sortedKeys(stackConfig.Config) {
		problem, err := given.read(key, stackConfig.Config[key], string(project.Name), types)
		if err != nil {
			return "", configuration{}, fmt.Errorf("read %s: %w", key, err)
		}
		if problem != "" {
			problems = append(problems, key.String()+": "+problem)
		}
	}
	if len(problems) > 0 {
		return "", configuration{}, fmt.Errorf("read stack: %s:\n  %s", filepath.Base(stackFile), strings.Join(problems, "\n  "))
	}
	if stackConfig.Environment != nil && len(stackConfig.Environment.Imports()) > 0 {
		given.standIn(stackConfig.Environment.Imports())
	}
	return string(project.Name), given, nil
}

// read takes one value of the stack's file.
func (c *configuration) read(key config.Key, value config.Value, project string, types map[string]workspace.ProjectConfigType) (problem string, err error) {
	declared, known := types[key.String()]
	if !known && key.Namespace() == project {
		return stack.Misspelt(key.Name()), nil
	}
	if value.Secure() {
		if slices.Contains([]string{"gcp:project", "gcp:region"}, key.String()) {
			return "is encrypted, which a plan cannot read: it is no secret; set it without --secret", nil
		}
		if !known {
			return "", nil // another's, as gcp:accessToken: a plan asks nobody for anything
		}
		c.secret = append(c.secret, key.String())
	}
	text, err := value.Value(config.NewBlindingDecrypter())
	if err != nil {
		return "", err
	}
	if known && declared.IsExplicitlyTyped() && !value.Secure() {
		var content any = text
		if value.Object() {
			if err := json.Unmarshal([]byte(text), &content); err != nil {
				return "", err
			}
		}
		if !workspace.ValidateConfigValue(*declared.Type, declared.Items, content) {
			return "is not of type " + workspace.InferFullTypeName(*declared.Type, declared.Items), nil
		}
	}
	c.values[key.String()] = text
	return "", nil
}

// standIn gives what a stack needs, and its environment may have, a value to plan with: environments are kept by Pulumi's service.
func (c *configuration) standIn(environments []string) {
	for _, needed := range []struct{ key, value string }{
		{"gcp:project", "project-of-environment"},
		{stack.Namespace + ":cloudSqlInstance", "project-of-environment:asia-northeast1:instance"},
		{stack.Namespace + ":artifactRepository", "repository"},
	} {
		if c.values[needed.key] == "" {
			c.values[needed.key] = needed.value
			c.missing = append(c.missing, fmt.Sprintf("%s: planned with %s; it is not in the stack's file, so it has to come from the environment %s",
				needed.key, needed.value, strings.Join(environments, ", ")))
		}
	}
}

// stacksOf says which stacks there are.
func stacksOf(projectDir string) string {
	files, _ := filepath.Glob(filepath.Join(projectDir, "Pulumi.*.yaml"))
	if len(files) == 0 {
		return "run `pulumi stack init` and `pulumi config set` first"
	}
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "Pulumi."), ".yaml"))
	}
	return "there are " + strings.Join(names, ", ")
}

// flatten writes a value as the CLI passes it on: text as it is, the rest as JSON.
func flatten(value any) (string, error) {
	if text, ok := value.(string); ok {
		return text, nil
	}
	text, err := json.Marshal(value)
	return string(text), err
}

func sortedKeys[V any](m map[config.Key]V) []config.Key {
	keys := make([]config.Key, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b config.Key) int { return strings.Compare(a.String(), b.String()) })
	return keys
}
