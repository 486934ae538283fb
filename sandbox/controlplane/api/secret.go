package api

import (
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"regexp"
	"strconv"
	"strings"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

var secretFormat = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

const secretsPattern = "projects/{project}/secrets/{secret}"

// secretKinds are secrets and their versions. Secret Manager writes the project's number into the names that it answers.
func (s *Server) secretKinds() []*engine.Kind {
	byNumber := func(resource object) object {
		resource["name"] = s.numbered(fields.Text(resource, "name"))
		return resource
	}
	state := func(state string) engine.Verb {
		return engine.Verb{Run: func(c *engine.Call) (any, error) { return s.setVersionState(c, state) }}
	}
	return []*engine.Kind{
		{
			Service: "secretmanager", Versions: []string{"v1"}, Pattern: engine.NewPattern(secretsPattern), Title: "secret",
			List: "secrets", Permission: "secretmanager.secrets", Policed: true, Format: secretFormat,
			Stamps: []string{"createTime", "etag"}, Shown: byNumber,
			NewID: func(c *engine.Call) (string, error) { return c.HTTP.URL.Query().Get("secretId"), nil },
			Prepare: func(c *engine.Call, _, secret object) error {
				if fields.Child(secret, "replication") == nil {
					return engine.Invalid("The request was invalid: secret.replication must be provided.")
				}
				fields.Put(secret, "name", c.On)
				return nil
			},
			Verbs: map[string]engine.Verb{"POST addVersion": {Permission: "secretmanager.versions.add", Run: s.addVersion}},
		},
		{
			Service: "secretmanager", Versions: []string{"v1"}, Pattern: engine.NewPattern(secretsPattern + "/versions/{version}"),
			Title: "secret version", List: "versions", Permission: "secretmanager.versions", Fixed: true, Newest: true, Shown: byNumber, Hidden: []string{payloadField},
			Handle: s.handleVersion,
			Verbs: map[string]engine.Verb{
				"GET access":  {Run: func(c *engine.Call) (any, error) { return s.access(c) }},
				"POST enable": state("ENABLED"), "POST disable": state("DISABLED"), "POST destroy": state("DESTROYED"),
			},
		},
	}
}

// payloadField holds a version's bytes in base64; no answer but access shows it.
const payloadField = "sandboxPayload"

// handleVersion resolves the alias latest to the newest version.
func (s *Server) handleVersion(c *engine.Call) (any, error) {
	if !c.Whole && c.Vars["version"] == "latest" {
		if newest := s.latest(fmt.Sprintf("projects/%s/secrets/%s", c.Vars["project"], c.Vars["secret"])); newest != "" {
			c.Vars["version"] = newest
			c.On = c.Kind.Pattern.Fill(c.Vars)
		}
	}
	return c.Plain()
}

func (s *Server) latest(secret string) string {
	if newest := s.versions(secret); newest > 0 {
		return strconv.Itoa(newest)
	}
	return ""
}

// versions counts the versions of a secret; they are numbered from 1.
func (s *Server) versions(secret string) int {
	n := 0
	for s.Find("secretmanager/"+secret+"/versions/"+strconv.Itoa(n+1)) != nil {
		n++
	}
	return n
}

func (s *Server) addVersion(c *engine.Call) (any, error) {
	if _, err := c.Stored(); err != nil {
		return nil, err
	}
	data, err := base64.StdEncoding.DecodeString(fields.Text(c.Body, "payload.data"))
	if err != nil {
		return nil, engine.Invalid("Invalid payload: data is not base64.")
	}
	if len(data) > 64<<10 {
		return nil, engine.Invalid("The secret payload is too large: at most 64 KiB.")
	}
	name := c.On + "/versions/" + strconv.Itoa(s.versions(c.On)+1)
	version := object{
		"name": name, "createTime": c.Timestamp(), "state": "ENABLED", "etag": `"` + engine.RandomHex(8) + `"`,
		"replicationStatus": object{"automatic": object{}}, payloadField: base64.StdEncoding.EncodeToString(data),
	}
	k := c.KindOf("secretmanager", secretsPattern+"/versions/{version}")
	c.Keep(k, name, version)
	return k.Present(version), nil
}

func (s *Server) setVersionState(c *engine.Call, state string) (any, error) {
	if err := c.May("secretmanager.versions."+c.Verb, c.Kind.Key(c.On)); err != nil {
		return nil, err
	}
	found, err := c.Stored()
	if err != nil {
		return nil, err
	}
	if fields.Text(found.Resource, "state") == "DESTROYED" {
		return nil, engine.Precondition("[%s] is in DESTROYED state.", c.On)
	}
	fields.Put(found.Resource, "state", state)
	if state == "DESTROYED" {
		fields.Drop(found.Resource, payloadField)
	}
	return c.Present(found.Resource), nil
}

func (s *Server) access(c *engine.Call) (any, error) {
	data, name, err := s.accessVersion(c.Member, c.On)
	if err != nil {
		return nil, err
	}
	return object{
		"name": s.numbered(name),
		"payload": object{
			"data":       base64.StdEncoding.EncodeToString(data),
			"dataCrc32c": strconv.FormatInt(int64(crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))), 10),
		},
	}, nil
}

