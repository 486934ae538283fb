package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The example declares the component twice in one stack: as a program of its own, compiled without the workspace, it registers two
// systems that have no name in common, neither in the stack nor in the cloud, and that keep every rule.
func TestExampleOfTwoSystems(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "two-systems")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir, build.Env = filepath.Join("..", "..", "examples", "two-systems"), append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the example: %v\n%s", err, output)
	}
	plan, err := recordRun("two-systems", "example", func(address string) error {
		program := exec.Command(binary)
		program.Env = append(os.Environ(), "PULUMI_PROJECT=two-systems", "PULUMI_STACK=example", "PULUMI_PARALLEL=1", "PULUMI_MONITOR="+address,
			"PULUMI_ENGINE="+address, `PULUMI_CONFIG={"gcp:project":"my-project","gcp:region":"asia-northeast1"}`)
		if output, err := program.CombinedOutput(); err != nil {
			return fmt.Errorf("run the example: %w\n%s", err, output)
		}
		return nil
	})
	must(t, err)
	var jsonText bytes.Buffer
	must(t, plan.writeJSON(&jsonText))
	checkGolden(t, filepath.Join("testdata", "example", "two-systems.json"), jsonText.Bytes())

	seen := map[string]string{}
	for _, r := range plan.Resources {
		if seen[r.URN] != "" {
			t.Errorf("two resources are %s", r.URN)
		}
		seen[r.URN] = r.Name
		if len(r.Aliases) > 0 {
			t.Errorf("%s claims the names %v of a stack that was deployed by the program itself", r.Name, r.Aliases)
		}
		// What has a name of its own in the cloud; APIs, agents and grants to agents are the project's.
		for _, input := range []string{"accountId", "name", "dataStoreId", "engineId"} {
			name := text(r.Inputs[input])
			if name == "" || strings.HasSuffix(r.Type, ":User") || r.Inputs["member"] != nil {
				continue
			}
			if other := seen[r.Type+" "+name]; other != "" {
				t.Errorf("%s and %s are both called %s", other, r.Name, name)
			}
			seen[r.Type+" "+name] = r.Name
		}
	}
	for _, rule := range []func(*Plan) []string{noPublicOrBasicRole, noPlainSecret, imageByDigest, grantsOnlyAdd, dependenciesComplete, apisStay, dataStays} {
		if broken := rule(plan); len(broken) > 0 {
			t.Error(broken)
		}
	}
}
