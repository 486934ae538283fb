package discoveryengine

import (
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// storeName is a data store's address. Project is an id or a number.
type storeName struct{ project, location, store string }

func (n storeName) String() string {
	return "projects/" + n.project + "/locations/" + n.location + "/collections/default_collection/dataStores/" + n.store
}

// parseName takes a resource name apart into its data store and what follows, such as
// [branches default_branch documents d1]. The collection may be left out, as the service allows.
func parseName(name string) (storeName, []string, error) {
	parts := strings.Split(name, "/")
	if len(parts) >= 6 && parts[4] == "collections" && parts[5] == "default_collection" {
		parts = append(parts[:4:4], parts[6:]...)
	}
	if len(parts) < 6 || len(parts)%2 != 0 || parts[0] != "projects" || parts[2] != "locations" || parts[4] != "dataStores" {
		return storeName{}, nil, invalid("Invalid resource name: %q", name)
	}
	for _, part := range parts {
		if part == "" {
			return storeName{}, nil, invalid("Invalid resource name: %q", name)
		}
	}
	return storeName{parts[1], parts[3], parts[5]}, parts[6:], nil
}

// store finds a data store, by its project's id or number, and returns what follows its name.
func (s *Server) store(name string) (*DataStore, []string, error) {
	parsed, rest, err := parseName(name)
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	store, found := s.stores[parsed.String()]
	if !found {
		return nil, nil, status.Errorf(codes.NotFound, "DataStore %s not found.", parsed)
	}
	return store, rest, nil
}

// branch finds the data store of a branch; every data store has the one branch default_branch, also called 0.
func (s *Server) branch(name string) (*DataStore, error) {
	store, rest, err := s.store(name)
	if err != nil {
		return nil, err
	}
	if len(rest) != 2 || rest[0] != "branches" {
		return nil, invalid("Invalid resource name: %q", name)
	}
	if !isBranch(rest[1]) {
		return nil, status.Errorf(codes.NotFound, "Branch %s not found.", name)
	}
	return store, nil
}

// document finds the data store and the id of a document's name.
func (s *Server) document(name string) (*DataStore, string, error) {
	store, rest, err := s.store(name)
	if err != nil {
		return nil, "", err
	}
	if len(rest) != 4 || rest[0] != "branches" || !isBranch(rest[1]) || rest[2] != "documents" {
		return nil, "", invalid("Invalid resource name: %q", name)
	}
	return store, rest[3], nil
}

func isBranch(name string) bool { return name == "default_branch" || name == "0" || name == "default" }

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}
