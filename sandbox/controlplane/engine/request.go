package engine

import (
	"bytes"
	"encoding/json"
	"net/http"

	"vertexmetadata/sandbox/controlplane/fields"
)

// Request sends one REST request to the server itself, as its operator: the seeding calls and DeployPlan go the way that
// gcloud and the provider go.
func (s *Server) Request(method, path string, body object) (object, error) {
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequest(method, path, &content)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+s.admin)
	answer, err := s.answer(r)
	if err != nil {
		return nil, err
	}
	result, _ := answer.(object)
	if failed := fields.Child(result, "error"); failed != nil && result["done"] == true {
		return nil, operationError(failed)
	}
	return result, nil
}

// operationError is the error that a long-running operation ended with.
func operationError(failed object) *Error {
	code := fields.Whole(failed, "code", 2)
	if code < 0 || code >= len(canonical) {
		code = 2
	}
	return Failure(http.StatusOK, canonical[code], "%s", fields.Text(failed, "message"))
}
