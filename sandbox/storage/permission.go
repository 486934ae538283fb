package storage

import (
	"encoding/json"
	"net/http"
	"strings"
)

// permissions that an operation needs. Overwriting needs delete too; see allow.
var permissions = map[Op]string{
	OpBucketList:      "storage.buckets.list",
	OpBucketInsert:    "storage.buckets.create",
	OpBucketGet:       "storage.buckets.get",
	OpBucketPatch:     "storage.buckets.update",
	OpBucketDelete:    "storage.buckets.delete",
	OpList:            "storage.objects.list",
	OpInsert:          "storage.objects.create",
	OpUploadStart:     "storage.objects.create",
	OpUploadChunk:     "storage.objects.create",
	OpUploadCancel:    "storage.objects.create",
	OpGet:             "storage.objects.get",
	OpRead:            "storage.objects.get",
	OpPatch:           "storage.objects.update",
	OpDelete:          "storage.objects.delete",
	OpCompose:         "storage.objects.create",
	OpRewrite:         "storage.objects.create",
	OpBucketBindings:  "storage.buckets.getIamPolicy",
	OpTestPermissions: "", // asks what the caller may do, so everyone may ask
}

// allow asks authorize for all that a request needs.
func (s *Server) allow(authorize Authorize, req Request) error {
	if authorize == nil || permissions[req.Op] == "" {
		return nil
	}
	resource := resourceName(req.Bucket, req.Object)
	type need struct{ permission, resource string }
	needs := []need{{permissions[req.Op], resource}}
	switch req.Op {
	case OpInsert, OpUploadStart, OpCompose, OpRewrite:
		if s.liveGeneration(req.Bucket, req.Object) != 0 {
			needs = append(needs, need{"storage.objects.delete", resource})
		}
	}
	switch req.Op {
	case OpCompose:
		needs = append(needs, need{"storage.objects.get", resourceName(req.Bucket, "")})
	case OpRewrite:
		bucket, object, _ := strings.Cut(req.Source, "/")
		needs = append(needs, need{"storage.objects.get", resourceName(bucket, object)})
	}
	for _, n := range needs {
		if err := authorize(req.Token, n.permission, n.resource); err != nil {
			return denied(req.Token, err)
		}
	}
	return nil
}

func denied(token string, err error) error {
	if token == "" {
		return apiError{http.StatusUnauthorized, "required", "Anonymous caller does not have access: " + err.Error()}
	}
	return apiError{http.StatusForbidden, "forbidden", err.Error()}
}

func resourceName(bucket, object string) string {
	switch {
	case bucket == "":
		return "projects/_"
	case object == "":
		return "projects/_/buckets/" + bucket
	}
	return "projects/_/buckets/" + bucket + "/objects/" + object
}

// testPermissions answers which of the permissions asked for the caller has on the bucket.
func (s *Server) testPermissions(w *reply, r *http.Request, req Request) error {
	s.mu.Lock()
	authorize := s.authorize
	s.mu.Unlock()
	answer := struct {
		Kind        string   `json:"kind"`
		Permissions []string `json:"permissions,omitempty"`
	}{Kind: "storage#testIamPermissionsResponse"}
	for _, permission := range r.URL.Query()["permissions"] {
		if authorize == nil || authorize(req.Token, permission, resourceName(req.Bucket, "")) == nil {
			answer.Permissions = append(answer.Permissions, permission)
		}
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	return json.NewEncoder(w).Encode(answer)
}
