package main

import (
	"fmt"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/iam"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/projects"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/serviceaccount"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// federate lets the repository's workflows sign in with the tokens that GitHub gives each job. Who asks is told by the number of
// the repository: a name can be given up and taken by somebody else. pull_request_target is refused, since it runs in the name of
// the branch with what a stranger has written beside it.
func (b *bootstrap) federate() error {
	services, err := b.enable(b.project, "iam", "iamcredentials", "sts")
	if err != nil {
		return err
	}
	pool, err := iam.NewWorkloadIdentityPool(b.ctx, "github", &iam.WorkloadIdentityPoolArgs{
		Project:                pulumi.String(b.project),
		WorkloadIdentityPoolId: pulumi.String("github"),
		DisplayName:            pulumi.String("GitHub"),
		Description:            pulumi.String("Workflows of " + b.repository),
	}, pulumi.DependsOn(services))
	if err != nil {
		return err
	}
	provider, err := iam.NewWorkloadIdentityPoolProvider(b.ctx, "repository", &iam.WorkloadIdentityPoolProviderArgs{
		Project:                        pulumi.String(b.project),
		WorkloadIdentityPoolId:         pool.WorkloadIdentityPoolId,
		WorkloadIdentityPoolProviderId: pulumi.String("repository"),
		DisplayName:                    pulumi.String("Jobs of the repository"),
		AttributeCondition:             pulumi.String(fmt.Sprintf("assertion.repository_id == '%s' && assertion.event_name != 'pull_request_target'", b.repositoryID)),
		AttributeMapping: pulumi.StringMap{
			"google.subject": pulumi.String("assertion.sub"),
			// Whose job it is decides the environment, and for what changes the cloud the branch too.
			"attribute.environment":        pulumi.String("assertion.environment"),
			"attribute.environment_branch": pulumi.String("assertion.environment + '/' + assertion.ref"),
		},
		Oidc: iam.WorkloadIdentityPoolProviderOidcArgs{IssuerUri: pulumi.String("https://token.actions.githubusercontent.com")},
	})
	if err != nil {
		return err
	}
	b.pool, b.provider = pool.Name, provider.Name
	return nil
}

// account creates an account that the jobs of an environment can become.
func (b *bootstrap) account(project, id, purpose string, e environment) (*serviceaccount.Account, error) {
	services, err := b.enable(project, "iam", "iamcredentials")
	if err != nil {
		return nil, err
	}
	account, err := serviceaccount.NewAccount(b.ctx, id, &serviceaccount.AccountArgs{
		Project:     pulumi.String(project),
		AccountId:   pulumi.String(id),
		DisplayName: pulumi.String(purpose),
		Description: pulumi.String("GitHub: environment " + e.name + " of " + b.repository),
	}, pulumi.DependsOn(services))
	if err != nil {
		return nil, err
	}
	who := "attribute.environment/" + e.name
	if e.onBranch {
		who = fmt.Sprintf("attribute.environment_branch/%s/refs/heads/%s", e.name, b.branch)
	}
	_, err = serviceaccount.NewIAMMember(b.ctx, id+"-from-github", &serviceaccount.IAMMemberArgs{
		ServiceAccountId: account.Name,
		Role:             pulumi.String("roles/iam.workloadIdentityUser"),
		Member:           pulumi.Sprintf("principalSet://iam.googleapis.com/%s/%s", b.pool, who),
	})
	if err != nil {
		return nil, err
	}
	e.account = account.Email
	b.environments = append(b.environments, e)
	return account, nil
}

// enable turns APIs of a project on, once each. They stay on when this program is destroyed: others may use them by then.
func (b *bootstrap) enable(project string, apis ...string) ([]pulumi.Resource, error) {
	var services []pulumi.Resource
	for _, api := range apis {
		name := project + "-" + api
		if b.services[name] == nil {
			service, err := projects.NewService(b.ctx, name, &projects.ServiceArgs{
				Project:          pulumi.String(project),
				Service:          pulumi.String(api + ".googleapis.com"),
				DisableOnDestroy: pulumi.Bool(false),
			})
			if err != nil {
				return nil, err
			}
			b.services[name] = service
		}
		services = append(services, b.services[name])
	}
	return services, nil
}
