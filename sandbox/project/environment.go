package project

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"vertexmetadata/sandbox/cloudrun"
	"vertexmetadata/sandbox/controlplane/api"
	"vertexmetadata/sandbox/dataplane"
)

// Image is the reference of an image that stands for Options.Job: there is no registry to push one to.
const Image = dataplane.Region + "-docker.pkg.dev/" + dataplane.Project + "/" + Repository + "/create-vertex-metadata@sha256:" +
	"0000000000000000000000000000000000000000000000000000000000000000"

// Environment points the job, gcloud and Pulumi at the project, all as its operator. Settings of gcloud and state of Pulumi are kept
// in the folder.
func (p *Project) Environment(folder string, cloudSQL bool) ([]dataplane.Variable, error) {
	// The services ask who calls, and the job's clients do not say: see cloudrun.Front.
	address, end, err := cloudrun.Front(p.endpoints(), p.Control.AdminToken())
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, end)
	variables := p.Data.Environment(cloudSQL)
	for i, v := range variables {
		if v.Name == "STORAGE_EMULATOR_HOST" || strings.HasSuffix(v.Name, "_ENDPOINT") {
			variables[i].Value = address
		}
	}
	gcloud, state := folder+"/gcloud", folder+"/pulumi"
	for _, dir := range []string{gcloud, state} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("make folder of settings: %w", err)
		}
	}
	for _, line := range api.GcloudVariables(p.Address, p.Control.AdminToken(), gcloud) {
		name, value, _ := strings.Cut(line, "=")
		variables = append(variables, dataplane.Variable{Name: name, Value: value})
	}
	return append(
		variables,
		dataplane.Variable{Name: "CLOUDSDK_CORE_PROJECT", Value: dataplane.Project},
		dataplane.Variable{Name: "PULUMI_BACKEND_URL", Value: "file://" + state},
		dataplane.Variable{Name: "PULUMI_CONFIG_PASSPHRASE", Value: ""},
		dataplane.Variable{Name: "PULUMI_SKIP_UPDATE_CHECK", Value: "true"},
		dataplane.Variable{Name: "PULUMI_GCP_SKIP_REGION_VALIDATION", Value: "true"},
		// The credentials of this machine are not used.
		dataplane.Variable{Name: "GOOGLE_APPLICATION_CREDENTIALS", Value: ""},
	), nil
}

// StackFile is a stack file that deploys into the project: what its settings need, and the addresses of the control plane.
func (p *Project) StackFile() string {
	config := api.PulumiConfig(p.Address, p.Control.AdminToken())
	maps.Copy(config, map[string]string{
		"gcp:project": dataplane.Project, "gcp:region": dataplane.Region, "vertex-metadata:cloudSqlInstance": dataplane.Instance,
		"vertex-metadata:artifactRepository": Repository, "vertex-metadata:image": Image,
	})
	var file strings.Builder
	file.WriteString("# Deploys into the sandbox that wrote this file, for as long as it runs.\nconfig:\n")
	for _, key := range slices.Sorted(maps.Keys(config)) {
		fmt.Fprintf(&file, "  %s: %q\n", key, config[key])
	}
	return file.String()
}
