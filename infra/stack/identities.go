package stack

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/projects"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/serviceaccount"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// createIdentities makes the two accounts of the system and calls Google's service agents into being, so that
// grants can name them.
func (d *deployment) createIdentities() {
	d.members = map[Principal]principal{}
	d.jobAccount = d.account(JobAccount, d.JobAccount, "Cloud Run Job for Vertex metadata")
	d.runnerAccount = d.account(RunnerAccount, d.RunnerAccount, "Scheduler OIDC caller for Cloud Run Job")
	for _, agent := range agents(d.Args) {
		d.agent(agent.who, agent.api, agent.domain)
	}
}

func (d *deployment) account(who Principal, id, displayName string) (account *serviceaccount.Account) {
	d.try("account "+id, func() (err error) {
		name, renamed := d.named(string(who)+"-account", id)
		opts := d.adopting(append(d.after(d.services[apiIAM]), renamed, noting(d.noteAccount)), d.accountID(id), "displayName", "description")
		account, err = serviceaccount.NewAccount(d.ctx, name, &serviceaccount.AccountArgs{
			Project:     pulumi.String(d.Project),
			AccountId:   pulumi.String(id),
			DisplayName: pulumi.String(displayName),
		}, opts...)
		if err == nil {
			d.members[who] = principal{account.Member, account}
		}
		return err
	})
	return account
}

// accountDomain is a project's part of the addresses of its accounts: example.com:app becomes app.example.com.
func accountDomain(project string) string {
	if domain, id, ok := strings.Cut(project, ":"); ok {
		return id + "." + domain
	}
	return project
}

// serviceAgent is an account of Google's that acts for an API in this project.
type serviceAgent struct {
	who    Principal
	api    string
	domain string
}

// agents lists the service agents that the settings need.
func agents(a Args) []serviceAgent {
	list := []serviceAgent{{SchedulerAgent, apiScheduler, "gcp-sa-cloudscheduler"}}
	if given(a.Bucket) {
		list = append(list, serviceAgent{SearchAgent, apiDiscoveryEngine, "gcp-sa-discoveryengine"})
	}
	if given(a.KMSKey) {
		list = append(list, serviceAgent{RunAgent, apiRun, "serverless-robot-prod"})
	}
	return list
}

func (d *deployment) agent(who Principal, api, domain string) {
	d.try("service agent of "+api, func() error {
		name, renamed := d.named("agent-"+shortName(api), shortName(api))
		identity, err := projects.NewServiceIdentity(d.ctx, name, &projects.ServiceIdentityArgs{
			Project: pulumi.String(d.Project),
			Service: pulumi.String(api),
		}, append(d.after(d.services[api]), renamed)...)
		if err != nil {
			return err
		}
		// Google does not return the address of every agent; it follows from the project's number.
		member := identity.Member.ApplyT(func(member string) (string, error) {
			switch {
			case member != "" && member != "serviceAccount:":
				return member, nil
			case d.ProjectNumber != "":
				return fmt.Sprintf("serviceAccount:service-%s@%s.iam.gserviceaccount.com", d.ProjectNumber, domain), nil
			}
			return "", fmt.Errorf("find service agent of %s: Google did not return its address; set %s to the number of %s", api, d.nameOf("projectNumber"), d.Project)
		}).(pulumi.StringOutput)
		d.members[who] = principal{member, identity}
		return nil
	})
}
