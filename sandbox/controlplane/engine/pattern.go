package engine

import "strings"

// Pattern is a resource name with variables: projects/{project}/locations/{location}/jobs/{job}.
type Pattern []string

// NewPattern reads a pattern.
func NewPattern(text string) Pattern { return strings.Split(text, "/") }

// match fills the variables from the segments of a path.
func (p Pattern) match(path []string) (map[string]string, bool) {
	if len(path) != len(p) {
		return nil, false
	}
	vars := map[string]string{}
	for i, segment := range p {
		name, isVar := variable(segment)
		switch {
		case isVar && path[i] != "":
			vars[name] = path[i]
		case segment != path[i]:
			return nil, false
		}
	}
	return vars, true
}

// Fill puts the variables' values in their places.
func (p Pattern) Fill(vars map[string]string) string {
	filled := make([]string, len(p))
	for i, segment := range p {
		filled[i] = segment
		if name, isVar := variable(segment); isVar {
			filled[i] = vars[name]
		}
	}
	return strings.Join(filled, "/")
}

// collection is the pattern without its last variable: what POST and list are sent to.
func (p Pattern) collection() Pattern { return p[:len(p)-1] }

// id is the name of the last variable.
func (p Pattern) id() string {
	name, _ := variable(p[len(p)-1])
	return name
}

func variable(segment string) (string, bool) {
	if name, ok := strings.CutPrefix(segment, "{"); ok {
		return strings.TrimSuffix(name, "}"), true
	}
	return "", false
}

// Last is the part of a resource name after its last slash.
func Last(name string) string { return name[strings.LastIndex(name, "/")+1:] }
