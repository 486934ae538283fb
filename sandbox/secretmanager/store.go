// Package secretmanager is Secret Manager on loopback, as far as a client that reads secrets needs it.
package secretmanager

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Store keeps secrets in memory, so that several servers can share them. Its methods may be called from
// several goroutines. The errors they return carry the service's own gRPC code and message.
type Store struct {
	mu      sync.Mutex
	numbers map[string]string     // project id -> number
	secrets map[string][]*version // projects/{number}/secrets/{id} -> versions, from 1
}

type version struct {
	data  []byte
	state secretmanagerpb.SecretVersion_State
}

// NewStore returns an empty store.
func NewStore() *Store {
	return &Store{numbers: map[string]string{}, secrets: map[string][]*version{}}
}

// AddProject says that a project's id and number are the same; the service answers with the number.
func (s *Store) AddProject(id, number string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.numbers[id] = number
}

// Add gives a secret a new version, which latest then stands for, and returns its number. The secret is made
// if it is not there; project is an id or a number.
func (s *Store) Add(project, secret string, data []byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := s.secretName(project, secret)
	s.secrets[name] = append(s.secrets[name], &version{slices.Clone(data), secretmanagerpb.SecretVersion_ENABLED})
	return len(s.secrets[name])
}

// Disable makes a version unreadable until Enable.
func (s *Store) Disable(project, secret string, number int) error {
	return s.change(project, secret, number, func(v *version) { v.state = secretmanagerpb.SecretVersion_DISABLED })
}

// Enable makes a disabled version readable again.
func (s *Store) Enable(project, secret string, number int) error {
	return s.change(project, secret, number, func(v *version) { v.state = secretmanagerpb.SecretVersion_ENABLED })
}

// Destroy forgets a version's data for good.
func (s *Store) Destroy(project, secret string, number int) error {
	return s.change(project, secret, number, func(v *version) {
		v.state, v.data = secretmanagerpb.SecretVersion_DESTROYED, nil
	})
}

func (s *Store) change(project, secret string, number int, apply func(*version)) error {
	name := fmt.Sprintf("projects/%s/secrets/%s/versions/%d", project, secret, number)
	s.mu.Lock()
	defer s.mu.Unlock()
	v, resolved, err := s.find(name)
	if err != nil {
		return err
	}
	if v.state == secretmanagerpb.SecretVersion_DESTROYED {
		return notEnabled(resolved, v)
	}
	apply(v)
	return nil
}

// Delete removes a secret with all its versions, and reports whether it was there.
func (s *Store) Delete(project, secret string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := s.secretName(project, secret)
	_, found := s.secrets[name]
	delete(s.secrets, name)
	return found
}

// Access returns the data of a version, projects/{project}/secrets/{secret}/versions/{number or latest}, and
// the name it resolves to. latest is the newest version, whether it is enabled or not.
func (s *Store) Access(name string) (data []byte, resolved string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, resolved, err := s.find(name)
	if err != nil {
		return nil, "", err
	}
	if v.state != secretmanagerpb.SecretVersion_ENABLED {
		return nil, "", notEnabled(resolved, v)
	}
	return slices.Clone(v.data), resolved, nil
}

// State reports whether a version is enabled, disabled or destroyed.
func (s *Store) State(name string) (state secretmanagerpb.SecretVersion_State, resolved string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, resolved, err := s.find(name)
	if err != nil {
		return 0, "", err
	}
	return v.state, resolved, nil
}

// find expects the mutex to be held.
func (s *Store) find(name string) (*version, string, error) {
	parts := strings.Split(name, "/")
	if len(parts) != 6 || parts[0] != "projects" || parts[2] != "secrets" || parts[4] != "versions" {
		return nil, "", status.Errorf(codes.InvalidArgument, "The provided Secret Version ID [%s] does not match the expected format [projects/*/secrets/*/versions/*]", name)
	}
	secret := s.secretName(parts[1], parts[3])
	versions := s.secrets[secret]
	if len(versions) == 0 {
		return nil, "", status.Errorf(codes.NotFound, "Secret [%s] not found or has no versions.", secret)
	}
	number := len(versions)
	if parts[5] != "latest" {
		n, err := strconv.Atoi(parts[5])
		if err != nil || n < 1 || n > len(versions) {
			return nil, "", status.Errorf(codes.NotFound, "Secret Version [%s/versions/%s] not found.", secret, parts[5])
		}
		number = n
	}
	return versions[number-1], fmt.Sprintf("%s/versions/%d", secret, number), nil
}

// secretName is the secret's resource name with the project's number, where it is known.
func (s *Store) secretName(project, secret string) string {
	if number, known := s.numbers[project]; known {
		project = number
	}
	return "projects/" + project + "/secrets/" + secret
}

func notEnabled(name string, v *version) error {
	return status.Errorf(codes.FailedPrecondition, "Secret Version [%s] is in %s state.", name, v.state)
}
