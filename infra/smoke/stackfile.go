package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"

	"gopkg.in/yaml.v3"
)

// nameForm is what every name that is made of the stack's allows.
var nameForm = regexp.MustCompile(`^[a-z][a-z0-9-]{3,20}[a-z0-9]$`)

// stackFile writes the settings of another stack for the stack to try: in the given project, under names of its own, with a
// trigger that does not fire, and so that it can be destroyed. It returns the path.
func stackFile(from, project, name string) (string, error) {
	if !nameForm.MatchString(name) {
		return "", fmt.Errorf("command line: -name %q is not 5 to 22 small letters, digits and hyphens", name)
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return "", fmt.Errorf("read settings: %w; name a stack file with -settings", err)
	}
	var stack struct{ Config map[string]any }
	if err := yaml.Unmarshal(text, &stack); err != nil {
		return "", fmt.Errorf("read settings %s: %w", from, err)
	}
	if stack.Config == nil {
		stack.Config = map[string]any{}
	}
	if stack.Config["vertex-metadata:databaseAuth"] == "iam" {
		return "", fmt.Errorf("read settings %s: databaseAuth is iam: the account of a trial has no grants in the database; try a copy of the file with databaseAuth password", from)
	}
	// What the stack tried made is used: it is there already, and would not go when the trial goes.
	for _, key := range []string{"createBucket", "createDataStore", "createDatabaseUser", "createSecrets", "dataStoreParser", "dataStoreSchemaFile", "searchApp", "secretValues"} {
		delete(stack.Config, "vertex-metadata:"+key)
	}
	if syncs, ok := stack.Config["vertex-metadata:syncs"].([]any); ok {
		for _, sync := range syncs {
			if fields, ok := sync.(map[string]any); ok {
				delete(fields, "dataStoreContent") // of a data store that is created
			}
		}
	}
	for key, value := range stack.Config {
		if secret, ok := value.(map[string]any); ok && secret["secure"] != nil {
			return "", fmt.Errorf("read settings %s: %s is encrypted for its own stack; copy the file and write the value in plain text", from, key)
		}
	}
	stack.Config["gcp:project"] = project
	for key, value := range map[string]any{
		"jobName": name, "triggerName": name, "jobAccount": name + "-job", "runnerAccount": name + "-run",
		"paused": true, "deletionProtection": false, "adopt": false, "alertEmails": []string{},
	} {
		stack.Config["vertex-metadata:"+key] = value
	}
	if stack.Config["vertex-metadata:image"] != nil {
		delete(stack.Config, "vertex-metadata:createArtifactRepository")
	}
	written, err := yaml.Marshal(map[string]any{"config": stack.Config})
	if err != nil {
		return "", fmt.Errorf("write settings: %w", err)
	}
	path := "Pulumi." + name + ".yaml"
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("write settings: %s exists already; it may be of a stack that still runs: choose another -name, or destroy that stack", path)
	}
	if err != nil {
		return "", fmt.Errorf("write settings: %w", err)
	}
	_, err = file.Write(written)
	return path, errors.Join(err, file.Close())
}
