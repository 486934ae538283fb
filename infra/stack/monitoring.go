package stack

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/logging"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// metric is a log-based metric over a field of the job's last log line.
type metric struct {
	name, field, unit, doc string
}

// metrics are distributions, since only those take a value out of a log line; their sums and counts are what the
// dashboard shows. The number of runs is a counter of its own.
var metrics = []metric{
	{"documents", "documents", "1", "Documents that a run's snapshot holds"},
	{"upserted", "upserted", "1", "Documents that a run added or changed"},
	{"deleted", "deleted", "1", "Documents that a run removed"},
	{"failed", "failed", "1", "Documents that a run could not bring over"},
	{"bytes", "bytes", "By", "Bytes that a run sent"},
	{"duration", "duration_ms", "ms", "Time that a run took"},
	{"pending_age", "pending_age_ms", "ms", "Time that an import has been under way"},
}

// label is a field of the last log line that a metric tells its series apart by.
type label struct{ name, doc string }

// ofTask describes a label, and is part of a metric's identity: rewording it replaces the metric, and its history is lost.
const ofTask = "Which share of the table"

// watch declares metrics, dashboard and alerts, if they are wanted.
func (d *deployment) watch() {
	d.dashboard = pulumi.String("").ToStringOutput()
	if !d.Monitoring {
		return
	}
	d.countRuns()
	for _, m := range metrics {
		d.measure(m)
	}
	d.showDashboard()
	d.alert()
}

// metricName leads with the job's name, so that two systems in a project have metrics of their own. Underscores
// keep the name the same in PromQL.
func (a Args) metricName(name string) string {
	return strings.ReplaceAll(a.JobName, "-", "_") + "_" + a.perSync() + name
}

// perSync is a part of the names of metrics that tell syncs apart: another label makes another metric, whose name must be free.
func (a Args) perSync() string {
	if len(a.Syncs) == 0 {
		return ""
	}
	return "sync_"
}

// lastLine selects the one line that every run ends with.
func (a Args) lastLine() string {
	return fmt.Sprintf(`resource.type="cloud_run_job" AND resource.labels.job_name=%q AND jsonPayload.message="sync finished"`, a.JobName)
}

// labels adds the sync's name to the labels of a metric, where there are several.
func (a Args) labels(own label) []label {
	if len(a.Syncs) == 0 {
		return []label{own}
	}
	return []label{own, {"sync", "Which of the job's syncs"}}
}

// labelled are the two inputs of a metric that its labels make.
func (a Args) labelled(own label) (descriptors logging.MetricMetricDescriptorLabelArray, extractors pulumi.StringMap) {
	extractors = pulumi.StringMap{}
	for _, l := range a.labels(own) {
		descriptors = append(descriptors, &logging.MetricMetricDescriptorLabelArgs{
			Key: pulumi.String(l.name), ValueType: pulumi.String("STRING"), Description: pulumi.String(l.doc),
		})
		extractors[l.name] = pulumi.String("EXTRACT(jsonPayload." + l.name + ")")
	}
	return descriptors, extractors
}

func (d *deployment) countRuns() {
	name := d.metricName("runs")
	d.try("metric "+name, func() error {
		resource, renamed := d.named("metric-"+d.perSync()+"runs", name)
		descriptors, extractors := d.labelled(label{"outcome", "How the run ended"})
		counted, err := logging.NewMetric(d.ctx, resource, &logging.MetricArgs{
			Project:     pulumi.String(d.Project),
			Name:        pulumi.String(name),
			Description: pulumi.String("Runs by outcome: imported, unchanged, pending, skipped or failed"),
			Filter:      pulumi.String(d.lastLine()),
			MetricDescriptor: &logging.MetricMetricDescriptorArgs{
				MetricKind: pulumi.String("DELTA"), ValueType: pulumi.String("INT64"), Unit: pulumi.String("1"), Labels: descriptors,
			},
			LabelExtractors: extractors,
		}, append(d.after(d.services[apiLogging]), renamed)...)
		d.metrics = append(d.metrics, counted)
		return err
	})
}

func (d *deployment) measure(m metric) {
	name := d.metricName(m.name)
	d.try("metric "+name, func() error {
		resource, renamed := d.named("metric-"+d.perSync()+m.name, name)
		descriptors, extractors := d.labelled(label{"task", ofTask})
		measured, err := logging.NewMetric(d.ctx, resource, &logging.MetricArgs{
			Project:     pulumi.String(d.Project),
			Name:        pulumi.String(name),
			Description: pulumi.String(m.doc),
			Filter:      pulumi.String(fmt.Sprintf("%s AND jsonPayload.%s>=0", d.lastLine(), m.field)),
			MetricDescriptor: &logging.MetricMetricDescriptorArgs{
				MetricKind: pulumi.String("DELTA"), ValueType: pulumi.String("DISTRIBUTION"), Unit: pulumi.String(m.unit), Labels: descriptors,
			},
			ValueExtractor:  pulumi.String(fmt.Sprintf("EXTRACT(jsonPayload.%s)", m.field)),
			LabelExtractors: extractors,
			BucketOptions: &logging.MetricBucketOptionsArgs{
				ExponentialBuckets: &logging.MetricBucketOptionsExponentialBucketsArgs{
					NumFiniteBuckets: pulumi.Int(64), GrowthFactor: pulumi.Float64(2), Scale: pulumi.Float64(1),
				},
			},
		}, append(d.after(d.services[apiLogging]), renamed)...)
		d.metrics = append(d.metrics, measured)
		return err
	})
}
