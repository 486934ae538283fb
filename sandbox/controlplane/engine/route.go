package engine

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

// Call is one request, once it is clear what it is about.
type Call struct {
	*Server
	HTTP    *http.Request
	Service string
	Version string
	Kind    *Kind
	Vars    map[string]string // of the kind's pattern; the project is always its id
	On      string            // the relative name of the resource or, for a collection, of its parent
	Whole   bool              // the path names the collection
	Verb    string            // after the colon
	Body    object
	Member  string // who calls; "" is the operator, who may do everything
}

var (
	versionSegment = regexp.MustCompile(`^v[0-9]+((alpha|beta)[0-9]+)?$`)
	apiHost        = regexp.MustCompile(`^(?:(?:[a-z]+-[a-z]+[0-9]+|global|us|eu)-)?([a-z]+)\.(?:[a-z]+[0-9-a-z]*\.rep\.)?googleapis\.com$`)
)

// ServeHTTP answers one request. The service is found from the first segment of the path, or by a googleapis.com host.
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
	c := &Call{Server: s, HTTP: r, Body: body, Member: member}
	path, err := c.locate()
	if err != nil {
		return nil, err
	}
	if operation, ok := c.operationPath(path); ok {
		return operation, nil
	}
	if !c.match(path) {
		return nil, s.unknownRequest(r)
	}
	if err := c.resolveProject(); err != nil {
		return nil, err
	}
	answer, err := c.dispatch()
	if errors.Is(err, ErrNoSuchMethod) {
		return nil, s.unknownRequest(r)
	}
	return answer, err
}

// ErrNoSuchMethod marks a request whose resource is known and whose method is not.
var ErrNoSuchMethod = errors.New("no such method")

func (s *Server) unknownRequest(r *http.Request) error {
	request := r.Method + " " + r.URL.Path
	s.unknown = append(s.unknown, request)
	s.log.Error("UNKNOWN REQUEST: the sandbox has no such API method", "method", r.Method, "host", r.Host, "url", r.URL.String())
	return NotFound("Method not found: the sandbox does not know %s.", request)
}

// locate finds service and version and returns the rest of the path, unescaped.
func (c *Call) locate() ([]string, error) {
	var path []string
	for segment := range strings.SplitSeq(strings.Trim(c.HTTP.URL.EscapedPath(), "/"), "/") {
		plain, err := url.PathUnescape(segment)
		if err != nil {
			return nil, Invalid("Invalid path segment %q.", segment)
		}
		path = append(path, plain)
	}
	host, _, _ := strings.Cut(c.HTTP.Host, ":")
	if found := apiHost.FindStringSubmatch(host); found != nil && found[1] != "www" {
		c.Service = found[1]
	}
	if c.serves(path[0]) {
		c.Service, path = path[0], path[1:]
	}
	// Over plain http the provider writes the version twice.
	for prefix := c.apis.Prefixes[c.Service]; len(path) > 0; path = path[1:] {
		if versionSegment.MatchString(path[0]) {
			c.Version = path[0]
		} else if prefix == "" || path[0] != prefix {
			break
		}
	}
	if len(path) == 0 {
		path = []string{""}
	}
	return path, nil
}

func (s *Server) serves(service string) bool {
	return slices.ContainsFunc(s.kinds, func(k *Kind) bool { return k.Service == service })
}

// match matches the path with the table.
func (c *Call) match(path []string) bool {
	path = slices.Clone(path)
	end := path[len(path)-1]
	if name, verb, ok := strings.Cut(end, ":"); ok {
		path[len(path)-1], c.Verb = name, verb
	}
	for _, k := range c.kinds {
		if k.Service != c.Service || !slices.Contains(k.Versions, c.Version) {
			continue
		}
		if vars, ok := k.Pattern.match(path); ok {
			c.Kind, c.Vars, c.Whole = k, vars, false
			return true
		}
		if vars, ok := k.Pattern.collection().match(path); ok {
			c.Kind, c.Vars, c.Whole = k, vars, true
			return true
		}
		// Old APIs write their verbs as one more segment: b/BUCKET/iam.
		if vars, ok := k.Pattern.match(path[:len(path)-1]); ok && k.Verbs != nil {
			if _, has := k.Verbs[c.HTTP.Method+" /"+path[len(path)-1]]; has {
				c.Kind, c.Vars, c.Whole, c.Verb = k, vars, false, "/"+path[len(path)-1]
				return true
			}
		}
	}
	return false
}

// resolveProject turns a project's number into its id, so that both name the same resource.
func (c *Call) resolveProject() error {
	if id, has := c.Vars["project"]; has && id != "-" && id != "_" {
		p := c.Project(id)
		if p == nil {
			return Denied("Permission '%s.get' denied on resource project %s (or it may not exist).", c.Kind.Permission, id)
		}
		if err := c.enabled(p, c.Service); err != nil {
			return err
		}
		c.Vars["project"] = p.ID
	}
	if c.Whole {
		// The parent: without the collection's own last word.
		parent := c.Kind.Pattern.collection()
		c.On = parent[:len(parent)-1].Fill(c.Vars)
		return nil
	}
	c.On = c.Kind.Pattern.Fill(c.Vars)
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
		return nil, Invalid("Invalid JSON payload received. %v", err)
	}
	return body, nil
}
