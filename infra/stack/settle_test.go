package stack

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
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
		{"Error, failed to insert user u into instance i: googleapi: Error 400: Invalid request: Provided CLOUD_IAM_SERVICE_ACCOUNT: a@p.iam.gserviceaccount.com, does not exist., invalid", "an account that was just made"},
		{"googleapi: Error 403: Google Cloud Run Service Agent does not have permission to get access tokens for the service account a@p.iam.gserviceaccount.com.", "a service agent that was just made"},
		{"googleapi: Error 409: There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff., aborted", "somebody else's change of the same policy"},
		{actAs, ""},
		{"googleapi: Error 400: The request has errors, badRequest", ""},
		{"googleapi: Error 403: Request is prohibited by organization's policy. SECURITY_POLICY_VIOLATED", ""},
	} {
		if got := waits(new(settling), test.message); got != test.want {
			t.Errorf("%s: waits for %q, want %q", test.message, got, test.want)
		}
	}
	made := new(settling)
	made.account.Store(true)
	if got := waits(made, actAs); got != "an account that was just made (or roles/iam.serviceAccountUser, if you lack it)" {
		t.Errorf("after an account was made, %s: waits for %q", actAs, got)
	}
}

func waits(s *settling, message string) string {
	if what := s.waitsFor(message); what != nil {
		return what.of
	}
	return ""
}

// Cloud Run says the same of an account that is not there yet and of a deployer without the role.
const actAs = "googleapi: Error 403: Permission 'iam.serviceaccounts.actAs' denied on service account a@p.iam.gserviceaccount.com (or it may not exist)."

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

// What may be a role that the deployer lacks is waited for a shorter time.
func TestMissingRoleIsNotWaitedForLong(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	var last string
	s := &settling{
		limit: 10 * time.Minute, now: func() time.Time { return now }, since: map[pulumi.URN]time.Time{},
		sleep:  func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil },
		notice: func(text string) { last = text },
	}
	s.account.Store(true)
	for attempt, again := 1, true; again; attempt++ {
		var err error
		if again, err = s.again(context.Background(), "urn", "vertex-metadata-job", actAs, attempt); err != nil {
			t.Fatal(err)
		}
	}
	if want := "vertex-metadata-job: gave up after 2m waiting for an account that was just made (or roles/iam.serviceAccountUser, if you lack it) to take effect; run pulumi up again"; last != want {
		t.Errorf("got  %s\nwant %s", last, want)
	}
}

func TestWaitEndsWithTheUpdate(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := pause(ctx, time.Hour); err == nil || err.Error() != "wait for what was made to take effect: context canceled" {
		t.Errorf("got %v", err)
	}
}

// A name that is taken is no riddle: the notice says which settings to change, and how to go on after an update that was interrupted.
func TestTakenNames(t *testing.T) {
	const (
		urn   = "urn:pulumi:dev::vertex-metadata::vertex-metadata:index:System$"
		names = "x exists already in my-project: give this system names of its own with jobName, triggerName, jobAccount and runnerAccount, or take over what was made by hand with adopt; " +
			"if an update of this stack made it that was interrupted: pulumi import --protect=false --generate-code=false " +
			"--parent 'system=urn:pulumi:dev::vertex-metadata::vertex-metadata:index:System::vertex-metadata' "
	)
	for _, test := range []struct {
		typ, want string
		change    func(*Args)
	}{
		{"gcp:serviceaccount/account:Account", names + "gcp:serviceaccount/account:Account x projects/my-project/serviceAccounts/some-account@my-project.iam.gserviceaccount.com", nil},
		{"gcp:cloudrunv2/job:Job", names + "gcp:cloudrunv2/job:Job x projects/my-project/locations/asia-northeast1/jobs/create-vertex-metadata", nil},
		{"gcp:cloudscheduler/job:Job", names + "gcp:cloudscheduler/job:Job x projects/my-project/locations/asia-northeast1/jobs/trigger-vertex-metadata", nil},
		{"gcp:logging/metric:Metric", names + "gcp:logging/metric:Metric x some_metric", nil},
		{"gcp:storage/bucket:Bucket", "x exists already in my-project: set createBucket to false if it is yours; bucket names are the world's, so choose another bucket if it is not", nil},
		{"gcp:sql/user:User", "x exists already in my-project: set createDatabaseUser to false to use what is there", nil},
		{"gcp:sql/user:User", "x exists already in my-project: set databaseUser to vertex-metadata-sa@my-project.iam to use what is there", func(a *Args) { a.DatabaseAuth = authIAM }},
	} {
		a := valid()
		if test.change != nil {
			test.change(&a)
		}
		d := &deployment{Args: a, name: Namespace}
		got := d.takenNotice(&pulumi.ErrorHookArgs{
			URN: pulumi.URN(urn + test.typ + "::x"), Name: "x", Type: tokens.Type(test.typ),
			NewInputs: resource.NewPropertyMapFromMap(map[string]any{"accountId": "some-account", "name": "some_metric"}),
		})
		if got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
	for _, message := range []string{"googleapi: Error 409: Service account x already exists", "Error 400: Invalid request: Database user 'x' cannot be created because a user exists with the same name., invalid", "rpc error: code = AlreadyExists desc = ALREADY_EXISTS"} {
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
