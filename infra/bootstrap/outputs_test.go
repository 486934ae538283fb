package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The commands for GitHub are pasted into a shell: here into one where gh writes down what it is given.
func TestGitHubCommandsSurviveTheShell(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash, for which the commands are written, is not installed")
	}
	dir := t.TempDir()
	gh := `#!/bin/sh
if [ "$1 $2" = "api user" ]; then echo 42; exit; fi
for word in "$@"; do printf '[%s]' "$word" >> calls; done
case "$*" in *"--input -"*) printf ' < ' >> calls; cat >> calls;; *) echo >> calls;; esac
`
	if err := os.WriteFile(filepath.Join(dir, "gh"), []byte(gh), 0o755); err != nil {
		t.Fatal(err)
	}
	commands, _ := recorded(t).outputs["githubCommands"].(string)
	shell := exec.Command(bash, "-euc", commands)
	shell.Dir, shell.Env = dir, append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	calls, err := os.ReadFile(filepath.Join(dir, "calls"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(calls), "\n")
	for _, want := range []string{
		"[variable][set][WORKLOAD_IDENTITY_PROVIDER][--repo][owner/repository][--body][projects/123456789012/locations/global/workloadIdentityPools/github/providers/repository]",
		"[variable][set][IMAGE_REPOSITORY][--repo][owner/repository][--body][asia-northeast1-docker.pkg.dev/example-home/vertex-metadata]",
		`[variable][set][STACKS][--repo][owner/repository][--body][["dev","prod"]]`,
		`[api][--method][PUT][repos/owner/repository/environments/dev][--silent][--input][-] < {"deployment_branch_policy":{"protected_branches":false,"custom_branch_policies":true}}`,
		"[api][--method][POST][repos/owner/repository/environments/dev/deployment-branch-policies][--field][name=main][--silent]",
		`[api][--method][PUT][repos/owner/repository/environments/dev-preview][--silent][--input][-] < {"deployment_branch_policy":null}`,
		`[api][--method][PUT][repos/owner/repository/environments/prod][--silent][--input][-] < {"reviewers":[{"type":"User","id":42}],"deployment_branch_policy":{"protected_branches":false,"custom_branch_policies":true}}`,
		`[api][--method][PUT][repos/owner/repository/environments/prod-preview][--silent][--input][-] < {"reviewers":[{"type":"User","id":42}],"deployment_branch_policy":null}`,
		`[api][--method][PUT][repos/owner/repository/environments/prod-audit][--silent][--input][-] < {"deployment_branch_policy":{"protected_branches":false,"custom_branch_policies":true}}`,
		"[variable][set][SERVICE_ACCOUNT][--repo][owner/repository][--env][prod][--body][deploy-prod@acme-prod.iam.gserviceaccount.com]",
		"[variable][set][PULUMI_BACKEND_URL][--repo][owner/repository][--env][prod-audit][--body][gs://acme-prod-pulumi-prod]",
		"[variable][set][SERVICE_ACCOUNT][--repo][owner/repository][--env][build][--body][image-build@example-home.iam.gserviceaccount.com]",
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("gh is not called as\n%s\nbut as\n%s", want, calls)
		}
	}
}

// The commands name the state and the key that are created.
func TestStacksBeginWithTheirStateAndKey(t *testing.T) {
	p := recorded(t)
	commands, _ := p.outputs["stackCommands"].(map[string]string)
	for _, stack := range []string{"dev", "prod"} {
		bucket, key := "", ""
		for _, r := range p.ofType(":Bucket") {
			if r.Name == stack+"-state" {
				bucket = text(r.Inputs["name"])
			}
		}
		for _, r := range p.ofType(":CryptoKeyIAMMember") {
			if r.Name == "deploy-"+stack+"-secrets" {
				key = text(r.Inputs["cryptoKeyId"])
			}
		}
		want := "pulumi login gs://" + bucket + " && pulumi stack init " + stack + " --secrets-provider=gcpkms://" + key
		if commands[stack] != want {
			t.Errorf("%s begins with %q, want %q", stack, commands[stack], want)
		}
	}
}
