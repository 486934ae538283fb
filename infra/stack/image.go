package stack

import (
	"fmt"
	"regexp"

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
		d.repository, err = artifactregistry.NewRepository(d.ctx, d.ArtifactRepository, &artifactregistry.RepositoryArgs{
			Project:      pulumi.String(d.Project),
			Location:     pulumi.String(d.repositoryLocation()),
			RepositoryId: pulumi.String(d.ArtifactRepository),
			Format:       pulumi.String("DOCKER"),
			Description:  pulumi.String("Images of the Vertex metadata sync"),
			Labels:       optionalMap(d.Labels),
		}, append(d.after(d.services[apiArtifactRegistry]), pulumi.RetainOnDelete(true))...)
		return err
	})
}

// provideImage builds and pushes the image, or takes the prebuilt one. A prebuilt image leaves Docker out of it
// altogether: its provider talks to the engine even in a preview.
func (d *deployment) provideImage() {
	if d.Image != "" {
		d.image = pulumi.String(d.Image).ToStringOutput()
		return
	}
	d.try("image "+d.ImageName, func() error {
		first := []pulumi.Resource{d.services[apiArtifactRegistry]}
		if d.repository != nil {
			first = append(first, d.repository)
		}
		image, err := docker.NewImage(d.ctx, d.ImageName, &docker.ImageArgs{
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
		}, d.after(first...)...)
		if err != nil {
			return err
		}
		d.image = image.RepoDigest
		return nil
	})
}

// googleRegistry matches the hosts that a token of Google's is meant for.
var googleRegistry = regexp.MustCompile(`(^|[.-])(docker\.pkg\.dev|gcr\.io)$`)

// registryLogin is how the image is pushed: to Google with the token that the gcp provider itself uses, so that no docker
// login is needed first. Any other host would have the rights of whoever deploys; there, docker's own login counts.
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

func (s Settings) repositoryLocation() string {
	if s.ArtifactLocation != "" {
		return s.ArtifactLocation
	}
	return s.Region
}

func (s Settings) registry() string {
	if s.ImageRegistry != "" {
		return s.ImageRegistry
	}
	return fmt.Sprintf("%s-docker.pkg.dev", s.repositoryLocation())
}

// repositoryID waits for the repository where it is created here.
func (d *deployment) repositoryID() pulumi.StringInput {
	if d.repository != nil {
		return d.repository.RepositoryId
	}
	return pulumi.String(d.ArtifactRepository)
}
