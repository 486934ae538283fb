package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

func recorded(t *testing.T) *plan {
	t.Helper()
	p, err := record(configuration)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func text(value any) string {
	s, _ := value.(string)
	return s
}

// Only jobs of this repository sign in, by its number, and none that runs a stranger's code in the name of the branch.
func TestFederationIsForThisRepository(t *testing.T) {
	provider := recorded(t).ofType(":WorkloadIdentityPoolProvider")[0]
	if got, want := text(provider.Inputs["attributeCondition"]), "assertion.repository_id == '123456789' && assertion.event_name != 'pull_request_target'"; got != want {
		t.Errorf("condition %s, want %s", got, want)
	}
}

// An account is for the jobs of one environment; who can change the cloud or the images must be on the branch as well.
func TestAccountsAreForOneEnvironment(t *testing.T) {
	const pool = "principalSet://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/github/attribute."
	want := map[string]string{
		"image-build": "environment_branch/build/refs/heads/main",
		"deploy-dev":  "environment_branch/dev/refs/heads/main", "preview-dev": "environment/dev-preview", "audit-dev": "environment_branch/dev-audit/refs/heads/main",
		"deploy-prod": "environment_branch/prod/refs/heads/main", "preview-prod": "environment/prod-preview", "audit-prod": "environment_branch/prod-audit/refs/heads/main",
	}
	for _, r := range recorded(t).ofType(":IAMMember") {
		account, ok := strings.CutSuffix(r.Name, "-from-github")
		if !ok {
			continue
		}
		if got := strings.TrimPrefix(text(r.Inputs["member"]), pool); got != want[account] {
			t.Errorf("%s is for %s, want %s", account, got, want[account])
		}
		delete(want, account)
	}
	for account := range want {
		t.Errorf("nobody can become %s", account)
	}
}

// What runs the code of pull requests reads the state and nothing else.
func TestPreviewerReadsTheStateAlone(t *testing.T) {
	var got []string
	for _, r := range recorded(t).resources {
		if text(r.Inputs["member"]) == "serviceAccount:preview-prod@acme-prod.iam.gserviceaccount.com" {
			got = append(got, fmt.Sprint(r.Inputs["role"], " ", r.Inputs["bucket"], r.Inputs["cryptoKeyId"]))
		}
	}
	slices.Sort(got)
	want := []string{
		"roles/cloudkms.cryptoKeyDecrypter <nil>projects/acme-prod/locations/asia-northeast1/keyRings/pulumi-prod/cryptoKeys/secrets",
		"roles/storage.objectViewer acme-prod-pulumi-prod<nil>",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// No stack's account reaches the state, the key or the project of another.
func TestStacksAreApart(t *testing.T) {
	for _, r := range recorded(t).resources {
		member := text(r.Inputs["member"])
		where := fmt.Sprint(r.Inputs["bucket"], r.Inputs["cryptoKeyId"])
		if strings.HasPrefix(r.Type, "gcp:projects/") {
			where += text(r.Inputs["project"])
		}
		if strings.Contains(member, "acme-dev") && strings.Contains(where, "prod") || strings.Contains(member, "acme-prod") && strings.Contains(where, "dev") {
			t.Errorf("%s gives %s a role on %s", r.Name, member, where)
		}
	}
}

func TestNoPublicOrBasicRole(t *testing.T) {
	for _, r := range recorded(t).resources {
		role, member := text(r.Inputs["role"]), text(r.Inputs["member"])
		if slices.Contains([]string{"roles/owner", "roles/editor", "roles/viewer", "roles/iam.roleAdmin"}, role) || strings.HasPrefix(member, "all") {
			t.Errorf("%s gives %s to %s", r.Name, role, member)
		}
		if strings.Contains(r.Type, "Binding") || strings.Contains(r.Type, "IAMPolicy") || strings.Contains(r.Type, "IamPolicy") {
			t.Errorf("%s takes away what others have granted", r.Name)
		}
	}
}

// The deploying account can give what a stack gives, and no more: not to itself, not to anybody.
func TestDeployerGivesOnlyTheStacksRoles(t *testing.T) {
	for _, r := range recorded(t).ofType(":IAMMember") {
		if r.Inputs["role"] != "roles/resourcemanager.projectIamAdmin" {
			continue
		}
		condition, _ := r.Inputs["condition"].(map[string]any)
		expression := text(condition["expression"])
		if !strings.HasPrefix(expression, "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly(['roles/") {
			t.Errorf("%s is bound by %q", r.Name, expression)
		}
	}
	for _, r := range plansOfStacks(t) {
		role := text(r.Inputs["role"])
		if r.Type == "gcp:projects/iAMMember:IAMMember" && !slices.Contains(grantableRoles, role) {
			t.Errorf("a stack gives %s, and the deploying account may not", role)
		}
	}
}

// creates says which role makes the resources of a type; an empty one is given on the thing itself.
var creates = map[string]string{
	"gcp:cloudrunv2/job":                  "roles/run.admin",
	"gcp:cloudscheduler/job":              "roles/cloudscheduler.admin",
	"gcp:logging/metric":                  "roles/logging.configWriter",
	"gcp:monitoring/":                     "roles/monitoring.editor",
	"gcp:projects/iAMMember":              "roles/resourcemanager.projectIamAdmin",
	"gcp:projects/service":                "roles/serviceusage.serviceUsageAdmin",
	"gcp:secretmanager/":                  "roles/secretmanager.admin",
	"gcp:serviceaccount/account":          "roles/iam.serviceAccountAdmin",
	"gcp:serviceaccount/iAMMember":        "roles/iam.serviceAccountAdmin",
	"gcp:cloudrunv2/jobIamMember":         "roles/run.admin",
	"gcp:storage/bucketIAMMember":         "",
	"gcp:kms/cryptoKeyIAMMember":          "",
	"gcp:artifactregistry/":               "", // not with a promoted image
	"docker:":                             "", // likewise
	"vertex-metadata:":                    "",
	"gcp:projects/serviceIdentity":        "roles/serviceusage.serviceUsageAdmin",
	"gcp:monitoring/notificationChannel:": "roles/monitoring.editor",
}

// asked says the same for what a stack makes only when a setting asks for it: README.md names these roles for deployerRoles.
var asked = map[string]string{
	"gcp:discoveryengine/": "roles/discoveryengine.admin",
	"gcp:sql/user":         "roles/cloudsql.admin",
	"gcp:storage/bucket:":  "roles/storage.admin",
}

// Whatever a stack declares, the deploying account may make, or README.md says what it needs.
func TestDeployerMayMakeWhatAStackDeclares(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for prefix, role := range asked {
		if !strings.Contains(string(readme), "| `"+role+"` |") {
			t.Errorf("README.md does not say that %s needs %s", prefix, role)
		}
	}
	for _, r := range plansOfStacks(t) {
		if slices.ContainsFunc(slices.Collect(maps.Keys(asked)), func(prefix string) bool { return strings.HasPrefix(r.Type, prefix) }) {
			continue
		}
		best := ""
		for prefix := range creates {
			if strings.HasPrefix(r.Type, prefix) && len(prefix) > len(best) {
				best = prefix
			}
		}
		if best == "" {
			t.Errorf("nobody knows which role makes a %s: say so in creates, and give it in roles.go or name it in README.md", r.Type)
		} else if role := creates[best]; role != "" && !slices.Contains(deployerRoles, role) {
			t.Errorf("the deploying account lacks %s for a %s", role, r.Type)
		}
	}
}

// What the cloud cannot give back is left behind.
func TestStateStays(t *testing.T) {
	p := recorded(t)
	for _, suffix := range []string{":Bucket", ":KeyRing", ":CryptoKey", ":Repository"} {
		for _, r := range p.ofType(suffix) {
			if !r.Retain {
				t.Errorf("%s is deleted", r.Name)
			}
		}
	}
}

// Two stacks may share a project.
func TestStacksShareAProject(t *testing.T) {
	p, err := record(with(map[string]string{"stacks": `["dev=example-home","prod=example-home"]`}))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range p.resources {
		if seen[r.Type+r.Name] {
			t.Errorf("%s %s is declared twice", r.Type, r.Name)
		}
		seen[r.Type+r.Name] = true
	}
	if len(p.ofType(":ServiceIdentity")) != 1 {
		t.Error("the agent of one project is created twice")
	}
}

func TestFurtherRoles(t *testing.T) {
	p, err := record(with(map[string]string{"deployerRoles": `["roles/cloudsql.admin"]`, "grantableRoles": `["roles/discoveryengine.admin"]`}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range p.resources {
		if r.Inputs["role"] == "roles/cloudsql.admin" {
			got = append(got, text(r.Inputs["member"]))
		}
	}
	for _, r := range p.ofType(":IAMMember") {
		condition, bound := r.Inputs["condition"].(map[string]any)
		if bound && !strings.Contains(text(condition["expression"]), ", 'roles/discoveryengine.admin'])") {
			t.Errorf("%s may not give the further role: %s", r.Name, condition["expression"])
		}
	}
	want := []string{"serviceAccount:deploy-dev@acme-dev.iam.gserviceaccount.com", "serviceAccount:deploy-prod@acme-prod.iam.gserviceaccount.com"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
