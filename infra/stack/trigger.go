package stack

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/cloudscheduler"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// scheduleTrigger declares the Cloud Scheduler job that starts the job. It comes last, when the job may be started
// and can do its work.
func (d *deployment) scheduleTrigger() {
	d.try("trigger "+d.TriggerName, func() (err error) {
		first := append([]pulumi.Resource{d.services[apiScheduler], d.job}, append(d.grants, d.jobGrants...)...)
		name, renamed := d.named("trigger", d.TriggerName)
		opts := d.adopting(append(d.after(first...), renamed), d.triggerID(),
			"attemptDeadline", "description", "httpTarget", "paused", "retryConfig", "schedule", "timeZone")
		// A destroy takes the trigger first. Were the job alone protected, it would be refused with the trigger gone.
		opts = append(opts, pulumi.Protect(d.DeletionProtection))
		d.trigger, err = cloudscheduler.NewJob(d.ctx, name, &cloudscheduler.JobArgs{
			Project:         pulumi.String(d.Project),
			Region:          pulumi.String(d.Region),
			Name:            pulumi.String(d.TriggerName),
			Schedule:        pulumi.String(strings.Join(strings.Fields(d.Schedule), " ")),
			TimeZone:        pulumi.String(d.TimeZone),
			Paused:          pulumi.Bool(d.Paused), // said even when false, or a trigger paused by hand is no drift
			AttemptDeadline: pulumi.String(seconds(d.AttemptDeadline)),
			HttpTarget: &cloudscheduler.JobHttpTargetArgs{
				Uri:        pulumi.String("https://run.googleapis.com/v2/" + d.jobID() + ":run"),
				HttpMethod: pulumi.String("POST"),
				// A googleapis.com address takes an OAuth token, not OIDC.
				OauthToken: &cloudscheduler.JobHttpTargetOauthTokenArgs{
					ServiceAccountEmail: d.runnerAccount.Email,
					Scope:               pulumi.String("https://www.googleapis.com/auth/cloud-platform"),
				},
			},
			// What gcloud gives a trigger, in full: a field left out here would be removed from one made by hand.
			RetryConfig: &cloudscheduler.JobRetryConfigArgs{
				RetryCount:         pulumi.Int(d.SchedulerRetries),
				MinBackoffDuration: pulumi.String("5s"),
				MaxBackoffDuration: pulumi.String("3600s"),
				MaxDoublings:       pulumi.Int(5),
				MaxRetryDuration:   pulumi.String("0s"),
			},
		}, opts...)
		return err
	})
}

// triggerID is how Cloud Scheduler and Pulumi name the trigger in full.
func (a Args) triggerID() string {
	return fmt.Sprintf("projects/%s/locations/%s/jobs/%s", a.Project, a.Region, a.TriggerName)
}