// Access reads a version of a secret: projects/P/secrets/S/versions/V, V may be latest. It answers the bytes and the version's
// resolved name. Whether the caller may is asked before (Authorize); the error is NOT_FOUND, or FAILED_PRECONDITION for a
// version that is not enabled.
func (s *Server) Access(name string) (data []byte, resolved string, err error) {
	s.Lock()
	defer s.Unlock()
	data, resolved, err = s.accessVersion("", name)
	if err != nil {
		return nil, "", err
	}
	return data, s.numbered(resolved), nil
}

func (s *Server) accessVersion(member, name string) ([]byte, string, error) {
	key := s.KeyOf("secretmanager/" + name)
	if secret, ok := strings.CutSuffix(key, "/versions/latest"); ok {
		if newest := s.latest(strings.TrimPrefix(secret, "secretmanager/")); newest != "" {
			key = secret + "/versions/" + newest
		}
	}
	if member != "" {
		if err := s.Permitted(member, "secretmanager.versions.access", key); err != nil {
			return nil, "", err
		}
	}
	found := s.Find(key)
	if found == nil {
		return nil, "", engine.NotFound("Secret Version [%s] not found.", name)
	}
	if state := fields.Text(found.Resource, "state"); state != "ENABLED" {
		return nil, "", engine.Precondition("Secret Version [%s] is in %s state.", name, state)
	}
	data, err := base64.StdEncoding.DecodeString(fields.Text(found.Resource, payloadField))
	return data, fields.Text(found.Resource, "name"), err
}

// NewSecret makes a secret with one version.
func (s *Server) NewSecret(projectID, id, value string) error {
	base := fmt.Sprintf("/secretmanager/v1/projects/%s/secrets", projectID)
	if _, err := s.Request("POST", base+"?secretId="+id, object{"replication": object{"automatic": object{}}}); err != nil {
		return fmt.Errorf("create secret %s: %w", id, err)
	}
	return s.AddSecretVersion(projectID, id, value)
}

// AddSecretVersion adds a version to a secret; it is the latest from then on.
func (s *Server) AddSecretVersion(projectID, id, value string) error {
	path := fmt.Sprintf("/secretmanager/v1/projects/%s/secrets/%s:addVersion", projectID, id)
	if _, err := s.Request("POST", path, object{"payload": object{"data": base64.StdEncoding.EncodeToString([]byte(value))}}); err != nil {
		return fmt.Errorf("add version to secret %s: %w", id, err)
	}
	return nil
}

// numbered is a name with the number of its project in place of the id.
func (s *Server) numbered(name string) string {
	segments := strings.SplitN(name, "/", 3)
	if len(segments) < 3 || s.Project(segments[1]) == nil {
		return name
	}
	return "projects/" + s.Project(segments[1]).Number + "/" + segments[2]
}
