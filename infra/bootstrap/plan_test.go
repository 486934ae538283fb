package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"gopkg.in/yaml.v3"
)

var update = flag.Bool("update", false, "write the golden files anew")

// configuration is that of the golden plan: two stacks in projects of their own.
var configuration = map[string]string{
	"gcp:project": "example-home", "repository": "owner/repository", "repositoryId": "123456789", "branch": "main", "location": "asia-northeast1",
	"stacks": `["dev=acme-dev","prod=acme-prod"]`,
}

func TestPlanIsAsReviewed(t *testing.T) {
	plan, err := record(configuration)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "plan.txt")
	if *update {
		if err := os.WriteFile(file, []byte(plan.text(t)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), plan.text(t)); diff != "" {
		t.Errorf("%s is out of date; look at the change, then go test ./bootstrap -update (-kept +now):\n%s", file, diff)
	}
}

func TestSettingsAreRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		set  map[string]string
		want string
	}{
		{"nothing set", map[string]string{"gcp:project": "", "repository": "", "repositoryId": "", "stacks": "[]"}, `gcp:project: is not set; give the id of a project
repository: is not set; give OWNER/NAME
repositoryId: is not set; give the repository's number: gh api repos/OWNER/NAME --jq .id
stacks: is not set; give a list of NAME=PROJECT: pulumi config set --path 'stacks[0]' dev=MY-PROJECT`},
		{"a name for a number", map[string]string{"repositoryId": "owner/repository"}, `repositoryId: "owner/repository" is not the repository's number`},
		{"an address for a name", map[string]string{"repository": "https://github.com/owner/repository"}, `repository: "https://github.com/owner/repository" is not OWNER/NAME`},
		{"a quote in the branch", map[string]string{"branch": "main' || true"}, `branch: "main' || true" is not the name of a branch`},
		{"a stack without a project", map[string]string{"stacks": `["dev"]`}, `stacks: "dev" is not NAME=PROJECT`},
		{"a stack that is too long for an account", map[string]string{"stacks": `["a-very-long-stack-name=acme-dev"]`}, `is not NAME=PROJECT; a name has 2 to 19 small letters`},
		{"a stack twice", map[string]string{"stacks": `["dev=example-a","dev=example-b"]`}, "stacks: dev is there twice"},
		{"a role that is none", map[string]string{"deployerRoles": `["cloudsql.admin"]`}, `deployerRoles: "cloudsql.admin" is not a role`},
		{"too many roles to give", map[string]string{"grantableRoles": `["roles/a","roles/b","roles/c"]`}, "grantableRoles: 11 roles with those of every stack; Google takes 10 in one condition"},
		{"a location that is none", map[string]string{"location": "Tokyo"}, `location: "Tokyo" is not a location`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := record(with(c.set)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func with(set map[string]string) map[string]string {
	values := map[string]string{}
	for _, from := range []map[string]string{configuration, set} {
		for name, value := range from {
			values[name] = value
		}
	}
	return values
}

// planned is a resource as the program declares it.
type planned struct {
	Type, Name string
	Inputs     map[string]any
	After      []string
	Retain     bool
}

type plan struct {
	mu        sync.Mutex
	resources []planned
	outputs   map[string]any
}

// record runs the program against a monitor that makes nothing and answers with what the cloud would compute.
func record(values map[string]string) (*plan, error) {
	settings := map[string]string{}
	for name, value := range values {
		if !strings.Contains(name, ":") {
			name = "vertex-metadata-bootstrap:" + name
		}
		settings[name] = value
	}
	p := &plan{}
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		b, err := declare(ctx)
		if err != nil {
			return err
		}
		b.outputs().ToMapOutput().ApplyT(func(outputs map[string]any) any {
			p.outputs = outputs
			return nil
		})
		return nil
	},
		pulumi.WithMocks("vertex-metadata-bootstrap", "main", p), func(info *pulumi.RunInfo) { info.Config = settings })
	slices.SortFunc(p.resources, func(a, b planned) int { return strings.Compare(a.Type+" "+a.Name, b.Type+" "+b.Name) })
	return p, err
}

func (p *plan) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	text := func(key string) string {
		if v := args.Inputs[resource.PropertyKey(key)]; v.IsString() {
			return v.StringValue()
		}
		return ""
	}
	if args.TypeToken == "pulumi:pulumi:Stack" {
		return args.Name, args.Inputs, nil
	}
	out := args.Inputs.Copy()
	set := func(key, value string) { out[resource.PropertyKey(key)] = resource.NewStringProperty(value) }
	id := args.Name
	switch args.TypeToken {
	case "gcp:serviceaccount/account:Account":
		email := text("accountId") + "@" + text("project") + ".iam.gserviceaccount.com"
		set("email", email)
		set("member", "serviceAccount:"+email)
		set("name", "projects/"+text("project")+"/serviceAccounts/"+email)
	case "gcp:iam/workloadIdentityPool:WorkloadIdentityPool":
		set("name", "projects/123456789012/locations/global/workloadIdentityPools/"+text("workloadIdentityPoolId"))
	case "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider":
		set("name", "projects/123456789012/locations/global/workloadIdentityPools/"+text("workloadIdentityPoolId")+"/providers/"+text("workloadIdentityPoolProviderId"))
	case "gcp:projects/serviceIdentity:ServiceIdentity":
		set("member", "serviceAccount:service-of-"+text("project")+"@serverless-robot-prod.iam.gserviceaccount.com")
	case "gcp:kms/keyRing:KeyRing":
		id = "projects/" + text("project") + "/locations/" + text("location") + "/keyRings/" + text("name")
	case "gcp:kms/cryptoKey:CryptoKey":
		id = text("keyRing") + "/cryptoKeys/" + text("name")
	}
	after := []string{}
	for _, urn := range args.RegisterRPC.GetDependencies() {
		after = append(after, urn[strings.LastIndex(urn, "::")+2:])
	}
	slices.Sort(after)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resources = append(p.resources, planned{
		args.TypeToken, args.Name, args.Inputs.Mappable(), after, args.RegisterRPC.GetRetainOnDelete(),
	})
	return id, out, nil
}

