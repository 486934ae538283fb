package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// node is one box of the graph: a resource, or several that a reader takes as one.
type node struct {
	group string
	lines []string
	after map[string]bool
}

// writeMermaid prints the resources of the stack as a graph that GitHub renders. An arrow leads from what is made first.
func (p *Plan) writeMermaid(out io.Writer) error {
	nodes, ids := p.graph()
	to := &printer{out: out}
	to.printf("flowchart LR\n")
	for _, group := range []string{"access", "storage and search", "job", "monitoring"} {
		members := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return nodes[id].group != group })
		if len(members) == 0 {
			continue
		}
		to.printf("  subgraph %s[\"%s\"]\n", "group_"+identifier(group), group)
		for _, id := range members {
			to.printf("    %s[\"%s\"]\n", id, strings.Join(nodes[id].lines, "<br/>"))
		}
		to.printf("  end\n")
	}
	for _, id := range ids {
		for _, before := range ids {
			if nodes[id].after[before] && !around(nodes, id, before) {
				to.printf("  %s --> %s\n", before, id)
			}
		}
	}
	return to.err
}

// graph puts every resource into its box, in the order of deployment.
func (p *Plan) graph() (nodes map[string]*node, ids []string) {
	nodes = map[string]*node{}
	of := map[string]string{} // box of each URN
	for _, r := range p.Resources {
		if !r.Custom {
			continue
		}
		id, group, line := p.box(r)
		n, ok := nodes[id]
		if !ok {
			n = &node{group: group, after: map[string]bool{}}
			nodes[id], ids = n, append(ids, id)
		}
		if line != "" && !slices.Contains(n.lines, line) {
			n.lines = append(n.lines, line)
		}
		of[r.URN] = id
		for _, urn := range r.Depends { // all wait for an API: said once is enough
			if before := of[urn]; before != "" && before != id && before != "apis" {
				n.after[before] = true
			}
		}
	}
	for _, n := range nodes {
		if len(n.lines) > 12 {
			n.lines = append(n.lines[:11], fmt.Sprintf("… %d more", len(n.lines)-11))
		}
	}
	return nodes, ids
}

// box says which box a resource belongs to, and its line there.
func (p *Plan) box(r Resource) (id, group, line string) {
	kind, name := kindOf(r), p.short(r.Name)
	switch kind {
	case "API":
		return "apis", "access", "API " + strings.TrimSuffix(text(r.Inputs["service"]), ".googleapis.com")
	case "grant":
		who, _, _ := strings.Cut(name, "-"+lastPart(text(r.Inputs["role"])))
		return "grants_" + identifier(who), "access", text(r.Inputs["role"])
	case "account", "service agent":
		return identifier(name), "access", kind + " " + orElse(text(r.Inputs["accountId"]), text(r.Inputs["service"]))
	case "image", "repository", "job", "trigger":
		return identifier(kind), "job", kind + " " + orElse(orElse(text(r.Inputs["name"]), text(r.Inputs["repositoryId"])), text(r.Inputs["imageName"])) + when(r)
	case "metric", "alert", "notification channel", "dashboard":
		return identifier(kind), "monitoring", kind + " " + strings.TrimPrefix(strings.TrimPrefix(name, "metric-"), "alert-")
	}
	return identifier(name), "storage and search", kind + " " + orElse(orElse(text(r.Inputs["dataStoreId"]), text(r.Inputs["name"])), name)
}

func when(r Resource) string {
	if schedule := text(r.Inputs["schedule"]); schedule != "" {
		return "<br/>" + schedule
	}
	return ""
}

// around says whether an arrow is implied by others.
func around(nodes map[string]*node, id, before string) bool {
	for other := range nodes[id].after {
		if other != before && reachesNode(nodes, other, before, map[string]bool{}) {
			return true
		}
	}
	return false
}

func reachesNode(nodes map[string]*node, from, to string, seen map[string]bool) bool {
	if from == to {
		return true
	}
	if seen[from] {
		return false
	}
	seen[from] = true
	for other := range nodes[from].after {
		if reachesNode(nodes, other, to, seen) {
			return true
		}
	}
	return false
}

func lastPart(path string) string { return path[strings.LastIndex(path, "/")+1:] }

// identifier is a name as mermaid takes it.
func identifier(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, name)
}

func text(value any) string {
	s, _ := value.(string)
	return s
}
