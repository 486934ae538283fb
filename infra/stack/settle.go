package stack

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// refusal is what Google says for minutes after something was made that has not taken effect everywhere yet.
type refusal struct {
	text *regexp.Regexp
	of   string // what is waited for
}

// https://cloud.google.com/iam/docs/access-change-propagation
var refusals = []refusal{
	{regexp.MustCompile(`SERVICE_DISABLED|has not been used in project .* before or it is disabled|API \[[a-z.]+\] not enabled`), "an API that was just enabled"},
	{regexp.MustCompile(`(?i)service ?account \S+ (does not exist|was not found|not found)|unknown service account`), "an account that was just made"},
	{regexp.MustCompile(`Permission denied on secret`), "a grant on a secret that was just made"},
}

// exists matches what Google says where the name is taken.
var exists = regexp.MustCompile(`\b409\b|(?i)already exists|ALREADY_EXISTS`)

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
			if failed.FailedOperation == "create" && exists.MatchString(failed.Errors[0]) {
				s.notice(d.takenNotice(string(failed.Type), failed.Name))
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
		d.noteGrant, err = d.ctx.RegisterResourceHook(d.name+"-note-grant", func(*pulumi.ResourceHookArgs) error {
			s.granted.Store(true)
			return nil
		}, nil)
		return err
	})
}

func (d *deployment) takenNotice(typ, name string) string {
	remedy, ok := nameTaken[typ]
	if !ok {
		remedy = ownNames
	}
	return d.naming(fmt.Sprintf("%s exists already in %s: %s", name, d.Project, remedy))
}

// again says whether to try once more after a refusal, and waits before it does: two seconds, then twice as long each time, up to half
// a minute.
func (s *settling) again(ctx context.Context, urn pulumi.URN, name, message string, attempt int) (bool, error) {
	what := refusedFor(message)
	if what == "" {
		return false, nil
	}
	wait := min(2*time.Second<<min(attempt-1, 4), 30*time.Second)
	s.mu.Lock()
	first, ok := s.since[urn]
	if !ok {
		first = s.now()
		s.since[urn] = first
	}
	s.mu.Unlock()
	if s.now().Add(wait).Sub(first) > s.limit {
		s.notice(fmt.Sprintf("%s: gave up after %s waiting for %s to take effect; run pulumi up again", name, Short(s.now().Sub(first).Round(time.Second)), what))
		return false, nil
	}
	s.notice(fmt.Sprintf("%s: waiting for %s to take effect; next try in %s, for at most %s: %s", name, what, Short(wait), Short(s.limit), firstLine(message)))
	return true, s.sleep(ctx, wait)
}

// refusedFor says what a refusal waits for; empty: waiting does not help.
func refusedFor(message string) string {
	for _, r := range refusals {
		if r.text.MatchString(message) {
			return r.of
		}
	}
	return ""
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
