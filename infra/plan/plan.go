package main

import (
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"strings"

	"vertexmetadata/infra/stack"
)

// Plan is what a stack declares, in an order in which it can be deployed.
type Plan struct {
	Project   string         `json:"project"`
	Stack     string         `json:"stack"`
	Resources []Resource     `json:"resources"`
	Outputs   map[string]any `json:"outputs"`

	args     stack.Args // what the settings say
	warnings []string   // what the program warns of
	missing  []string   // settings that the stack's file leaves to its environment
	changes  []string   // against the base, one line each
	base     string     // what changes compares with, or why it does not
}

// Resource is one resource as the program registers it. A secret input reads "[secret]".
type Resource struct {
	Type    string         `json:"type"`
	Name    string         `json:"name"`
	URN     string         `json:"urn"`
	Aliases []string       `json:"aliases,omitempty"` // URNs by which it is found in a stack of an earlier version
	Parent  string         `json:"parent,omitempty"`  // URN
	Custom  bool           `json:"custom"`            // false: a component, which only groups others
	Inputs  map[string]any `json:"inputs"`
	Depends []string       `json:"dependencies,omitempty"`  // URNs
	Import  string         `json:"import,omitempty"`        // id of what is taken over
	Ignore  []string       `json:"ignoreChanges,omitempty"` // inputs whose differences do not count
	Hooks   []string       `json:"hooks,omitempty"`         // what the program does when it is made or changed
	Retain  bool           `json:"retainOnDelete,omitempty"`
	Protect bool           `json:"protect,omitempty"`
	// OldGoesFirst says that a replacement deletes the old one before it makes the new one.
	OldGoesFirst bool   `json:"deleteBeforeReplace,omitempty"`
	Version      string `json:"version,omitempty"` // of its provider
}

// order is that of the steps of stack.New, by the types of what they declare.
var order = []string{
	"vertex-metadata:", "gcp:projects/service:", "gcp:serviceaccount/account:", "gcp:projects/serviceIdentity:", "gcp:artifactregistry/repository:",
	"gcp:secretmanager/secret:", "gcp:secretmanager/secretVersion:", "gcp:storage/bucket:", "gcp:discoveryengine/dataStore:",
	"gcp:discoveryengine/schema:", "gcp:discoveryengine/searchEngine:", "gcp:sql/user:",
	"gcp:projects/iAMMember:", "gcp:secretmanager/", "gcp:storage/", "gcp:artifactregistry/", "gcp:kms/", "docker:",
	"gcp:cloudrunv2/job:", "gcp:cloudrunv2/", "gcp:cloudscheduler/", "gcp:logging/", "gcp:monitoring/dashboard:", "gcp:monitoring/notification", "gcp:monitoring/",
}

func rank(typ string) int {
	i := slices.IndexFunc(order, func(prefix string) bool { return strings.HasPrefix(typ, prefix) })
	if i < 0 {
		return len(order)
	}
	return i
}

// sort brings the resources into the order of deployment, which depends on nothing but what they are: registration is concurrent,
// so the order of arrival differs from run to run.
func (p *Plan) sort() {
	slices.SortFunc(p.Resources, func(a, b Resource) int {
		return cmp.Or(cmp.Compare(rank(a.Type), rank(b.Type)), cmp.Compare(strings.ToLower(a.Type), strings.ToLower(b.Type)), cmp.Compare(a.Name, b.Name))
	})
	waiting, placed := p.Resources, map[string]bool{}
	p.Resources = nil
	for len(waiting) > 0 {
		missing := func(urn string) bool { return urn != "" && !placed[urn] }
		ready := slices.IndexFunc(waiting, func(r Resource) bool {
			return !missing(r.Parent) && !slices.ContainsFunc(r.Depends, missing)
		})
		next := waiting[ready]
		placed[next.URN] = true
		p.Resources = append(p.Resources, next)
		waiting = slices.Delete(waiting, ready, ready+1)
	}
}

// writeJSON prints the plan for programs.
func (p *Plan) writeJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(p)
}

// urnName is the last part of a URN.
func urnName(urn string) string { return urn[strings.LastIndex(urn, "::")+2:] }

// short is a resource's name without the component's, which all begin with.
func (p *Plan) short(name string) string { return strings.TrimPrefix(name, stack.Namespace+"-") }
