package main

import (
	"fmt"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/artifactregistry"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// imagesID is the id of the repository of the images.
const imagesID = "vertex-metadata"

// images is the one repository that every stack runs its image from: what the first stack has tried is what the others get.
type images struct {
	repository *artifactregistry.Repository
	address    string // as an image is named
}

// provideImages creates the repository, and the account that pushes to it and can do nothing else.
func (b *bootstrap) provideImages() error {
	services, err := b.enable(b.project, "artifactregistry")
	if err != nil {
		return err
	}
	b.images.address = fmt.Sprintf("%s-docker.pkg.dev/%s/%s", b.location, b.project, imagesID)
	b.images.repository, err = artifactregistry.NewRepository(b.ctx, imagesID, &artifactregistry.RepositoryArgs{
		Project:         pulumi.String(b.project),
		Location:        pulumi.String(b.location),
		RepositoryId:    pulumi.String(imagesID),
		Format:          pulumi.String("DOCKER"),
		Description:     pulumi.String("Images of the Vertex metadata sync, by revision"),
		CleanupPolicies: cleanup(),
	}, pulumi.DependsOn(services), pulumi.RetainOnDelete(true)) // the jobs run images that are in it
	if err != nil {
		return err
	}
	builder, err := b.account(b.project, "image-build", "Pushes the images", environment{name: "build", onBranch: true})
	if err != nil {
		return err
	}
	return b.images.allow(b.ctx, "image-build", "roles/artifactregistry.writer", builder.Member)
}

// cleanup deletes images after a year, but never the last hundred versions: they are what one can go back to. A signature and
// a list of contents count as versions too.
func cleanup() artifactregistry.RepositoryCleanupPolicyArray {
	return artifactregistry.RepositoryCleanupPolicyArray{
		artifactregistry.RepositoryCleanupPolicyArgs{
			Id: pulumi.String("delete-old"), Action: pulumi.String("DELETE"),
			Condition: artifactregistry.RepositoryCleanupPolicyConditionArgs{OlderThan: pulumi.String("31536000s")},
		},
		artifactregistry.RepositoryCleanupPolicyArgs{
			Id: pulumi.String("keep-recent"), Action: pulumi.String("KEEP"),
			MostRecentVersions: artifactregistry.RepositoryCleanupPolicyMostRecentVersionsArgs{KeepCount: pulumi.Int(100)},
		},
	}
}

// allow grants a role on the repository.
func (i images) allow(ctx *pulumi.Context, who, role string, member pulumi.StringInput) error {
	_, err := artifactregistry.NewRepositoryIamMember(ctx, who+"-images", &artifactregistry.RepositoryIamMemberArgs{
		Project:    i.repository.Project,
		Location:   i.repository.Location,
		Repository: i.repository.RepositoryId,
		Role:       pulumi.String(role),
		Member:     member,
	})
	return err
}
