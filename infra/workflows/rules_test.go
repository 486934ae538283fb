package workflows

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rule is what has to hold for every workflow; its check lists what breaks it.
type rule struct {
	name   string
	check  func(w workflow) (broken []string)
	breaks string // a workflow that breaks it: a rule that nothing can break proves nothing
}

var rules = []rule{
	{"every action is pinned by commit, its version beside it", pinnedActions, `
jobs: {a: {steps: [{uses: actions/checkout@v7}]}}`},
	{"the token has the rights that are listed", listedRights, `
jobs: {a: {steps: [{run: "true"}]}}`},
	{"no stranger's code has this repository's rights", noForeignCode, `
on: pull_request_target`},
	{"a fork's pull request signs in nowhere", forksSignInNowhere, `
on: pull_request
jobs: {a: {permissions: {id-token: write}}}`},
	{"no key is stored", noStoredKey, `
jobs: {a: {steps: [{uses: x, with: {credentials_json: "${{ secrets.KEY }}"}}]}}`},
	{"no expression is pasted into a script", noPastedExpression, `
jobs: {a: {steps: [{run: "echo ${{ github.head_ref }}"}]}}`},
	{"a checkout leaves no token behind", noTokenInCheckout, `
jobs: {a: {steps: [{uses: actions/checkout@v7}]}}`},
	{"a newer push ends the run of an older one", newerPushWins, `
on: pull_request
jobs: {a: {steps: [{run: "true"}]}}`},
	{"every job is bounded in time", boundedInTime, `
jobs: {a: {steps: [{run: "true"}]}}`},
	{"every runner is of a known release", knownRunner, `
jobs: {a: {runs-on: ubuntu-latest}}`},
	{"what is deployed was tested and built", testedAndBuilt, `
jobs: {a: {uses: ./.github/workflows/up.yml, needs: b}, b: {steps: []}}`},
	{"updates of a stack wait for each other", updatesWait, `
jobs: {a: {steps: [{run: pulumi up --yes}], concurrency: {group: up, cancel-in-progress: true}}}`},
	{"who may change the cloud takes nothing from a cache", noCacheWithRights, `
jobs: {a: {environment: dev, permissions: {id-token: write}, steps: [{uses: actions/setup-go@v7}]}}`},
	{"who signs in does so by an environment", signInByEnvironment, `
jobs: {a: {permissions: {id-token: write}, steps: [{uses: ./.github/actions/sign-in}]}}`},
	{"who may only read lists no regions", noRegions, `
jobs: {a: {environment: dev-preview, steps: [{run: .github/scripts/preview dev}]}}`},
	{"the CLI's version stands in .pulumi.version alone", oneCLI, `
jobs: {a: {steps: [{uses: pulumi/actions@v7, with: {pulumi-version: 3.250.0}}]}}`},
	{"Go's version stands in go.work alone", oneGo, `
jobs: {a: {steps: [{uses: actions/setup-go@v7, with: {go-version: 1.26.0}}]}}`},
	{"who writes on a pull request runs none of its code", commentsApart, `
jobs: {a: {permissions: {pull-requests: write}, steps: [{uses: actions/checkout@v7}]}}`},
	{"no stack is named but in the default of the variable STACKS", noStackNamed, `
jobs: {a: {strategy: {matrix: {stack: [dev, prod]}}}}`},
}

func TestRulesHoldForEveryWorkflow(t *testing.T) {
	for file, w := range workflows(t) {
		for _, rule := range rules {
			for _, broken := range rule.check(w) {
				t.Errorf("%s: %s: %s", file, rule.name, broken)
			}
		}
	}
	action := parse(t, "sign-in/action.yml", read(t, top+"/.github/actions/sign-in/action.yml"))
	for _, broken := range slices.Concat(pinnedActions(action), noStoredKey(action)) {
		t.Errorf("sign-in: %s", broken)
	}
}

func TestRulesCanBeBroken(t *testing.T) {
	for _, rule := range rules {
		if len(rule.check(parse(t, "broken.yml", rule.breaks))) == 0 {
			t.Errorf("%s: was broken and not seen", rule.name)
		}
	}
}

var (
	action = regexp.MustCompile(`(?m)uses: *([^\s}]+(?: *#.*)?)`)
	pinned = regexp.MustCompile(`^(\./\S+|\S+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$`)
)

func pinnedActions(w workflow) (broken []string) {
	for _, m := range action.FindAllStringSubmatch(w.text, -1) {
		if !pinned.MatchString(m[1]) {
			broken = append(broken, m[1])
		}
	}
	return broken
}

func listedRights(w workflow) []string {
	if w.Permissions.IsZero() {
		return []string{"no permissions at the top, so the token has the repository's default ones"}
	}
	return nil
}

func noForeignCode(w workflow) (broken []string) {
	for _, event := range []string{"pull_request_target", "workflow_run", "issue_comment"} {
		if w.on(event) {
			broken = append(broken, event)
		}
	}
	return broken
}

