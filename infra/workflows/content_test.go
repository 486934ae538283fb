package workflows

import (
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// The Go that compiles is one: in the workspace, in the image and on GitHub (see the rule on setup-go).
func TestOneGo(t *testing.T) {
	find := func(file, pattern string) string {
		t.Helper()
		m := regexp.MustCompile(pattern).FindStringSubmatch(read(t, top+"/"+file))
		if m == nil {
			t.Fatalf("%s names no version of Go", file)
		}
		return m[1]
	}
	workspace, image := find("go.work", `(?m)^toolchain go(\S+)$`), find("Dockerfile", `(?m)^FROM .*golang:([0-9.]+)-`)
	if workspace != image {
		t.Errorf("go.work compiles with Go %s, the Dockerfile with %s", workspace, image)
	}
	least := find("go.work", `(?m)^go (\S+)$`)
	for _, module := range []string{"infra", "job", "sandbox", "tools"} {
		if got := find(module+"/go.mod", `(?m)^go (\S+)$`); got > least {
			t.Errorf("%s needs Go %s, go.work says %s", module, got, least)
		}
	}
}

// A target that a workflow or CI calls exists.
func TestMakeTargetsExist(t *testing.T) {
	makefile := read(t, top+"/Makefile")
	files := map[string]string{".ci/run": read(t, top+"/.ci/run")}
	for file, w := range workflows(t) {
		files[file] = w.text
	}
	for file, text := range files {
		for _, m := range regexp.MustCompile(`(?m)(?:run: |^\s*)make ([a-z0-9-]+)`).FindAllStringSubmatch(text, -1) {
			if !strings.Contains(makefile, "\n"+m[1]+":") {
				t.Errorf("%s runs make %s, which the Makefile does not have", file, m[1])
			}
		}
	}
}

// What a workflow runs in .github/scripts exists and can be executed.
func TestScriptsExist(t *testing.T) {
	for file, w := range workflows(t) {
		for _, m := range regexp.MustCompile(`\.github/scripts/[a-z-]+`).FindAllString(w.text, -1) {
			if info, err := os.Stat(top + "/" + m); err != nil || info.Mode()&0o111 == 0 {
				t.Errorf("%s runs %s, which is absent or no program", file, m)
			}
		}
	}
}

// steps returns every step of a workflow's jobs as text, in order, to look for what must be among them.
func steps(w workflow, id string) (all []string) {
	for _, s := range w.Jobs[id].Steps {
		all = append(all, s.Uses+" "+s.Run)
	}
	return all
}

// inOrder checks that steps with these words come one after the other.
func inOrder(t *testing.T, what string, all []string, words ...string) {
	t.Helper()
	at := 0
	for _, word := range words {
		i := slices.IndexFunc(all[at:], func(s string) bool { return strings.Contains(s, word) })
		if i < 0 {
			t.Errorf("%s: no %q after step %d", what, word, at)
			return
		}
		at += i + 1
	}
}

func TestDeployment(t *testing.T) {
	all := workflows(t)
	deploy, up := all["deploy.yml"], all["up.yml"]
	inOrder(t, "build once, describe, sign, verify", steps(deploy, "build"),
		"docker/build-push-action", "anchore/sbom-action", "cosign sign", "actions/attest", "cosign verify")
	if n := strings.Count(deploy.text+up.text, "build-push-action@"); n != 1 {
		t.Errorf("the image is built %d times on its way to the last stack, want once", n)
	}
	if !strings.Contains(deploy.text, "rewrite-timestamp=true") || !strings.Contains(deploy.text, "SOURCE_DATE_EPOCH") {
		t.Error("two builds of one commit give two images")
	}
	inOrder(t, "diff in the summary", steps(up, "diff"), "scripts/preview")
	inOrder(t, "refuse, deploy, prove", steps(up, "up"), "scripts/refuse-stale", "pulumi up", "scripts/smoke")
	if !slices.Contains(up.Jobs["up"].Needs, "diff") {
		t.Error("the diff is not shown before the gate")
	}
	if got := up.Jobs["up"].Environment; got != "${{ inputs.stack }}" {
		t.Errorf("the deploying job's environment is %q: nobody has to approve it", got)
	}
	if !deploy.after("others", "first") {
		t.Error("what the first stack has not tried is promoted")
	}
	if !strings.Contains(deploy.Jobs["stacks"].If, "github.ref == 'refs/heads/main'") {
		t.Error("started by hand, any branch is deployed")
	}
}

func TestNightly(t *testing.T) {
	nightly := workflows(t)["nightly.yml"]
	if !nightly.on("schedule") {
		t.Error("nothing starts it at night")
	}
	inOrder(t, "drift", steps(nightly, "drift"), "--refresh --expect-no-changes")
	inOrder(t, "vulnerabilities", steps(nightly, "vulnerabilities"), "make vulnerabilities")
	inOrder(t, "image", steps(nightly, "image"), "docker build", "anchore/scan-action")
}

func TestTests(t *testing.T) {
	test := workflows(t)["test.yml"]
	inOrder(t, "test", steps(test, "test"), "make lint", "make test")
	inOrder(t, "race", steps(test, "race"), "make race")
	inOrder(t, "e2e", steps(test, "e2e"), "pulumi/actions", "make e2e")
	var versions []string
	node := test.Jobs["postgres"].Strategy.Matrix["version"]
	if err := node.Decode(&versions); err != nil || strings.Join(versions, " ") != "14 15 16 17 18" {
		t.Errorf("PostgreSQL %v: %v, want 14 to 18", versions, err)
	}
}

func TestRelease(t *testing.T) {
	release := workflows(t)["release.yml"]
	if !release.after("release", "/test.yml") || !release.after("release", "changelog") {
		t.Error("a release waits for its changelog and its tests")
	}
	inOrder(t, "release", steps(release, "release"), "make release", "docker/build-push-action", "anchore/sbom-action", "cosign sign", "actions/attest", "gh release create")
}

// Documents and tests alone start neither a preview nor a deployment; whatever a deployment is made of does.
func TestPaths(t *testing.T) {
	all := workflows(t)
	for _, c := range []struct{ file, event string }{{"preview.yml", "pull_request"}, {"deploy.yml", "push"}} {
		var on map[string]struct {
			Ignore []string `yaml:"paths-ignore"`
			Paths  []string
		}
		w := all[c.file]
		if err := w.On.Decode(&on); err != nil || len(on[c.event].Paths) > 0 || len(on[c.event].Ignore) == 0 {
			t.Fatalf("%s: paths of %s are %v: %v", c.file, c.event, on[c.event], err)
		}
		for name, want := range map[string]bool{
			"README.md": false, "docs/PROTOCOL.md": false, "infra/README.md": false, "CHANGELOG.md": false, "LICENSE": false, "bench/RESULTS.md": false,
			"docs/graph.svg": false, "sandbox/demo.go": false, "job/main_test.go": false, "job/internal/source/query_test.go": false,
			"job/testdata/golden.json": false, "job/internal/source/testdata/a.sql": false, ".github/ISSUE_TEMPLATE/bug.yml": false, "tools/go.mod": false,
			"query.sql": true, "infra/query.sql": true, "queries/my-products.txt": true, "job/internal/config/query.sql": true, "job/main.go": true,
			"job/go.mod": true, "Dockerfile": true, ".dockerignore": true, "Pulumi.yaml": true, "Pulumi.staging.yaml": true, "go.work": true,
			"infra/stack/job.go": true, ".pulumi.version": true, ".github/workflows/deploy.yml": true, ".github/actions/sign-in/action.yml": true,
		} {
			ignored := slices.ContainsFunc(on[c.event].Ignore, func(pattern string) bool { return matches(pattern, name) })
			if ignored == want {
				t.Errorf("%s: a change of %s starts it: %t, want %t", c.file, name, !ignored, want)
			}
		}
	}
}

// matches tells as GitHub does whether a pattern covers a path: ** stands for anything, * for anything but a slash.
func matches(pattern, name string) bool {
	expression := regexp.QuoteMeta(pattern)
	expression = strings.ReplaceAll(expression, `\*\*/`, `(.*/)?`)
	expression = strings.ReplaceAll(expression, `\*\*`, `.*`)
	expression = strings.ReplaceAll(expression, `\*`, `[^/]*`)
	return regexp.MustCompile(`^` + expression + `$`).MatchString(name)
}

func TestDependabot(t *testing.T) {
	var config struct {
		Updates []struct {
			Ecosystem   string `yaml:"package-ecosystem"`
			Directory   string
			Directories []string
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, top+"/.github/dependabot.yml")), &config); err != nil {
		t.Fatal(err)
	}
	var covered []string
	for _, u := range config.Updates {
		for _, dir := range append(u.Directories, u.Directory) {
			if dir != "" {
				covered = append(covered, u.Ecosystem+" "+path.Clean(dir))
			}
		}
	}
	for _, want := range []string{"gomod /job", "gomod /sandbox", "gomod /infra", "gomod /tools", "github-actions /", "github-actions /.github/actions/*", "docker /"} {
		if !slices.Contains(covered, want) {
			t.Errorf("nothing updates %s", want)
		}
	}
}
