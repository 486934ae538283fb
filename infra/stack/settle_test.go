package stack

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func TestOnlyWhatTakesEffectLaterIsRetried(t *testing.T) {
	for _, test := range []struct{ message, want string }{
		{"Error code 13, message: Permission denied on secret: projects/1/secrets/db_name/versions/latest for Revision service account x@p.iam.gserviceaccount.com", "a grant on a secret that was just made"},
		{"googleapi: Error 400: Service account service-1@gcp-sa-discoveryengine.iam.gserviceaccount.com does not exist., invalid", "an account that was just made"},
		{"googleapi: Error 403: Cloud Run Admin API has not been used in project 1 before or it is disabled. Enable it by visiting …", "an API that was just enabled"},
		{`"reason": "SERVICE_DISABLED"`, "an API that was just enabled"},
		{"googleapi: Error 403: Permission 'run.jobs.create' denied on resource", ""},
		{"googleapi: Error 409: Requested entity already exists", ""},
		{"googleapi: Error 400: The request has errors, badRequest", ""},
		{"googleapi: Error 403: Request is prohibited by organization's policy. SECURITY_POLICY_VIOLATED", ""},
	} {
		if got := refusedFor(test.message); got != test.want {
			t.Errorf("%s: waits for %q, want %q", test.message, got, test.want)
		}
	}
}

// It waits longer each time, says for what, and gives up when the limit is reached.
func TestRetriesAreBounded(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	var notices []string
	var waits []time.Duration
	s := &settling{
		limit: time.Minute, now: func() time.Time { return now }, since: map[pulumi.URN]time.Time{},
		sleep:  func(_ context.Context, d time.Duration) error { waits, now = append(waits, d), now.Add(d); return nil },
		notice: func(text string) { notices = append(notices, text) },
	}
	for attempt, again := 1, true; again; attempt++ {
		var err error
		if again, err = s.again(context.Background(), "urn", "vertex-metadata-job", "1 error occurred:\n\t* Permission denied on secret: db_name\n", attempt); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second}, waits); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
	want := []string{
		"vertex-metadata-job: waiting for a grant on a secret that was just made to take effect; next try in 2s, for at most 1m: Permission denied on secret: db_name",
		"vertex-metadata-job: gave up after 1m waiting for a grant on a secret that was just made to take effect; run pulumi up again",
	}
	if diff := cmp.Diff(want, []string{notices[0], notices[len(notices)-1]}); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
}

func TestWaitEndsWithTheUpdate(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := pause(ctx, time.Hour); err == nil || err.Error() != "wait for what was made to take effect: context canceled" {
		t.Errorf("got %v", err)
	}
}

// A name that is taken is no riddle: the notice says which settings to change.
func TestTakenNames(t *testing.T) {
	a := valid()
	d := &deployment{Args: a}
	for typ, want := range map[string]string{
		"gcp:serviceaccount/account:Account": "x exists already in my-project: give this system names of its own with jobName, triggerName, jobAccount and runnerAccount, or take over what was made by hand with adopt",
		"gcp:storage/bucket:Bucket":          "x exists already in my-project: set createBucket to false if it is yours; bucket names are the world's, so choose another bucket if it is not",
	} {
		if got := d.takenNotice(typ, "x"); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	for _, message := range []string{"googleapi: Error 409: Service account x already exists", "rpc error: code = AlreadyExists desc = ALREADY_EXISTS"} {
		if !exists.MatchString(message) {
			t.Errorf("%s: not seen as a name that is taken", message)
		}
	}
}

// A program that uses the component knows fields, not settings.
func TestErrorsOfAProgramNameItsFields(t *testing.T) {
	a := valid()
	a.loaded = false
	a.Project, a.RunnerAccount, a.CloudSQLIPType = "", a.JobAccount, "private"
	want := strings.Join([]string{
		"invalid arguments:",
		"  Project: is not set; give the project's id",
		"  VPCNetwork: is not set though CloudSQLIPType is private; name the network through which the instance is reached",
		"  RunnerAccount: must differ from JobAccount; the trigger may only start the job",
	}, "\n")
	if err := a.validate(); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	for _, d := range Declared(&a) {
		if name := a.nameOf(d.Key); name == d.Key {
			t.Errorf("%s has no field of its own", d.Key)
		}
	}
}
