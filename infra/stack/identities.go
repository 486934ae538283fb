package stack

import (
	"fmt"

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
	for _, agent := range agents(d.Settings) {
		d.agent(agent.who, agent.api, agent.domain)
	}
}

func (d *deployment) account(who Principal, id, displayName string) (account *serviceaccount.Account) {
	d.try("account "+id, func() (err error) {
		opts := d.adopting(d.after(d.services[apiIAM]),
			fmt.Sprintf("projects/%s/serviceAccounts/%s@%[1]s.iam.gserviceaccount.com", d.Project, id),
			"displayName", "description")
		account, err = serviceaccount.NewAccount(d.ctx, id, &serviceaccount.AccountArgs{
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

// serviceAgent is an account of Google's that acts for an API in this project.
type serviceAgent struct {
	who    Principal
	api    string
	domain string
}

// agents lists the service agents that the settings need.
func agents(s Settings) []serviceAgent {
	list := []serviceAgent{{SchedulerAgent, apiScheduler, "gcp-sa-cloudscheduler"}}
	if s.Bucket != "" {
		list = append(list, serviceAgent{SearchAgent, apiDiscoveryEngine, "gcp-sa-discoveryengine"})
	}
	if s.KMSKey != "" {
		list = append(list, serviceAgent{RunAgent, apiRun, "serverless-robot-prod"})
	}
	return list
}

func (d *deployment) agent(who Principal, api, domain string) {
	d.try("service agent of "+api, func() error {
		identity, err := projects.NewServiceIdentity(d.ctx, shortName(api), &projects.ServiceIdentityArgs{
			Project: pulumi.String(d.Project),
			Service: pulumi.String(api),
		}, d.after(d.services[api])...)
		if err != nil {
			return err
		}
		// Google does not tell the address of every agent; it follows from the project's number.
		member := identity.Member.ApplyT(func(told string) (string, error) {
			switch {
			case told != "" && told != "serviceAccount:":
				return told, nil
			case d.ProjectNumber != "":
				return fmt.Sprintf("serviceAccount:service-%s@%s.iam.gserviceaccount.com", d.ProjectNumber, domain), nil
			}
			return "", fmt.Errorf("find service agent of %s: Google did not tell its address; set %s:projectNumber to the number of %s", api, Namespace, d.Project)
		}).(pulumi.StringOutput)
		d.members[who] = principal{member, identity}
		return nil
	})
}
