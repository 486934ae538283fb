package controlplane

import (
	"fmt"
	"regexp"
	"strings"
)

var repositoryFormat = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)

func repositoryKinds() []*kind {
	return []*kind{{
		service: "artifactregistry", versions: []string{"v1", "v1beta1", "v1beta2"}, title: "repository", list: "repositories",
		pattern:    newPattern("projects/{project}/locations/{location}/repositories/{repository}"),
		permission: "artifactregistry.repositories", policed: true, format: repositoryFormat,
		deferred: "type.googleapis.com/google.devtools.artifactregistry.v1.Repository",
		stamps:   []string{"createTime", "updateTime"}, outputs: []string{"sizeBytes", "registryUri"},
		newID: func(c *call) (string, error) {
			query := c.http.URL.Query()
			return query.Get("repositoryId") + query.Get("repository_id"), nil
		},
		prepare: func(c *call, _, repository object) error {
			if text(repository, "format") == "" {
				return invalid("Repository format must be specified.")
			}
			put(repository, "name", c.on)
			orElse(repository, "mode", "STANDARD_REPOSITORY")
			put(repository, "registryUri", fmt.Sprintf("%s-docker.pkg.dev/%s/%s", c.vars["location"], c.vars["project"], c.vars["repository"]))
			orElse(repository, "sizeBytes", "0")
			return nil
		},
	}}
}

// NewRepository makes a Docker repository in Artifact Registry.
func (s *Server) NewRepository(projectID, location, id string) error {
	_, err := s.request("POST", fmt.Sprintf("/artifactregistry/v1/projects/%s/locations/%s/repositories?repositoryId=%s", projectID, location, id),
		object{"format": "DOCKER"})
	if err != nil {
		return fmt.Errorf("create repository %s: %w", id, err)
	}
	return nil
}

// checkImage refuses an image of Artifact Registry whose repository is not there.
func (s *Server) checkImage(image string) *Error {
	host, path, _ := strings.Cut(image, "/")
	location, ok := strings.CutSuffix(host, "-docker.pkg.dev")
	if !ok {
		return nil
	}
	segments := strings.SplitN(path, "/", 3)
	if len(segments) == 3 && s.resources[fmt.Sprintf("artifactregistry/projects/%s/locations/%s/repositories/%s", segments[0], location, segments[1])] != nil {
		return nil
	}
	return notFound("Image '%s' not found.", image)
}
