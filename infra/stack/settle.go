package stack

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// refusal is what Google says for minutes after something was made that has not taken effect everywhere yet.
type refusal struct {
	text   *regexp.Regexp
	of     string // what is waited for
	orRole bool   // it may as well be a role that the deployer lacks: waited for only where this update made an account, and for roleLimit
}

// https://cloud.google.com/iam/docs/access-change-propagation
var refusals = []refusal{
	{regexp.MustCompile(`SERVICE_DISABLED|has not been used in project .* before or it is disabled|API \[[a-z.]+\] not enabled`), "an API that was just enabled", false},
	{regexp.MustCompile(`(?i)service[ _]?account:? \S+ (does not exist|was not found|not found)|unknown service account`), "an account that was just made", false},
	{regexp.MustCompile(`(?i)actAs' denied on service account \S+ \(or it may not exist\)`), "an account that was just made (or roles/iam.serviceAccountUser, if you lack it)", true},
	{regexp.MustCompile(`(?i)service agent does not have permission`), "a service agent that was just made", false},
	{regexp.MustCompile(`Permission denied on secret`), "a grant on a secret that was just made", false},
	// Another stack is deployed into the project at the same time: https://github.com/pulumi/pulumi-gcp/issues/1028
	{regexp.MustCompile(`concurrent policy changes`), "somebody else's change of the same policy", false},
}

// roleLimit is how long what may be a missing role is waited for.
const roleLimit = 2 * time.Minute

// exists matches what Google says where the name is taken.
var exists = regexp.MustCompile(`\b409\b|(?i)already exists|ALREADY_EXISTS|a user exists with the same name`)

// nameTaken is what to do about it, by the type of the resource.
var nameTaken = map[string]string{
	"gcp:artifactregistry/repository:Repository":    "set {createArtifactRepository} to false to use what is there",
	"gcp:discoveryengine/dataStore:DataStore":       "set {createDataStore} to false to use what is there, or choose another {dataStore}; the name of a deleted one is free again after hours",
	"gcp:discoveryengine/searchEngine:SearchEngine": "set {createSearchApp} to false to use what is there, or choose another {searchApp}",
	"gcp:secretmanager/secret:Secret":               "remove it from {secretValues} to use what is there, or choose another name",
	"gcp:sql/user:User":                             "set {createDatabaseUser} to false to use what is there",
	"gcp:storage/bucket:Bucket":                     "set {createBucket} to false if it is yours; bucket names are the world's, so choose another {bucket} if it is not",
}

// ownNames is what to do about the names that two systems in a project must not share.
const ownNames = "give this system names of its own with {jobName}, {triggerName}, {jobAccount} and {runnerAccount}, or take over what was made by hand with {adopt}"

// settling retries what was refused, and says what it waits for.
type settling struct {
	limit  time.Duration
	now    func() time.Time
	sleep  func(context.Context, time.Duration) error
	notice func(string)

	granted atomic.Bool // a role on secrets was granted in this update
	account atomic.Bool // an account was made in this update

	mu    sync.Mutex
	since map[pulumi.URN]time.Time // when each was refused first
}

// retryUntilSettled registers the hook that every resource has.
func (d *deployment) retryUntilSettled() {
	d.settling = &settling{limit: d.SettleLimit, now: time.Now, sleep: pause, since: map[pulumi.URN]time.Time{}}
	s := d.settling
	s.notice = func(text string) {
		// A notice that cannot be shown is no reason to stop the update.
		_ = d.ctx.Log.Warn(text, &pulumi.LogArgs{Resource: d.system})
	}
	d.try("retries", func() (err error) {
		d.retry, err = d.ctx.RegisterErrorHook(d.name+"-retry", func(failed *pulumi.ErrorHookArgs) (bool, error) {
			if len(failed.Errors) == 0 {
				return false, nil
			}
			if failed.FailedOperation == "create" && s.waitsFor(failed.Errors[0]) == nil && exists.MatchString(failed.Errors[0]) {
				s.notice(d.takenNotice(failed))
				return false, nil
			}
			if failed.Type == "gcp:cloudrunv2/job:Job" && strings.Contains(failed.Errors[0], "Permission denied on secret") {
				// The job is there, half made: what finishes it is another update, not another creation.
				s.notice(failed.Name + ": its account cannot read a secret that it mounts; run pulumi up again, and look at the grants if that does not help")
				return false, nil
			}
			return s.again(d.ctx.Context(), failed.URN, failed.Name, failed.Errors[0], len(failed.Errors))
		})
		if err != nil {
			return err
		}
		if d.noteGrant, err = d.note("grant", &s.granted); err != nil {
			return err
		}
		d.noteAccount, err = d.note("account", &s.account)
		return err
	})
}

