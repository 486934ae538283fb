package api

import (
	"fmt"
	"regexp"
	"strings"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

var repositoryFormat = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)

func (s *Server) repositoryKinds() []*engine.Kind {
	return []*engine.Kind{{
		Service: "artifactregistry", Versions: []string{"v1", "v1beta1", "v1beta2"}, Title: "repository", List: "repositories",
		Pattern:    engine.NewPattern("projects/{project}/locations/{location}/repositories/{repository}"),
		Permission: "artifactregistry.repositories", Policed: true, Format: repositoryFormat,
		Deferred: "type.googleapis.com/google.devtools.artifactregistry.v1.Repository",
		Stamps:   []string{"createTime", "updateTime"}, Outputs: []string{"sizeBytes", "registryUri"},
		NewID: func(c *engine.Call) (string, error) {
			query := c.HTTP.URL.Query()
			return query.Get("repositoryId") + query.Get("repository_id"), nil
		},
		Prepare: func(c *engine.Call, _, repository object) error {
			if fields.Text(repository, "format") == "" {
				return engine.Invalid("Repository format must be specified.")
			}
			fields.Put(repository, "name", c.On)
			fields.OrElse(repository, "mode", "STANDARD_REPOSITORY")
			fields.Put(repository, "registryUri", fmt.Sprintf("%s-docker.pkg.dev/%s/%s", c.Vars["location"], c.Vars["project"], c.Vars["repository"]))
			fields.OrElse(repository, "sizeBytes", "0")
			return nil
		},
	}}
}

// NewRepository makes a Docker repository in Artifact Registry.
func (s *Server) NewRepository(projectID, location, id string) error {
	_, err := s.Request("POST", fmt.Sprintf("/artifactregistry/v1/projects/%s/locations/%s/repositories?repositoryId=%s", projectID, location, id),
		object{"format": "DOCKER"})
	if err != nil {
		return fmt.Errorf("create repository %s: %w", id, err)
	}
	return nil
}

// checkImage refuses an image of Artifact Registry whose repository is not there.
func (s *Server) checkImage(image string) *engine.Error {
	host, path, _ := strings.Cut(image, "/")
	location, ok := strings.CutSuffix(host, "-docker.pkg.dev")
	if !ok {
		return nil
	}
	segments := strings.SplitN(path, "/", 3)
	if len(segments) == 3 && s.Find(fmt.Sprintf("artifactregistry/projects/%s/locations/%s/repositories/%s", segments[0], location, segments[1])) != nil {
		return nil
	}
	return engine.NotFound("Image '%s' not found.", image)
}