func forksSignInNowhere(w workflow) []string {
	return jobsThat(w, func(_ string, j job) bool {
		return w.on("pull_request") && j.signsIn() && !strings.Contains(j.If, "github.event.pull_request.head.repo.full_name == github.repository")
	})
}

func noStoredKey(w workflow) (broken []string) {
	for _, word := range []string{"credentials_json", "secrets."} {
		if strings.Contains(w.text, word) {
			broken = append(broken, word)
		}
	}
	return broken
}

func noPastedExpression(w workflow) []string {
	return stepsThat(w, func(_ job, s step) bool { return strings.Contains(s.Run, "${{") })
}

func noTokenInCheckout(w workflow) []string {
	return stepsThat(w, func(_ job, s step) bool {
		return strings.HasPrefix(s.Uses, "actions/checkout@") && s.With["persist-credentials"] != "false"
	})
}

func newerPushWins(w workflow) []string {
	if w.on("pull_request") && w.Concurrency.IsZero() {
		return []string{"every push to a pull request adds a run and ends none"}
	}
	return nil
}

func boundedInTime(w workflow) []string {
	return jobsThat(w, func(_ string, j job) bool { return j.Uses == "" && j.Timeout == 0 })
}

func knownRunner(w workflow) []string {
	return jobsThat(w, func(_ string, j job) bool { return j.Uses == "" && j.RunsOn != "ubuntu-24.04" })
}

func testedAndBuilt(w workflow) []string {
	return jobsThat(w, func(id string, j job) bool {
		return strings.HasSuffix(j.Uses, "/up.yml") && !(w.after(id, "/test.yml") && w.after(id, "build") && j.With["image"] == "${{ needs.build.outputs.image }}")
	})
}

// update finds the command in a script, not the word in a message.
var update = regexp.MustCompile(`(?m)^\s*pulumi (up|update|destroy|refresh)\b`)

func updatesWait(w workflow) []string {
	return stepsThat(w, func(j job, s step) bool {
		return update.MatchString(s.Run) && (!strings.Contains(j.Concurrency.Group, "${{ inputs.stack }}") || j.Concurrency.Cancel)
	})
}

// noCacheWithRights: what another job left in a cache would run with the rights of this one.
func noCacheWithRights(w workflow) []string {
	return stepsThat(w, func(j job, s step) bool {
		if !j.signsIn() || strings.HasSuffix(j.Environment, "-preview") {
			return false
		}
		return strings.HasPrefix(s.Uses, "actions/cache@") || s.With["cache"] == "true" ||
			strings.HasPrefix(s.Uses, "actions/setup-go@") && s.With["cache"] != "false"
	})
}

func signInByEnvironment(w workflow) []string {
	return jobsThat(w, func(_ string, j job) bool {
		signs := len(j.uses("./.github/actions/sign-in"))+len(j.uses("google-github-actions/auth")) > 0
		return signs && j.Environment == ""
	})
}

func noRegions(w workflow) []string {
	return stepsThat(w, func(j job, s step) bool {
		const name = "PULUMI_GCP_SKIP_REGION_VALIDATION"
		return j.readsOnly() && strings.Contains(s.Run, "scripts/preview") && j.Env[name] != "true" && s.Env[name] != "true"
	})
}

func oneCLI(w workflow) []string {
	return stepsThat(w, func(_ job, s step) bool {
		return strings.HasPrefix(s.Uses, "pulumi/actions@") && (s.With["pulumi-version"] != "" || s.With["pulumi-version-file"] != ".pulumi.version")
	})
}

func oneGo(w workflow) []string {
	return stepsThat(w, func(_ job, s step) bool {
		return strings.HasPrefix(s.Uses, "actions/setup-go@") && (s.With["go-version"] != "" || s.With["go-version-file"] != "go.work")
	})
}

func commentsApart(w workflow) []string {
	return jobsThat(w, func(_ string, j job) bool {
		return j.Permissions["pull-requests"] == "write" && (j.signsIn() || len(j.uses("actions/checkout")) > 0)
	})
}

func noStackNamed(w workflow) []string {
	return jobsThat(w, func(_ string, j job) bool {
		stacks, ok := j.Strategy.Matrix["stack"]
		return ok && !strings.HasPrefix(stacks.Value, "${{ fromJSON(vars.STACKS || ") && stacks.Value != "${{ fromJSON(needs.stacks.outputs.others) }}"
	})
}

// jobsThat names the jobs of a workflow that break a rule.
func jobsThat(w workflow, breaks func(id string, j job) bool) (broken []string) {
	for id, j := range w.Jobs {
		if breaks(id, j) {
			broken = append(broken, "job "+id)
		}
	}
	return broken
}

// stepsThat shows the steps of a workflow that break a rule.
func stepsThat(w workflow, breaks func(j job, s step) bool) (broken []string) {
	for id, j := range w.Jobs {
		for _, s := range j.Steps {
			if breaks(j, s) {
				broken = append(broken, "job "+id+": "+s.Uses+s.Run)
			}
		}
	}
	return broken
}
