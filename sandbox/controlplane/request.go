package controlplane

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// request sends one REST request to the server itself, as its operator: the seeding calls and DeployPlan go the way that
// gcloud and the provider go.
func (s *Server) request(method, path string, body object) (object, error) {
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
	if failed := child(result, "error"); failed != nil && result["done"] == true {
		return nil, operationError(failed)
	}
	return result, nil
}

// operationError is the error that a long-running operation ended with.
func operationError(failed object) *Error {
	code := whole(failed, "code", 2)
	if code < 0 || code >= len(canonical) {
		code = 2
	}
	return failure(http.StatusOK, canonical[code], "%s", text(failed, "message"))
}
