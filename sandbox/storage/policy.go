package storage

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"

	raw "google.golang.org/api/storage/v1"
)

// Policy is what the owner of a bucket has set, as far as it changes what others may do. The zero value is a bucket
// that allows everything.
type Policy struct {
	// Retention protects every object until it is that old.
	Retention time.Duration
	// DefaultHold puts every new object under an event-based hold.
	DefaultHold bool
	// RequesterPays refuses every request that names no project to bill.
	RequesterPays bool
	// OneWriteASecond throttles writes and deletions of one name that follow each other faster, as the service does.
	OneWriteASecond bool

	// The rest is only shown.
	Location               string // US by default
	KMSKey                 string // default key of new objects
	UniformAccess          bool
	PublicAccessPrevention string              // enforced or inherited
	SoftDelete             time.Duration       // how long deleted objects are kept
	Bindings               map[string][]string // role -> members
}

// mark is what policies must know of a name.
type mark struct {
	created, changed time.Time // created: of the live object
	held             bool
}

// SetPolicy sets a bucket's policy. It applies to requests, not to what a test changes by hand.
func (s *Server) SetPolicy(bucket string, policy Policy) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.policies[bucket] = policy
}

// SetClock replaces the clock of policies; nil is the real one.
func (s *Server) SetClock(now func() time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = now
}

func (s *Server) policy(bucket string) (policy Policy, set bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	policy, set = s.policies[bucket]
	return policy, set
}

func (s *Server) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clock != nil {
		return s.clock()
	}
	return time.Now()
}

// mayChange says why the policy forbids to write or delete an object now, in the service's own words. The caller holds
// s.change.
func (s *Server) mayChange(bucket, object string) error {
	policy, set := s.policy(bucket)
	if !set {
		return nil
	}
	m, now := s.marks[heldKey(bucket, object)], s.now()
	exists := s.liveGeneration(bucket, object) != 0
	switch until := m.created.Add(policy.Retention); {
	case exists && m.held:
		return apiError{http.StatusForbidden, "objectUnderActiveHold", fmt.Sprintf(
			"Object '%s/%s' is under active Event-Based hold and cannot be deleted, overwritten or archived until hold is removed.", bucket, object)}
	case exists && policy.Retention > 0 && now.Before(until):
		return apiError{http.StatusForbidden, "retentionPolicyNotMet", fmt.Sprintf(
			"Object '%s/%s' is subject to bucket's retention policy or object retention and cannot be deleted or overwritten until %s",
			bucket, object, until.UTC().Format(time.RFC3339Nano))}
	case policy.OneWriteASecond && now.Sub(m.changed) < time.Second:
		return apiError{http.StatusTooManyRequests, "rateLimitExceeded", fmt.Sprintf(
			"The object %s/%s exceeded the rate limit for object mutation operations (create, update, and delete). Please reduce your request rate. See https://cloud.google.com/storage/docs/gcs429.", bucket, object)}
	}
	return nil
}

// changed remembers that an object was written, or deleted. The caller holds s.change.
func (s *Server) changed(bucket, object string, deleted bool) {
	now := s.now()
	policy, _ := s.policy(bucket)
	m := mark{changed: now}
	if !deleted {
		m.created, m.held = now, policy.DefaultHold
	}
	s.marks[heldKey(bucket, object)] = m
}

// checkPayer refuses what names no project to bill where the bucket wants one.
func (s *Server) checkPayer(r *http.Request, bucket string) error {
	policy, _ := s.policy(bucket)
	if policy.RequesterPays && r.URL.Query().Get("userProject") == "" && r.Header.Get("X-Goog-User-Project") == "" {
		return apiError{http.StatusBadRequest, "required", "Bucket is requester pays bucket but no user project provided."}
	}
	return nil
}

// showObject describes an object with what the policy says of it.
func (s *Server) showObject(w *reply, r *http.Request, req Request, policy Policy) error {
	answer := httptest.NewRecorder()
	if err := s.pass(answer, r); err != nil {
		return err
	}
	var object map[string]any
	if answer.Code == http.StatusOK && json.Unmarshal(answer.Body.Bytes(), &object) == nil {
		s.change.Lock()
		m := s.marks[heldKey(req.Bucket, req.Object)]
		s.change.Unlock()
		object["eventBasedHold"] = m.held
		if policy.Retention > 0 {
			object["retentionExpirationTime"] = m.created.Add(policy.Retention).UTC().Format(time.RFC3339Nano)
		}
		return w.json(object)
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, err := w.Write(answer.Body.Bytes())
	return err
}

// showBucket describes a bucket with a policy.
func (s *Server) showBucket(w *reply, bucket string, policy Policy) error {
	b := raw.Bucket{
		Kind: "storage#bucket", Id: bucket, Name: bucket, Location: "US", StorageClass: "STANDARD",
		DefaultEventBasedHold: policy.DefaultHold,
		Billing:               &raw.BucketBilling{RequesterPays: policy.RequesterPays},
		IamConfiguration: &raw.BucketIamConfiguration{
			UniformBucketLevelAccess: &raw.BucketIamConfigurationUniformBucketLevelAccess{Enabled: policy.UniformAccess},
			PublicAccessPrevention:   policy.PublicAccessPrevention,
		},
	}
	if policy.Location != "" {
		b.Location = policy.Location
	}
	if policy.Retention > 0 {
		b.RetentionPolicy = &raw.BucketRetentionPolicy{RetentionPeriod: int64(policy.Retention / time.Second), EffectiveTime: s.now().UTC().Format(time.RFC3339)}
	}
	if policy.SoftDelete > 0 {
		b.SoftDeletePolicy = &raw.BucketSoftDeletePolicy{RetentionDurationSeconds: int64(policy.SoftDelete / time.Second)}
	}
	if policy.KMSKey != "" {
		b.Encryption = &raw.BucketEncryption{DefaultKmsKeyName: policy.KMSKey}
	}
	return w.json(&b)
}

// showBindings answers who has which role on a bucket.
func (s *Server) showBindings(w *reply, bucket string) error {
	policy, _ := s.policy(bucket)
	answer := raw.Policy{Kind: "storage#policy", ResourceId: resourceName(bucket, ""), Version: 1, Etag: "CAE="}
	for _, role := range slices.Sorted(maps.Keys(policy.Bindings)) {
		answer.Bindings = append(answer.Bindings, &raw.PolicyBindings{Role: role, Members: policy.Bindings[role]})
	}
	return w.json(&answer)
}

func (w *reply) json(answer any) error {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	return json.NewEncoder(w).Encode(answer)
}
