package stack

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// System is the deployed whole, with what a person needs next as outputs.
type System struct {
	pulumi.ResourceState

	Image           pulumi.StringOutput `pulumi:"image"` // by digest
	Job             pulumi.StringOutput `pulumi:"job"`
	Trigger         pulumi.StringOutput `pulumi:"trigger"`
	JobAccount      pulumi.StringOutput `pulumi:"jobAccount"`      // e-mail address
	RunnerAccount   pulumi.StringOutput `pulumi:"runnerAccount"`   // e-mail address
	RunCommand      pulumi.StringOutput `pulumi:"runCommand"`      // starts the job once
	LastRunsCommand pulumi.StringOutput `pulumi:"lastRunsCommand"` // shows how the last runs ended
	LogsCommand     pulumi.StringOutput `pulumi:"logsCommand"`     // shows what the last runs logged, and why one failed
	DatabaseGrant   pulumi.StringOutput `pulumi:"databaseGrant"`   // SQL that lets the role read; empty where its name is in a secret
	SearchApps      pulumi.StringOutput `pulumi:"searchApps"`      // empty unless created
	JobURL          pulumi.StringOutput `pulumi:"jobUrl"`
	LogsURL         pulumi.StringOutput `pulumi:"logsUrl"`
	DashboardURL    pulumi.StringOutput `pulumi:"dashboardUrl"` // empty without monitoring
}

func (s *System) outputs() pulumi.Map {
	return pulumi.Map{
		"image": s.Image, "job": s.Job, "trigger": s.Trigger, "jobAccount": s.JobAccount, "runnerAccount": s.RunnerAccount,
		"runCommand": s.RunCommand, "lastRunsCommand": s.LastRunsCommand, "logsCommand": s.LogsCommand,
		"databaseGrant": s.DatabaseGrant, "searchApps": s.SearchApps,
		"jobUrl": s.JobURL, "logsUrl": s.LogsURL, "dashboardUrl": s.DashboardURL,
	}
}

// fill sets the outputs.
func (d *deployment) fill(system *System) {
	inProject := "?project=" + url.QueryEscape(d.Project)
	job := fmt.Sprintf("https://console.cloud.google.com/run/jobs/details/%s/%s", d.Region, d.JobName)
	system.Image = d.image.ToStringOutput()
	system.Job = d.job.Name
	system.Trigger = d.trigger.Name
	system.JobAccount = d.jobAccount.Email
	system.RunnerAccount = d.runnerAccount.Email
	system.RunCommand = pulumi.Sprintf("gcloud run jobs execute %s --project %s --region %s --wait", d.job.Name, d.Project, d.Region)
	system.LastRunsCommand = pulumi.String(d.lastRunsCommand()).ToStringOutput()
	system.LogsCommand = pulumi.String(d.logsCommand()).ToStringOutput()
	system.DatabaseGrant = d.databaseGrant()
	system.SearchApps = d.searchApps
	system.JobURL = pulumi.String(job + "/executions" + inProject).ToStringOutput()
	system.LogsURL = pulumi.String(job + "/logs" + inProject).ToStringOutput()
	system.DashboardURL = d.dashboard
}

// The job logs JSON, for which `gcloud run jobs logs read` crashes and textPayload is empty: its fields are asked for by name.
func (a Args) lastRunsCommand() string {
	columns := []string{"timestamp.date(tz=LOCAL)", "jsonPayload.outcome"}
	if len(a.Syncs) > 0 {
		columns = append(columns, "jsonPayload.sync")
	}
	for _, column := range []string{"documents", "upserted", "deleted", "failed", "duration_ms", "execution"} {
		columns = append(columns, "jsonPayload."+column)
	}
	return fmt.Sprintf("gcloud logging read '%s' --project %s --freshness 7d --limit 10 --format 'table(%s)'", a.lastLine(), a.Project, strings.Join(columns, ","))
}

func (a Args) logsCommand() string {
	return fmt.Sprintf(`gcloud logging read 'resource.type="cloud_run_job" AND resource.labels.job_name=%q' --project %s --freshness 7d --limit 50 --format 'table(%s)'`,
		a.JobName, a.Project, "timestamp.date(tz=LOCAL),severity,jsonPayload.message,jsonPayload.error,jsonPayload.hint,textPayload")
}

// Short writes a duration as people do: 30m, not 30m0s.
func Short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