func (p *plan) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return nil, fmt.Errorf("call of %s: the program needs none", args.Token)
}

// ofType returns the resources whose type ends so.
func (p *plan) ofType(suffix string) (found []planned) {
	for _, r := range p.resources {
		if strings.HasSuffix(r.Type, suffix) {
			found = append(found, r)
		}
	}
	return found
}

// text prints the plan for people.
func (p *plan) text(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, r := range p.resources {
		fmt.Fprintf(&all, "%s %s\n", r.Type, r.Name)
		inputs, err := yaml.Marshal(r.Inputs)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(inputs)) {
			all.WriteString("  " + line)
		}
		if len(r.After) > 0 {
			fmt.Fprintf(&all, "  # after %s\n", strings.Join(r.After, ", "))
		}
		if r.Retain {
			all.WriteString("  # left behind when deleted\n")
		}
		all.WriteString("\n")
	}
	outputs, err := yaml.Marshal(p.outputs)
	if err != nil {
		t.Fatal(err)
	}
	return all.String() + "outputs\n" + string(outputs)
}

// plansOfStacks reads the plans of the main program that are kept beside it.
func plansOfStacks(t *testing.T) (resources []struct {
	Type   string
	Inputs map[string]any
},
) {
	t.Helper()
	files, err := filepath.Glob("../plan/testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no plans: %v", err)
	}
	for _, file := range files {
		if filepath.Base(file) == "everything.json" {
			continue // options that need the settings deployerRoles and grantableRoles
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var one struct {
			Resources []struct {
				Type   string
				Inputs map[string]any
			}
		}
		if err := json.Unmarshal(text, &one); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		resources = append(resources, one.Resources...)
	}
	return resources
}