// note registers a hook that notes that something was made.
func (d *deployment) note(what string, made *atomic.Bool) (*pulumi.ResourceHook, error) {
	return d.ctx.RegisterResourceHook(d.name+"-note-"+what, func(*pulumi.ResourceHookArgs) error {
		made.Store(true)
		return nil
	}, nil)
}

// noting makes the creation of a resource be noted.
func noting(hook *pulumi.ResourceHook) pulumi.ResourceOption {
	return pulumi.ResourceHooks(&pulumi.ResourceHookBinding{AfterCreate: []*pulumi.ResourceHook{hook}})
}

// takenNotice says what to do where a name is taken.
func (d *deployment) takenNotice(failed *pulumi.ErrorHookArgs) string {
	remedy, ok := nameTaken[string(failed.Type)]
	switch {
	case !ok:
		remedy = ownNames
	case failed.Type == "gcp:sql/user:User" && d.iamLogin():
		remedy = "set {databaseUser} to " + known(d.databaseUser()) + " to use what is there"
	}
	if id := d.importID(failed); id != "" {
		system := strings.Replace(string(failed.URN), "$"+string(failed.Type)+"::"+failed.Name, "::"+d.name, 1)
		remedy += fmt.Sprintf("; if an update of this stack made it that was interrupted: pulumi import --protect=false --generate-code=false --parent 'system=%s' %s %s %s",
			system, failed.Type, failed.Name, id)
	}
	return d.naming(fmt.Sprintf("%s exists already in %s: %s", failed.Name, d.Project, remedy))
}

// importID is the id by which Pulumi takes over what it does not know of, for what no setting can use as it is.
func (d *deployment) importID(failed *pulumi.ErrorHookArgs) string {
	input := func(key resource.PropertyKey) string {
		text, _ := failed.NewInputs[key].V.(string)
		return text
	}
	switch failed.Type {
	case "gcp:serviceaccount/account:Account":
		return d.accountID(input("accountId"))
	case "gcp:cloudrunv2/job:Job":
		return d.jobID()
	case "gcp:cloudscheduler/job:Job":
		return d.triggerID()
	case "gcp:logging/metric:Metric":
		return input("name")
	}
	return ""
}

// again says whether to try once more after a refusal, and waits before it does: two seconds, then twice as long each time, up to half
// a minute.
func (s *settling) again(ctx context.Context, urn pulumi.URN, name, message string, attempt int) (bool, error) {
	what := s.waitsFor(message)
	if what == nil {
		return false, nil
	}
	limit := s.limit
	if what.orRole {
		limit = min(limit, roleLimit)
	}
	wait := min(2*time.Second<<min(attempt-1, 4), 30*time.Second)
	s.mu.Lock()
	first, ok := s.since[urn]
	if !ok {
		first = s.now()
		s.since[urn] = first
	}
	s.mu.Unlock()
	if s.now().Add(wait).Sub(first) > limit {
		s.notice(fmt.Sprintf("%s: gave up after %s waiting for %s to take effect; run pulumi up again", name, Short(s.now().Sub(first).Round(time.Second)), what.of))
		return false, nil
	}
	s.notice(fmt.Sprintf("%s: waiting for %s to take effect; next try in %s, for at most %s: %s", name, what.of, Short(wait), Short(limit), firstLine(message)))
	return true, s.sleep(ctx, wait)
}

// waitsFor says what is waited for after a refusal; nil: waiting does not help.
func (s *settling) waitsFor(message string) *refusal {
	for i, r := range refusals {
		if r.text.MatchString(message) && (!r.orRole || s.account.Load()) {
			return &refusals[i]
		}
	}
	return nil
}

// firstLine is the first line of an error that says anything, and not too much of it.
func firstLine(message string) string {
	for line := range strings.Lines(message) {
		if line = strings.Trim(line, " \t\r\n*"); line != "" && !strings.HasSuffix(line, "occurred:") {
			if runes := []rune(line); len(runes) > 300 {
				line = string(runes[:300]) + "…"
			}
			return line
		}
	}
	return ""
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for what was made to take effect: %w", ctx.Err())
	}
}
