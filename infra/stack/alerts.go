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
			channel, err := monitoring.NewNotificationChannel(d.ctx, address, &monitoring.NotificationChannelArgs{
				Project:     pulumi.String(d.Project),
				DisplayName: pulumi.String(d.JobName + " to " + address),
				Type:        pulumi.String("email"),
				Labels:      pulumi.StringMap{"email_address": pulumi.String(address)},
			}, d.after(d.services[apiMonitoring])...)
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
	d.alertOn("no-success", fmt.Sprintf("%s has not succeeded for %s", d.JobName, d.AlertAfter), channels, d.silence())
	d.alertOn("import-stuck", fmt.Sprintf("An import of %s has been under way for %s", d.JobName, d.AlertImportAfter), channels, d.stuck())
}

// silence is the condition that no run has succeeded for AlertAfter. It is said in PromQL, where "or vector(0)"
// makes missing data a zero: with no run at all there is no data. Half of the time is looked back over and half
// has to pass like that, so that a trigger that was just created has the time to fire.
func (d *deployment) silence() *monitoring.AlertPolicyConditionArgs {
	half := max(d.AlertAfter/2, time.Minute).Round(time.Minute)
	return &monitoring.AlertPolicyConditionArgs{
		DisplayName: pulumi.String("no successful run"),
		ConditionPrometheusQueryLanguage: &monitoring.AlertPolicyConditionConditionPrometheusQueryLanguageArgs{
			Query: pulumi.String(fmt.Sprintf(`(sum(increase(%s[%s])) or vector(0)) < 1`,
				d.series("runs", `outcome=~"imported|unchanged|pending"`), seconds(half))),
			Duration:                pulumi.String(seconds(half)),
			EvaluationInterval:      pulumi.String("60s"),
			DisableMetricValidation: pulumi.Bool(true), // the metric is not known before its first line
		},
	}
}

// stuck is the condition that an import never ends. A run that waits for one has done what it could, so it counts as a
// success, and nothing is imported meanwhile.
func (d *deployment) stuck() *monitoring.AlertPolicyConditionArgs {
	return &monitoring.AlertPolicyConditionArgs{
		DisplayName: pulumi.String("import under way"),
		ConditionPrometheusQueryLanguage: &monitoring.AlertPolicyConditionConditionPrometheusQueryLanguageArgs{
			Query: pulumi.String(fmt.Sprintf("sum(increase(%s[10m])) / sum(increase(%s[10m])) > %d",
				d.series("pending_age_sum"), d.series("pending_age_count"), d.AlertImportAfter.Milliseconds())),
			Duration:                pulumi.String("0s"),
			EvaluationInterval:      pulumi.String("60s"),
			DisableMetricValidation: pulumi.Bool(true),
		},
	}
}

func (d *deployment) alertOn(name, title string, channels pulumi.StringArray, condition *monitoring.AlertPolicyConditionArgs) {
	d.try("alert "+name, func() error {
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
				Content: pulumi.String(fmt.Sprintf("The last line of the run says what went wrong:\n\n"+
					"    gcloud logging read '%s' --project %s --limit 5", d.lastLine(), d.Project)),
			},
		}, d.after(append(d.metrics, d.services[apiMonitoring])...)...)
		return err
	})
}
