package stack

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/pulumi/pulumi-docker/sdk/v4/go/docker"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/artifactregistry"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/organizations"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// provideRepository creates the image's repository where it does not exist yet. It is left behind when the stack lets go
// of it: the job's own image is in it, earlier ones to go back to, and perhaps those of others.
func (d *deployment) provideRepository() {
	if !d.CreateArtifactRepository {
		return
	}
	d.try("repository "+d.ArtifactRepository, func() (err error) {
		name, renamed := d.named("repository", d.ArtifactRepository)
		d.repository, err = artifactregistry.NewRepository(d.ctx, name, &artifactregistry.RepositoryArgs{
			Project:      pulumi.String(d.Project),
			Location:     pulumi.String(d.repositoryLocation()),
			RepositoryId: pulumi.String(d.ArtifactRepository),
			Format:       pulumi.String("DOCKER"),
			Description:  pulumi.String("Images of the Vertex metadata sync"),
			Labels:       optionalMap(d.Labels),
			// What may be gone back to stays, whatever its age; of the rest, builds of the last months.
			CleanupPolicies: artifactregistry.RepositoryCleanupPolicyArray{
				&artifactregistry.RepositoryCleanupPolicyArgs{
					Id: pulumi.String("keep-newest"), Action: pulumi.String("KEEP"),
					MostRecentVersions: &artifactregistry.RepositoryCleanupPolicyMostRecentVersionsArgs{KeepCount: pulumi.Int(50)},
				},
				&artifactregistry.RepositoryCleanupPolicyArgs{
					Id: pulumi.String("delete-old"), Action: pulumi.String("DELETE"),
					Condition: &artifactregistry.RepositoryCleanupPolicyConditionArgs{
						TagState: pulumi.String("ANY"), OlderThan: pulumi.String(seconds(180 * 24 * time.Hour)),
					},
				},
			},
		}, append(keeping(d.after(d.services[apiArtifactRegistry])), renamed)...)
		return err
	})
}

// provideImage builds and pushes the image, or takes the prebuilt one. A prebuilt image leaves Docker out of it
// altogether: its provider talks to the engine even in a preview.
func (d *deployment) provideImage() {
	if given(d.Image) {
		d.image = d.Image
		return
	}
	d.try("image "+d.ImageName, func() error {
		first := []pulumi.Resource{d.services[apiArtifactRegistry]}
		if d.repository != nil {
			first = append(first, d.repository)
		}
		name, renamed := d.named("image", d.ImageName)
		image, err := docker.NewImage(d.ctx, name, &docker.ImageArgs{
			ImageName: pulumi.Sprintf("%s/%s/%s/%s:%s", d.registry(), d.Project, d.ArtifactRepository, d.ImageName, d.ImageTag),
			Build: &docker.DockerBuildArgs{
				// Relative to infra/, where the program runs. The provider hashes the paths too, so these must
				// be the same on every machine; .dockerignore keeps all but the job out.
				Context:        pulumi.String(".."),
				Dockerfile:     pulumi.String("../Dockerfile"),
				Platform:       pulumi.String("linux/amd64"),
				Args:           optionalMap(d.ImageBuildArgs),
				Network:        pulumi.String(d.ImageBuildNetwork),
				BuilderVersion: docker.BuilderVersionBuilderBuildKit,
			},
			Registry: d.registryLogin(),
		}, append(d.after(first...), renamed)...)
		if err != nil {
			return err
		}
		d.image = image.RepoDigest
		return nil
	})
}

// googleRegistry matches the hosts that a token of Google's is meant for, and no others: gcr.io and its three regions, and
// LOCATION-docker.pkg.dev.
var googleRegistry = regexp.MustCompile(`^((us|eu|asia)\.)?gcr\.io$|^[a-z]+(-[a-z]+[0-9]+)?-docker\.pkg\.dev$`)

// registryLogin is how the image is pushed: to Google with the token that the gcp provider itself uses, so that no docker
// login is needed first. Any other host would have the deployer's rights; there, docker's own login counts.
func (d *deployment) registryLogin() *docker.RegistryArgs {
	if !googleRegistry.MatchString(d.registry()) {
		return &docker.RegistryArgs{Server: pulumi.String(d.registry())}
	}
	client := organizations.GetClientConfigOutput(d.ctx, d.parent.(pulumi.InvokeOption))
	return &docker.RegistryArgs{
		Server:   pulumi.String(d.registry()),
		Username: pulumi.String("oauth2accesstoken"),
		Password: pulumi.ToSecret(client.AccessToken()).(pulumi.StringOutput),
	}
}

func (a Args) repositoryLocation() string {
	if a.ArtifactLocation != "" {
		return a.ArtifactLocation
	}
	return a.Region
}

func (a Args) registry() string {
	if a.ImageRegistry != "" {
		return a.ImageRegistry
	}
	return fmt.Sprintf("%s-docker.pkg.dev", a.repositoryLocation())
}

// repositoryID waits for the repository where it is created here.
func (d *deployment) repositoryID() pulumi.StringInput {
	if d.repository != nil {
		return d.repository.RepositoryId
	}
	return pulumi.String(d.ArtifactRepository)
}

// pulledFrom matches the registries that Cloud Run takes an image from; it refuses others when all else is made.
// https://cloud.google.com/run/docs/deploying#images
var pulledFrom = regexp.MustCompile(`^([a-z0-9-]+\.)?gcr\.io$|^([a-z0-9-]+-)?docker\.pkg\.dev$|^docker\.io$`)

// imageHost is the registry of the image; empty: Docker Hub by its short name, or not known before deployment.
func (a Args) imageHost() string {
	if !given(a.Image) {
		return a.registry()
	}
	host, _, path := strings.Cut(known(a.Image), "/")
	if !path || !strings.ContainsAny(host, ".:") && host != "localhost" {
		return ""
	}
	return host
}
