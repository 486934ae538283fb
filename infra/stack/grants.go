package stack

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/artifactregistry"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/cloudrunv2"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/kms"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/projects"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/secretmanager"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/serviceaccount"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/storage"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// grantAccess declares the access table, less what is granted on the job. All of it is additive: a binding or a
// policy would take away what others granted.
func (d *deployment) grantAccess() {
	role := d.customRole()
	for _, g := range Access(d.Settings) {
		if g.On == OnJob {
			continue
		}
		first := []pulumi.Resource{d.members[g.Who].from}
		if role != nil && g.Role == d.searchRole() {
			first = append(first, role)
		}
		d.grant(g, first, &d.grants)
	}
}

// grantAccessToJob declares the rest of the table once there is a job to grant access to.
func (d *deployment) grantAccessToJob() {
	for _, g := range Access(d.Settings) {
		if g.On == OnJob {
			d.grant(g, []pulumi.Resource{d.members[g.Who].from, d.job}, &d.jobGrants)
		}
	}
}

// customRole makes the role that no predefined one can stand in for.
func (d *deployment) customRole() (role pulumi.Resource) {
	permissions := d.customPermissions()
	if len(permissions) == 0 {
		return nil
	}
	d.try("role "+d.searchRoleID(), func() (err error) {
		role, err = projects.NewIAMCustomRole(d.ctx, d.searchRoleID(), &projects.IAMCustomRoleArgs{
			Project:     pulumi.String(d.Project),
			RoleId:      pulumi.String(d.searchRoleID()),
			Title:       pulumi.String("Vertex metadata documents"),
			Description: pulumi.String("What the sync job needs in Vertex AI Search beyond the predefined roles granted to it"),
			Permissions: pulumi.ToStringArray(permissions),
		}, d.after(d.services[apiIAM], d.services[apiDiscoveryEngine])...)
		return err
	})
	return role
}

func (d *deployment) grant(g Grant, first []pulumi.Resource, into *[]pulumi.Resource) {
	d.try("grant "+g.Name, func() error {
		granted, err := d.newGrant(g, first)
		*into = append(*into, granted)
		return err
	})
}

// newGrant turns a row of the table into the resource for its kind of target.
func (d *deployment) newGrant(g Grant, first []pulumi.Resource) (pulumi.Resource, error) {
	role, member := pulumi.String(g.Role), d.members[g.Who].member
	after := func(first ...pulumi.Resource) []pulumi.ResourceOption {
		return append(d.after(first...), d.settling.ofGrant()...)
	}
	switch g.On {
	case OnProject:
		return projects.NewIAMMember(d.ctx, g.Name, &projects.IAMMemberArgs{
			Project: pulumi.String(g.Target), Role: role, Member: member,
		}, after(first...)...)
	case OnInstance:
		return projects.NewIAMMember(d.ctx, g.Name, &projects.IAMMemberArgs{
			Project: pulumi.String(d.sqlProject()), Role: role, Member: member,
			Condition: &projects.IAMMemberConditionArgs{
				Title:       pulumi.String("only-" + g.Target[strings.LastIndex(g.Target, ":")+1:]),
				Description: pulumi.String(g.Why),
				Expression:  pulumi.String(d.sqlCondition()),
			},
		}, after(append(first, d.services[apiSQLAdmin])...)...)
	case OnSecret:
		project, id := d.splitSecret(g.Target)
		return secretmanager.NewSecretIamMember(d.ctx, g.Name, &secretmanager.SecretIamMemberArgs{
			Project: pulumi.String(project), SecretId: pulumi.String(id), Role: role, Member: member,
		}, after(append(first, d.services[apiSecretManager])...)...)
	case OnBucket:
		return storage.NewBucketIAMMember(d.ctx, g.Name, &storage.BucketIAMMemberArgs{
			Bucket: pulumi.String(g.Target), Role: role, Member: member,
		}, after(append(first, d.services[apiStorage])...)...)
	case OnRepository:
		return artifactregistry.NewRepositoryIamMember(d.ctx, g.Name, &artifactregistry.RepositoryIamMemberArgs{
			Project: pulumi.String(d.Project), Location: pulumi.String(d.repositoryLocation()),
			Repository: d.repositoryID(), Role: role, Member: member,
		}, after(append(first, d.services[apiArtifactRegistry])...)...)
	case OnJob:
		return cloudrunv2.NewJobIamMember(d.ctx, g.Name, &cloudrunv2.JobIamMemberArgs{
			Project: pulumi.String(d.Project), Location: pulumi.String(d.Region), Name: d.job.Name, Role: role, Member: member,
		}, after(first...)...)
	case OnAccount:
		return serviceaccount.NewIAMMember(d.ctx, g.Name, &serviceaccount.IAMMemberArgs{
			ServiceAccountId: d.runnerAccount.Name, Role: role, Member: member,
		}, after(first...)...)
	case OnKey:
		return kms.NewCryptoKeyIAMMember(d.ctx, g.Name, &kms.CryptoKeyIAMMemberArgs{
			CryptoKeyId: pulumi.String(g.Target), Role: role, Member: member,
		}, after(append(first, d.services[apiKMS])...)...)
	}
	return nil, fmt.Errorf("grant on %q: no such kind of target", g.On)
}
