package controlplane

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// call is one request, once it is clear what it is about.
type call struct {
	*Server
	http    *http.Request
	service string
	version string
	kind    *kind
	vars    map[string]string // of the kind's pattern; the project is always its id
	on      string            // the relative name of the resource or, for a collection, of its parent
	whole   bool              // the path names the collection
	verb    string            // after the colon
	body    object
	member  string // who calls; "" is the operator, who may do everything
}

var (
	versionSegment = regexp.MustCompile(`^v[0-9]+((alpha|beta)[0-9]+)?$`)
	apiHost        = regexp.MustCompile(`^(?:[a-z]+-[a-z]+[0-9]+-)?([a-z]+)\.(?:[a-z]+[0-9-a-z]*\.rep\.)?googleapis\.com$`)
)

// ServeHTTP answers one request. Services are told apart by the first segment of the path, or by a googleapis.com host.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := s.answer(r)
	if err != nil {
		var known *Error
		if errors.As(err, &known) {
			s.log.Info("control plane", "method", r.Method, "path", r.URL.Path, "code", known.Code, "error", known.Message)
		}
		writeError(w, err)
		return
	}
	s.log.Info("control plane", "method", r.Method, "path", r.URL.Path, "code", http.StatusOK)
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func (s *Server) answer(r *http.Request) (any, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	member, err := s.caller(r)
	if err != nil {
		return nil, err
	}
	c := &call{Server: s, http: r, body: body, member: member}
	path, err := c.locate()
	if err != nil {
		return nil, err
	}
	if operation, ok := c.operationPath(path); ok {
		return operation, nil
	}
	if !c.find(path) {
		return nil, s.unknownRequest(r)
	}
	if err := c.resolveProject(); err != nil {
		return nil, err
	}
	answer, err := c.dispatch()
	if errors.Is(err, errNoSuchMethod) {
		return nil, s.unknownRequest(r)
	}
	return answer, err
}

// errNoSuchMethod marks a request whose resource is known and whose method is not.
var errNoSuchMethod = errors.New("no such method")

func (s *Server) unknownRequest(r *http.Request) error {
	request := r.Method + " " + r.URL.Path
	s.unknown = append(s.unknown, request)
	s.log.Error("UNKNOWN REQUEST: the sandbox has no such API method", "method", r.Method, "host", r.Host, "url", r.URL.String())
	return notFound("Method not found: the sandbox does not know %s.", request)
}

// locate finds service and version and returns the rest of the path, unescaped.
func (c *call) locate() ([]string, error) {
	var path []string
	for segment := range strings.SplitSeq(strings.Trim(c.http.URL.EscapedPath(), "/"), "/") {
		plain, err := url.PathUnescape(segment)
		if err != nil {
			return nil, invalid("Invalid path segment %q.", segment)
		}
		path = append(path, plain)
	}
	host, _, _ := strings.Cut(c.http.Host, ":")
	if found := apiHost.FindStringSubmatch(host); found != nil && found[1] != "www" {
		c.service = found[1]
	}
	if known(path[0]) {
		c.service, path = path[0], path[1:]
	}
	// Over plain http the provider writes the version twice.
	for len(path) > 0 && versionSegment.MatchString(path[0]) {
		c.version, path = path[0], path[1:]
	}
	if len(path) == 0 {
		path = []string{""}
	}
	return path, nil
}

func known(service string) bool {
	return slices.ContainsFunc(kinds, func(k *kind) bool { return k.service == service })
}

// find matches the path with the table.
func (c *call) find(path []string) bool {
	path = slices.Clone(path)
	end := path[len(path)-1]
	if name, verb, ok := strings.Cut(end, ":"); ok {
		path[len(path)-1], c.verb = name, verb
	}
	for _, k := range kinds {
		if k.service != c.service || !slices.Contains(k.versions, c.version) {
			continue
		}
		if vars, ok := k.pattern.match(path); ok {
			c.kind, c.vars, c.whole = k, vars, false
			return true
		}
		if vars, ok := k.pattern.collection().match(path); ok {
			c.kind, c.vars, c.whole = k, vars, true
			return true
		}
		// Old APIs write their verbs as one more segment: b/BUCKET/iam.
		if vars, ok := k.pattern.match(path[:len(path)-1]); ok && k.verbs != nil {
			if _, has := k.verbs[c.http.Method+" /"+path[len(path)-1]]; has {
				c.kind, c.vars, c.whole, c.verb = k, vars, false, "/"+path[len(path)-1]
				return true
			}
		}
	}
	return false
}

// resolveProject turns a project's number into its id, so that both name the same resource.
func (c *call) resolveProject() error {
	if id, has := c.vars["project"]; has && id != "-" && id != "_" {
		p := c.project(id)
		if p == nil {
			return denied("Permission '%s.get' denied on resource project %s (or it may not exist).", c.kind.permission, id)
		}
		if err := p.allows(c.service); err != nil {
			return err
		}
		c.vars["project"] = p.id
	}
	if c.whole {
		// The parent: without the collection's own last word.
		parent := c.kind.pattern.collection()
		c.on = parent[:len(parent)-1].fill(c.vars)
		return nil
	}
	c.on = c.kind.pattern.fill(c.vars)
	return nil
}

func readBody(r *http.Request) (object, error) {
	content, err := io.ReadAll(io.LimitReader(r.Body, 8<<20))
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	body := object{}
	if len(strings.TrimSpace(string(content))) == 0 {
		return body, nil
	}
	if err := json.Unmarshal(content, &body); err != nil {
		return nil, invalid("Invalid JSON payload received. %v", err)
	}
	return body, nil
}
