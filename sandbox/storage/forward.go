package storage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// forward lets fake-gcs-server answer, after the preconditions that it would ignore.
func (s *Server) forward(w *reply, r *http.Request, req Request) error {
	if req.Op == OpBucketInsert {
		return s.insertBucket(w, r)
	}
	if req.Object == "" {
		return s.bucketOp(w, r, req)
	}
	conds, err := requestConditions(r, req)
	if err != nil {
		return err
	}
	generation, err := number(r.URL.Query(), "generation")
	if err != nil {
		return err
	}
	wanted := int64(0)
	if generation != nil {
		wanted = *generation
	}
	if req.Op == OpGet || req.Op == OpRead {
		if err := s.handOverFirst(req.Bucket, req.Object); err != nil {
			return err
		}
		if err := s.holdForExisting(conds, req.Bucket, req.Object, wanted, true); err != nil {
			return err
		}
		return s.read(w, r, req)
	}
	s.change.Lock()
	defer s.change.Unlock()
	if req.Op == OpDelete {
		if err := s.holdForExisting(conds, req.Bucket, req.Object, wanted, false); err != nil {
			return err
		}
		if err := s.mayChange(req.Bucket, req.Object); err != nil {
			return err
		}
		s.remove(req.Bucket, req.Object)
		s.changed(req.Bucket, req.Object, true)
		return noContent(w)
	}
	if err := s.handOver(req.Bucket, req.Object); err != nil {
		return err
	}
	switch req.Op {
	case OpCompose:
		err = s.checkCompose(r, req, conds)
	case OpRewrite:
		err = s.checkRewrite(r, req, conds)
	default:
		err = s.holdForExisting(conds, req.Bucket, req.Object, wanted, false)
	}
	if err != nil {
		return err
	}
	if req.Op == OpCompose || req.Op == OpRewrite {
		if err := s.mayChange(req.Bucket, req.Object); err != nil {
			return err
		}
		s.changed(req.Bucket, req.Object, false)
	}
	return s.pass(w, r)
}

// bucketOp passes on what is asked of a bucket, or of all.
func (s *Server) bucketOp(w *reply, r *http.Request, req Request) error {
	switch req.Op {
	case OpList:
		if err := s.handOverFirst(req.Bucket, r.URL.Query().Get("prefix")); err != nil {
			return err
		}
	case OpBucketDelete:
		return s.deleteBucket(w, req)
	case OpBucketGet:
		if policy, set := s.policy(req.Bucket); set {
			return s.showBucket(w, req.Bucket, policy)
		}
	case OpBucketBindings:
		return s.showBindings(w, req.Bucket)
	}
	return s.pass(w, r)
}

func (s *Server) deleteBucket(w *reply, req Request) error {
	s.change.Lock()
	defer s.change.Unlock()
	if len(s.List(req.Bucket, "")) > 0 {
		return apiError{http.StatusConflict, "conflict", "The bucket you tried to delete is not empty."}
	}
	if err := s.fake.Backend().DeleteBucket(req.Bucket); err != nil {
		return err
	}
	return noContent(w)
}

// noContent answers a deletion, where the fake answers 200 and null, over which gcloud stumbles.
func noContent(w *reply) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// pass sends the request on as it is.
func (s *Server) pass(w http.ResponseWriter, r *http.Request) error {
	s.fake.HTTPHandler().ServeHTTP(w, r)
	return nil
}

// read passes a read on under the one path that the fake serves whatever name this server is known by.
func (s *Server) read(w *reply, r *http.Request, req Request) error {
	if policy, set := s.policy(req.Bucket); set && req.Op == OpGet {
		return s.showObject(w, r, req, policy)
	}
	if req.Op != OpRead {
		return s.pass(w, r)
	}
	inner := r.Clone(r.Context())
	inner.URL.RawPath = "/download/storage/v1/b/" + url.PathEscape(req.Bucket) + "/o/" + url.PathEscape(req.Object)
	inner.URL.Path, _ = url.PathUnescape(inner.URL.RawPath) // just escaped
	return s.pass(w, inner)
}

func requestConditions(r *http.Request, req Request) (conditions, error) {
	if req.XML {
		return readXMLConditions(r.Header)
	}
	return readConditions(r.URL.Query(), "if")
}

// insertBucket answers 409 for a name that is taken, where the fake answers as if it had made it.
func (s *Server) insertBucket(w *reply, r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	var bucket struct{ Name string }
	if err := json.Unmarshal(body, &bucket); err != nil || bucket.Name == "" {
		return badRequest("Required: the bucket's name")
	}
	s.change.Lock()
	defer s.change.Unlock()
	if s.bucketExists(bucket.Name) {
		return apiError{http.StatusConflict, "conflict", "Your previous request to create the named bucket succeeded and you already own it."}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return s.pass(w, r)
}

// checkCompose checks the sources' preconditions, which stand in the body, and the destination's.
func (s *Server) checkCompose(r *http.Request, req Request, conds conditions) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var compose struct {
		SourceObjects []struct {
			Name                string
			Generation          int64 `json:",string"`
			ObjectPreconditions *struct {
				IfGenerationMatch *int64 `json:",string"`
			}
		}
		DeleteSourceObjects bool
	}
	if err := json.Unmarshal(body, &compose); err != nil {
		return badRequest("Parse Error: %v", err)
	}
	if compose.DeleteSourceObjects {
		return notImplemented("compose with deleteSourceObjects")
	}
	if n := len(compose.SourceObjects); n == 0 || n > 32 {
		return badRequest("The number of source components provided (%d) exceeds the maximum (32) or is zero.", n)
	}
	for _, source := range compose.SourceObjects {
		if err := s.handOver(req.Bucket, source.Name); err != nil {
			return err
		}
		var sourceConds conditions
		if source.ObjectPreconditions != nil {
			sourceConds.match = source.ObjectPreconditions.IfGenerationMatch
		}
		if err := s.holdForExisting(sourceConds, req.Bucket, source.Name, source.Generation, false); err != nil {
			return err
		}
	}
	return conds.hold(s.liveGeneration(req.Bucket, req.Object), false)
}

func (s *Server) checkRewrite(r *http.Request, req Request, conds conditions) error {
	query := r.URL.Query()
	sourceConds, err := readConditions(query, "ifSource")
	if err != nil {
		return err
	}
	generation, err := number(query, "sourceGeneration")
	if err != nil {
		return err
	}
	wanted := int64(0)
	if generation != nil {
		wanted = *generation
	}
	bucket, object, found := strings.Cut(req.Source, "/")
	if !found {
		return fmt.Errorf("rewrite without a source: %q", req.Source)
	}
	if !s.bucketExists(bucket) {
		return errNoBucket
	}
	if err := s.handOver(bucket, object); err != nil {
		return err
	}
	if err := s.holdForExisting(sourceConds, bucket, object, wanted, false); err != nil {
		return err
	}
	return conds.hold(s.liveGeneration(req.Bucket, req.Object), false)
}
