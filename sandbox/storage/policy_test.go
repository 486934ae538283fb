package storage_test

import (
	"errors"
	"testing"
	"time"

	gcs "cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"

	"vertexmetadata/sandbox/storage"
)

// reason is the first word of a refusal.
func reason(err error) string {
	var api *googleapi.Error
	if !errors.As(err, &api) || len(api.Errors) == 0 {
		return ""
	}
	return api.Errors[0].Reason
}

func TestPolicies(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	const s1, refused = time.Second, 900 * time.Millisecond
	for _, tt := range []struct {
		name              string
		policy            storage.Policy
		overwrite, remove time.Duration // after the creation
		wantCreate, want  string        // reason of the creation's refusal, and of both others; "" for none
	}{
		{"none", storage.Policy{}, 0, 0, "", ""},
		{"retention", storage.Policy{Retention: time.Hour}, 59 * time.Minute, 59 * time.Minute, "", "retentionPolicyNotMet"},
		{"retention is over", storage.Policy{Retention: time.Hour}, time.Hour, 2 * time.Hour, "", ""},
		{"default hold", storage.Policy{DefaultHold: true}, 24 * time.Hour, 24 * time.Hour, "", "objectUnderActiveHold"},
		{"one write a second", storage.Policy{OneWriteASecond: true}, refused, refused, "", "rateLimitExceeded"},
		{"a second between writes", storage.Policy{OneWriteASecond: true}, s1, 2 * s1, "", ""},
		{"requester pays", storage.Policy{RequesterPays: true}, 0, 0, "required", "required"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t)
			s.SetPolicy(bucket, tt.policy)
			clock := now
			s.SetClock(func() time.Time { return clock })
			client := connect(t, s)
			client.SetRetry(gcs.WithPolicy(gcs.RetryNever))
			object := client.Bucket(bucket).Object("a")
			expect := func(step, want string, err error) {
				t.Helper()
				if got := reason(err); got != want || want == "" && err != nil {
					t.Errorf("%s: %q, want %q (%v)", step, got, want, err)
				}
			}
			expect("create", tt.wantCreate, writeOnce(object, "1"))
			expect("create another", tt.wantCreate, writeOnce(client.Bucket(bucket).Object("b"), "1"))
			clock = now.Add(tt.overwrite)
			expect("overwrite", tt.want, writeOnce(object, "2"))
			clock = now.Add(tt.remove)
			expect("delete", tt.want, object.Delete(t.Context()))
		})
	}
}

func TestPolicyIsShown(t *testing.T) {
	s := start(t)
	s.SetPolicy(bucket, storage.Policy{
		Retention: time.Hour, DefaultHold: true, Location: "EU", UniformAccess: true, PublicAccessPrevention: "enforced",
		SoftDelete: 7 * 24 * time.Hour, KMSKey: "projects/p/locations/eu/keyRings/r/cryptoKeys/k",
		Bindings: map[string][]string{"roles/storage.objectAdmin": {"serviceAccount:job@p.iam.gserviceaccount.com"}},
	})
	handle := connect(t, s).Bucket(bucket)
	attrs, err := handle.Attrs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if attrs.RetentionPolicy.RetentionPeriod != time.Hour || !attrs.DefaultEventBasedHold || attrs.Location != "EU" ||
		!attrs.UniformBucketLevelAccess.Enabled || attrs.PublicAccessPrevention != gcs.PublicAccessPreventionEnforced ||
		attrs.SoftDeletePolicy.RetentionDuration != 7*24*time.Hour || attrs.Encryption.DefaultKMSKeyName == "" {
		t.Errorf("%+v", attrs)
	}
	policy, err := handle.IAM().Policy(t.Context())
	if err != nil || len(policy.Members("roles/storage.objectAdmin")) != 1 {
		t.Errorf("policy %v, error %v", policy, err)
	}
}

func TestRefusalsHaveReasons(t *testing.T) {
	for want, fault := range map[string]storage.Fault{
		"forbidden": storage.KeyDenied(), "invalid": storage.KeyDisabled(),
		"accountDisabled": storage.BillingDisabled(), "vpcServiceControls": storage.VPCServiceControls("uid-1"),
	} {
		s := start(t)
		s.Inject(fault)
		if err := writeOnce(connect(t, s).Bucket(bucket).Object("a"), "1"); reason(err) != want {
			t.Errorf("%v, want reason %s", err, want)
		}
	}
}
