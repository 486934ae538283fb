package controlplane

import (
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"regexp"
	"strconv"
	"strings"
)

var secretFormat = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

const secretsPattern = "projects/{project}/secrets/{secret}"

// secretKinds are secrets and their versions. Secret Manager writes the project's number into the names that it answers.
func secretKinds() []*kind {
	byNumber := func(s *Server, resource object) object {
		segments := strings.SplitN(text(resource, "name"), "/", 3)
		if p := s.project(segments[1]); p != nil {
			resource["name"] = "projects/" + p.number + "/" + segments[2]
		}
		drop(resource, payloadField)
		return resource
	}
	state := func(state string) verb {
		return verb{run: func(c *call) (any, error) { return c.setVersionState(state) }}
	}
	return []*kind{
		{
			service: "secretmanager", versions: []string{"v1"}, pattern: newPattern(secretsPattern), title: "secret",
			list: "secrets", permission: "secretmanager.secrets", policed: true, format: secretFormat,
			stamps: []string{"createTime", "etag"}, shown: byNumber,
			newID: func(c *call) (string, error) { return c.http.URL.Query().Get("secretId"), nil },
			prepare: func(c *call, _, secret object) error {
				if child(secret, "replication") == nil {
					return invalid("The request was invalid: secret.replication must be provided.")
				}
				put(secret, "name", c.on)
				return nil
			},
			verbs: map[string]verb{"POST addVersion": {"secretmanager.versions.add", addVersion}},
		},
		{
			service: "secretmanager", versions: []string{"v1"}, pattern: newPattern(secretsPattern + "/versions/{version}"),
			title: "secret version", list: "versions", permission: "secretmanager.versions", fixed: true, newest: true, shown: byNumber,
			handle: handleVersion,
			verbs: map[string]verb{
				"GET access":  {run: func(c *call) (any, error) { return c.access() }},
				"POST enable": state("ENABLED"), "POST disable": state("DISABLED"), "POST destroy": state("DESTROYED"),
			},
		},
	}
}

// payloadField holds a version's bytes in base64; no answer but access shows it.
const payloadField = "sandboxPayload"

// handleVersion resolves the alias latest to the newest version.
func handleVersion(c *call) (any, error) {
	if !c.whole && c.vars["version"] == "latest" {
		if newest := c.latest(fmt.Sprintf("projects/%s/secrets/%s", c.vars["project"], c.vars["secret"])); newest != "" {
			c.vars["version"] = newest
			c.on = c.kind.pattern.fill(c.vars)
		}
	}
	return c.plain()
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
	for s.resources["secretmanager/"+secret+"/versions/"+strconv.Itoa(n+1)] != nil {
		n++
	}
	return n
}

func addVersion(c *call) (any, error) {
	if _, err := c.stored(); err != nil {
		return nil, err
	}
	data, err := base64.StdEncoding.DecodeString(text(c.body, "payload.data"))
	if err != nil {
		return nil, invalid("Invalid payload: data is not base64.")
	}
	if len(data) > 64<<10 {
		return nil, invalid("The secret payload is too large: at most 64 KiB.")
	}
	name := c.on + "/versions/" + strconv.Itoa(c.versions(c.on)+1)
	version := object{
		"name": name, "createTime": c.timestamp(), "state": "ENABLED", "etag": `"` + randomHex(8) + `"`,
		"replicationStatus": object{"automatic": object{}}, payloadField: base64.StdEncoding.EncodeToString(data),
	}
	k := kindOf("secretmanager", secretsPattern+"/versions/{version}")
	c.resources[k.key(name)] = &entry{kind: k, serial: c.next(), resource: version}
	return k.shown(c.Server, cloneObject(version)), nil
}

func (c *call) setVersionState(state string) (any, error) {
	if err := c.may("secretmanager.versions."+c.verb, c.kind.key(c.on)); err != nil {
		return nil, err
	}
	found, err := c.stored()
	if err != nil {
		return nil, err
	}
	if text(found.resource, "state") == "DESTROYED" {
		return nil, precondition("[%s] is in DESTROYED state.", c.on)
	}
	put(found.resource, "state", state)
	if state == "DESTROYED" {
		drop(found.resource, payloadField)
	}
	return c.present(found.resource), nil
}

func (c *call) access() (any, error) {
	data, name, err := c.accessVersion(c.member, c.on)
	if err != nil {
		return nil, err
	}
	segments := strings.SplitN(name, "/", 3)
	return object{
		"name": "projects/" + c.project(segments[1]).number + "/" + segments[2],
		"payload": object{
			"data":       base64.StdEncoding.EncodeToString(data),
			"dataCrc32c": strconv.FormatInt(int64(crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))), 10),
		},
	}, nil
}

// Access reads a version of a secret: projects/P/secrets/S/versions/V, V may be latest. It answers the bytes and the version's
// resolved name. Whether the caller may is asked at the door (Authorize); the error is NOT_FOUND, or FAILED_PRECONDITION for a
// version that is not enabled.
func (s *Server) Access(name string) (data []byte, resolved string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, resolved, err = s.accessVersion("", name)
	if err != nil {
		return nil, "", err
	}
	segments := strings.SplitN(resolved, "/", 3)
	return data, "projects/" + s.project(segments[1]).number + "/" + segments[2], nil
}

func (s *Server) accessVersion(member, name string) ([]byte, string, error) {
	key := s.keyOf("secretmanager/" + name)
	if secret, ok := strings.CutSuffix(key, "/versions/latest"); ok {
		if newest := s.latest(strings.TrimPrefix(secret, "secretmanager/")); newest != "" {
			key = secret + "/versions/" + newest
		}
	}
	if member != "" {
		if err := s.allowed(member, "secretmanager.versions.access", key); err != nil {
			return nil, "", err
		}
	}
	found := s.resources[key]
	if found == nil {
		return nil, "", notFound("Secret Version [%s] not found.", name)
	}
	if state := text(found.resource, "state"); state != "ENABLED" {
		return nil, "", precondition("Secret Version [%s] is in %s state.", name, state)
	}
	data, err := base64.StdEncoding.DecodeString(text(found.resource, payloadField))
	return data, text(found.resource, "name"), err
}

// NewSecret makes a secret with one version.
func (s *Server) NewSecret(projectID, id, value string) error {
	base := fmt.Sprintf("/secretmanager/v1/projects/%s/secrets", projectID)
	if _, err := s.request("POST", base+"?secretId="+id, object{"replication": object{"automatic": object{}}}); err != nil {
		return fmt.Errorf("create secret %s: %w", id, err)
	}
	return s.AddSecretVersion(projectID, id, value)
}

// AddSecretVersion adds a version to a secret; it is the latest from then on.
func (s *Server) AddSecretVersion(projectID, id, value string) error {
	path := fmt.Sprintf("/secretmanager/v1/projects/%s/secrets/%s:addVersion", projectID, id)
	if _, err := s.request("POST", path, object{"payload": object{"data": base64.StdEncoding.EncodeToString([]byte(value))}}); err != nil {
		return fmt.Errorf("add version to secret %s: %w", id, err)
	}
	return nil
}
