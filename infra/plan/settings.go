package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
)

// settings reads what the CLI would hand to the program: the stack's file over the defaults of Pulumi.yaml.
func settings(projectDir, stackFile string) (*workspace.Project, map[string]string, error) {
	project, err := workspace.LoadProject(filepath.Join(projectDir, "Pulumi.yaml"))
	if err != nil {
		return nil, nil, fmt.Errorf("read project: %w", err)
	}
	quiet := diag.DefaultSink(io.Discard, io.Discard, diag.FormatOptions{Color: colors.Never})
	stack, err := workspace.LoadProjectStack(quiet, project, stackFile)
	if err != nil {
		return nil, nil, fmt.Errorf("read stack: %w", err)
	}
	if len(stack.Config) == 0 {
		return nil, nil, fmt.Errorf("read stack: %s is absent or holds no config", filepath.Base(stackFile))
	}
	values := map[string]string{}
	for key, declared := range project.Config {
		name, err := config.ParseKey(key)
		if err != nil { // a key of the project's own is written without its name
			name = config.MustMakeKey(string(project.Name), key)
		}
		value := declared.Default
		if declared.Value != nil {
			value = declared.Value
		}
		if values[name.String()], err = flatten(value); err != nil {
			return nil, nil, fmt.Errorf("read default of %s: %w", key, err)
		}
	}
	for key, value := range stack.Config {
		if _, declared := values[key.String()]; !declared && key.Namespace() == string(project.Name) {
			return nil, nil, fmt.Errorf("read stack: %s is not a setting; infra/README.md lists them", key)
		}
		if value.Secure() {
			return nil, nil, fmt.Errorf("read stack: %s is encrypted; a plan needs no passphrase, keep secrets in Secret Manager", key)
		}
		if values[key.String()], err = value.Value(config.NopDecrypter); err != nil {
			return nil, nil, fmt.Errorf("read %s: %w", key, err)
		}
	}
	return project, values, nil
}

// flatten writes a value as the CLI passes it on: text as it is, the rest as JSON.
func flatten(value any) (string, error) {
	if text, ok := value.(string); ok {
		return text, nil
	}
	text, err := json.Marshal(value)
	return string(text), err
}
