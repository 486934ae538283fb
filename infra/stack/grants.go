package stack

import (
	"fmt"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/artifactregistry"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/cloudrunv2"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/kms"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/projects"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/secretmanager"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/storage"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// The texts of conditions are part of a grant's identity, as its role is: rewording one replaces the grant. So they are kept apart
// from the reasons of the access table.
const (
	instanceOnly = "connect to this one instance: a condition on the project's role, the narrowest Cloud SQL offers"
	objectsOnly  = "what is below " + objects
)

// grantAccess declares the access table, less what is granted on the job. All of it is additive: a binding or a
// policy would take away what others granted.
func (d *deployment) grantAccess() {
	for _, g := range d.access {
		if g.On != OnJob {
			d.grant(g, []pulumi.Resource{d.members[g.Who].from}, &d.grants)
		}
	}
}

// grantAccessToJob declares the rest of the table once there is a job to grant access to.
func (d *deployment) grantAccessToJob() {
	for _, g := range d.access {
		if g.On == OnJob {
			d.grant(g, []pulumi.Resource{d.members[g.Who].from, d.job}, &d.jobGrants)
		}
	}
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
	name, renamed := d.named(g.Name, g.Name)
	after := func(first ...pulumi.Resource) []pulumi.ResourceOption {
		// Others in the project may have come to live by a grant to one of Google's agents: there is one such grant for all.
		opts := append(d.after(first...), renamed, pulumi.RetainOnDelete(g.Who.googles()))
		if g.Role == "roles/secretmanager.secretAccessor" {
			opts = append(opts, noting(d.noteGrant))
		}
		return opts
	}
	switch g.On {
	case OnProject:
		project := pulumi.StringInput(pulumi.String(g.Target))
		if g.Role == "roles/cloudsql.client" || g.Role == "roles/cloudsql.instanceUser" {
			project = derive(d.CloudSQLInstance, sqlProject)
		}
		return projects.NewIAMMember(d.ctx, name, &projects.IAMMemberArgs{Project: project, Role: role, Member: member}, after(first...)...)
	case OnInstance:
		return projects.NewIAMMember(d.ctx, name, &projects.IAMMemberArgs{
			Project: derive(d.CloudSQLInstance, sqlProject), Role: role, Member: member,
			Condition: &projects.IAMMemberConditionArgs{
				Title:       derive(d.CloudSQLInstance, func(instance string) string { return "only-" + sqlName(instance) }),
				Description: pulumi.String(instanceOnly),
				Expression:  derive(d.CloudSQLInstance, sqlCondition),
			},
		}, after(append(first, d.services[apiSQLAdmin])...)...)
	case OnSecret:
		project, id := d.splitSecret(g.Target)
		first = append(first, d.services[apiSecretManager])
		if made, ok := d.secrets[g.Target]; ok {
			first = append(first, made.version)
		}
		return secretmanager.NewSecretIamMember(d.ctx, name, &secretmanager.SecretIamMemberArgs{
			Project: pulumi.String(project), SecretId: pulumi.String(id), Role: role, Member: member,
		}, after(first...)...)
	case OnBucket:
		return storage.NewBucketIAMMember(d.ctx, name, &storage.BucketIAMMemberArgs{
			Bucket: d.Bucket, Role: role, Member: member,
		}, after(append(first, d.services[apiStorage])...)...)
	case OnObjects:
		return storage.NewBucketIAMMember(d.ctx, name, &storage.BucketIAMMemberArgs{
			Bucket: d.Bucket, Role: role, Member: member,
			Condition: &storage.BucketIAMMemberConditionArgs{
				Title: pulumi.String("only-metadata"), Description: pulumi.String(objectsOnly), Expression: derive(d.Bucket, objectsCondition),
			},
		}, after(append(first, d.services[apiStorage])...)...)
	case OnRepository:
		return artifactregistry.NewRepositoryIamMember(d.ctx, name, &artifactregistry.RepositoryIamMemberArgs{
			Project: pulumi.String(d.Project), Location: pulumi.String(d.repositoryLocation()),
			Repository: d.repositoryID(), Role: role, Member: member,
		}, after(append(first, d.services[apiArtifactRegistry])...)...)
	case OnJob:
		return cloudrunv2.NewJobIamMember(d.ctx, name, &cloudrunv2.JobIamMemberArgs{
			Project: pulumi.String(d.Project), Location: pulumi.String(d.Region), Name: d.job.Name, Role: role, Member: member,
		}, after(first...)...)
	case OnKey:
		return kms.NewCryptoKeyIAMMember(d.ctx, name, &kms.CryptoKeyIAMMemberArgs{
			CryptoKeyId: d.KMSKey, Role: role, Member: member,
		}, after(append(first, d.services[apiKMS])...)...)
	}
	return nil, fmt.Errorf("grant on %q: no such kind of target", g.On)
}
