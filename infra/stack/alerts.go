package stack

import (
	"fmt"
	"time"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/monitoring"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// alert declares the alerts and the addresses they go to. Without addresses they only show in the console.
func (d *deployment) alert() {
	var channels pulumi.StringArray
	for _, address := range d.AlertEmails {
		d.try("notification of "+address, func() error {
			name, renamed := d.named("notify-"+address, address)
			channel, err := monitoring.NewNotificationChannel(d.ctx, name, &monitoring.NotificationChannelArgs{
				Project:     pulumi.String(d.Project),
				DisplayName: pulumi.String(d.JobName + " to " + address),
				Type:        pulumi.String("email"),
				Labels:      pulumi.StringMap{"email_address": pulumi.String(address)},
			}, append(d.after(d.services[apiMonitoring]), renamed)...)
			if err == nil {
				channels = append(channels, channel.ID().ToStringOutput())
			}
			return err
		})
	}
	// Counted by Cloud Run, so that a run that was killed before its last line is seen too.
	d.alertOn("execution-failed", "An execution of "+d.JobName+" failed", channels, &monitoring.AlertPolicyConditionArgs{
		DisplayName: pulumi.String("failed executions"),
		ConditionThreshold: &monitoring.AlertPolicyConditionConditionThresholdArgs{
			Filter: pulumi.String(fmt.Sprintf(`resource.type = "cloud_run_job" AND resource.labels.job_name = %q AND `+
				`metric.type = "run.googleapis.com/job/completed_execution_count" AND metric.labels.result = "failed"`, d.JobName)),
			Comparison: pulumi.String("COMPARISON_GT"), ThresholdValue: pulumi.Float64(0), Duration: pulumi.String("0s"),
			Aggregations: monitoring.AlertPolicyConditionConditionThresholdAggregationArray{
				&monitoring.AlertPolicyConditionConditionThresholdAggregationArgs{
					AlignmentPeriod: pulumi.String("300s"), PerSeriesAligner: pulumi.String("ALIGN_SUM"),
					CrossSeriesReducer: pulumi.String("REDUCE_SUM"),
				},
			},
		},
	})
	for _, one := range d.watched() {
		if d.silenceShows() {
			d.alertOn("no-success"+one.suffix, fmt.Sprintf("%s has not succeeded for %s", one.what, d.AlertAfter), channels, d.silence(one))
		}
		d.alertOn("import-stuck"+one.suffix, fmt.Sprintf("An import of %s has been under way for %s", one.what, d.AlertImportAfter), channels,
			promQL("import under way", d.over(one, "pending_age", d.AlertImportAfter.Milliseconds()), 0))
		d.alertOn("documents-failed"+one.suffix, fmt.Sprintf("A run of %s could not bring over more than %d documents", one.what, d.AlertFailed), channels,
			promQL("failed documents", d.over(one, "failed", int64(d.AlertFailed)), 0))
	}
}

// watchedSync is one sync as the alerts see it: one that has died among five must not hide behind the others.
type watchedSync struct {
	suffix, what string
	matchers     []string
}

func (a Args) watched() (list []watchedSync) {
	if len(a.Syncs) == 0 {
		return []watchedSync{{what: a.JobName}}
	}
	for _, s := range a.Syncs {
		list = append(list, watchedSync{"-" + s.Name, a.JobName + ", sync " + s.Name, []string{fmt.Sprintf("sync=%q", s.Name)}})
	}
	return list
}

// silence is the condition that no run has succeeded for AlertAfter. It is said in PromQL, where "or vector(0)"
// makes missing data a zero: with no run at all there is no data. Half of the time is looked back over and half
// has to pass like that, so that a trigger that was just created has the time to fire.
func (d *deployment) silence(one watchedSync) *monitoring.AlertPolicyConditionArgs {
	half := max(d.AlertAfter/2, time.Minute).Round(time.Minute)
	return promQL("no successful run", fmt.Sprintf(`(sum(increase(%s[%s])) or vector(0)) < 1`,
		d.series("runs", append([]string{`outcome=~"imported|unchanged|pending"`}, one.matchers...)...), seconds(half)), half)
}

// over is the query for a run that reports more than a limit in a field. An import that never ends is one: a run that waits for it
// has done what it could, so it counts as a success, and nothing is imported meanwhile.
func (a Args) over(one watchedSync, field string, limit int64) string {
	return fmt.Sprintf("sum(increase(%s[10m])) / sum(increase(%s[10m])) > %d",
		a.series(field+"_sum", one.matchers...), a.series(field+"_count", one.matchers...), limit)
}

func promQL(title, query string, lasting time.Duration) *monitoring.AlertPolicyConditionArgs {
	return &monitoring.AlertPolicyConditionArgs{
		DisplayName: pulumi.String(title),
		ConditionPrometheusQueryLanguage: &monitoring.AlertPolicyConditionConditionPrometheusQueryLanguageArgs{
			Query:                   pulumi.String(query),
			Duration:                pulumi.String(seconds(lasting)),
			EvaluationInterval:      pulumi.String("60s"),
			DisableMetricValidation: pulumi.Bool(true), // the metric is not known before its first line
		},
	}
}

func (d *deployment) alertOn(key, title string, channels pulumi.StringArray, condition *monitoring.AlertPolicyConditionArgs) {
	d.try("alert "+key, func() error {
		name, renamed := d.named("alert-"+key, key)
		_, err := monitoring.NewAlertPolicy(d.ctx, name, &monitoring.AlertPolicyArgs{
			Project:              pulumi.String(d.Project),
			DisplayName:          pulumi.String(title),
			Combiner:             pulumi.String("OR"),
			Enabled:              pulumi.Bool(!d.Paused), // a paused trigger is silent on purpose
			Conditions:           monitoring.AlertPolicyConditionArray{condition},
			NotificationChannels: channels,
			// An incident that stays open swallows the next failure, and a series of failures just ends when they do: the
			// least that Google takes.
			AlertStrategy: &monitoring.AlertPolicyAlertStrategyArgs{AutoClose: pulumi.String("1800s")},
			Documentation: &monitoring.AlertPolicyDocumentationArgs{
				MimeType: pulumi.String("text/markdown"),
				Content: pulumi.String("How the last runs ended:\n\n    " + d.lastRunsCommand() +
					"\n\nWhat they logged, with the reason of a failure and what to do about it:\n\n    " + d.logsCommand()),
			},
		}, append(d.after(append(d.metrics, d.services[apiMonitoring])...), renamed)...)
		return err
	})
}
