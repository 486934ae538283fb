package engine

import (
	"sort"
	"strings"
)

// Entry is a stored resource.
type Entry struct {
	Kind     *Kind
	serial   int
	Resource object
}

// Find is the entry of a key; nil when there is none.
func (s *Server) Find(key string) *Entry { return s.resources[key] }

// Keep stores a new resource under its name.
func (s *Server) Keep(k *Kind, name string, resource object) {
	s.resources[k.Key(name)] = &Entry{Kind: k, serial: s.Next(), Resource: resource}
}

// Forget removes a resource, what lies below it, and their policies.
func (s *Server) Forget(key string) {
	for other := range s.resources {
		if other == key || strings.HasPrefix(other, key+"/") {
			delete(s.resources, other)
			delete(s.policies, other)
			delete(s.lags, other)
		}
	}
}

// InOrder are all resources, oldest first.
func (s *Server) InOrder() []*Entry {
	all := make([]*Entry, 0, len(s.resources))
	for _, e := range s.resources {
		all = append(all, e)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].serial < all[j].serial })
	return all
}
