package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// outputs is what has to be entered at GitHub, as values and as the commands that enter them, and how each stack begins.
func (b *bootstrap) outputs() pulumi.Map {
	var names []string
	for _, s := range b.stacks {
		names = append(names, s.name)
	}
	stacks, _ := json.Marshal(names) // strings
	variables := pulumi.StringMap{
		"WORKLOAD_IDENTITY_PROVIDER": b.provider, "IMAGE_REPOSITORY": pulumi.String(b.images.address), "STACKS": pulumi.String(stacks),
	}
	environments := pulumi.Map{}
	commands := pulumi.StringArray{
		b.setVariable("WORKLOAD_IDENTITY_PROVIDER", b.provider, ""),
		b.setVariable("IMAGE_REPOSITORY", pulumi.String(b.images.address), ""),
		b.setVariable("STACKS", pulumi.String(stacks), ""),
	}
	for _, e := range b.environments {
		values := pulumi.StringMap{"SERVICE_ACCOUNT": e.account}
		commands = append(commands, pulumi.String(b.makeEnvironment(e)))
		if e.onBranch {
			commands = append(commands, pulumi.Sprintf("gh api --method POST repos/%s/environments/%s/deployment-branch-policies --field name=%s --silent",
				b.repository, e.name, b.branch))
		}
		commands = append(commands, b.setVariable("SERVICE_ACCOUNT", e.account, e.name))
		if e.state != "" {
			values["PULUMI_BACKEND_URL"] = pulumi.String(e.state)
			commands = append(commands, b.setVariable("PULUMI_BACKEND_URL", pulumi.String(e.state), e.name))
		}
		environments[e.name] = values
	}
	init := pulumi.StringMap{}
	for _, s := range b.stacks {
		init[s.name] = pulumi.Sprintf("pulumi login gs://%s && pulumi stack init %s --secrets-provider=gcpkms://projects/%s/locations/%s/keyRings/pulumi-%s/cryptoKeys/secrets",
			s.stateBucket(), s.name, s.project, b.location, s.name)
	}
	lines := commands.ToStringArrayOutput().ApplyT(func(lines []string) string { return strings.Join(lines, "\n") })
	return pulumi.Map{
		"githubVariables": variables, "githubEnvironments": environments, "githubCommands": lines, "stackCommands": init,
	}
}

// setVariable is the command that sets a variable of the repository or of one of its environments.
func (b *bootstrap) setVariable(name string, value pulumi.StringInput, environment string) pulumi.StringInput {
	where := "--repo " + b.repository
	if environment != "" {
		where += " --env " + environment
	}
	return pulumi.Sprintf("gh variable set %s %s --body '%s'", name, where, value)
}

// makeEnvironment is the command that creates an environment. Who runs it becomes the reviewer, where one is needed; others are
// added in the repository's settings.
func (b *bootstrap) makeEnvironment(e environment) string {
	rules := "{"
	if e.reviewers {
		rules += `"reviewers":[{"type":"User","id":'"$(gh api user --jq .id)"'}],`
	}
	if e.onBranch {
		rules += `"deployment_branch_policy":{"protected_branches":false,"custom_branch_policies":true}}`
	} else {
		rules += `"deployment_branch_policy":null}`
	}
	return fmt.Sprintf("gh api --method PUT repos/%s/environments/%s --silent --input - <<< '%s'", b.repository, e.name, rules)
}
