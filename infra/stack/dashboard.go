package stack

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/monitoring"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// chart is one tile of the dashboard: a title and a PromQL query by legend.
type chart struct {
	title string
	unit  string
	lines []line
}

// line is a query of a chart; without a legend, the labels of its series tell them apart.
type line struct{ legend, query string }

func (a Args) charts() []chart {
	sum, legend := "sum", func(name string) string { return name }
	if len(a.Syncs) > 0 { // a series for each, which its label names
		sum, legend = "sum by (sync) ", func(string) string { return "" }
	}
	total := func(name string) string { return fmt.Sprintf("%s(increase(%s[10m]))", sum, a.series(name+"_sum")) }
	mean := func(name string) string {
		return fmt.Sprintf("%s / %s(increase(%s[10m]))", total(name), sum, a.series(name+"_count"))
	}
	runs := strings.Replace(sum, "sync", "outcome, sync", 1)
	if len(a.Syncs) == 0 {
		runs = "sum by (outcome) "
	}
	return []chart{
		{"Documents", "1", []line{{legend("documents"), mean("documents")}}}, // each run reports them all
		{"Documents upserted in 10 minutes", "1", []line{{legend("upserted"), total("upserted")}}},
		{"Documents deleted in 10 minutes", "1", []line{{legend("deleted"), total("deleted")}}},
		{"Documents failed in 10 minutes", "1", []line{{legend("failed"), total("failed")}}},
		{"Runs in 10 minutes by outcome", "1", []line{{"", fmt.Sprintf("%s(increase(%s[10m]))", runs, a.series("runs"))}}},
		{"Duration of a run", "s", []line{{legend("duration"), mean("duration") + " / 1000"}}},
		{"Age of a pending import", "s", []line{{legend("pending"), mean("pending_age") + " / 1000"}}},
	}
}

// series names a log-based metric in PromQL. Part may end in _sum or _count for a distribution.
func (a Args) series(part string, matchers ...string) string {
	matchers = append([]string{`monitored_resource="cloud_run_job"`}, matchers...)
	return "logging_googleapis_com:user_" + a.metricName(part) + "{" + strings.Join(matchers, ",") + "}"
}

// showDashboard lays the charts out two in a row. Zero positions are left out, as Google does when it answers:
// saying them would be a difference for ever.
func (d *deployment) showDashboard() {
	type object = map[string]any
	var tiles []object
	for i, c := range d.charts() {
		var sets []object
		for _, l := range c.lines {
			set := object{"plotType": "LINE", "timeSeriesQuery": object{"prometheusQuery": l.query, "unitOverride": c.unit}}
			if l.legend != "" {
				set["legendTemplate"] = l.legend
			}
			sets = append(sets, set)
		}
		tile := object{"width": 24, "height": 16, "widget": object{"title": c.title, "xyChart": object{"dataSets": sets}}}
		if x := i % 2 * 24; x > 0 {
			tile["xPos"] = x
		}
		if y := i / 2 * 16; y > 0 {
			tile["yPos"] = y
		}
		tiles = append(tiles, tile)
	}
	d.try("dashboard", func() error {
		layout, err := json.Marshal(object{"displayName": "Sync " + d.JobName, "mosaicLayout": object{"columns": 48, "tiles": tiles}})
		if err != nil {
			return err
		}
		name, renamed := d.named("dashboard", "dashboard")
		board, err := monitoring.NewDashboard(d.ctx, name, &monitoring.DashboardArgs{
			Project: pulumi.String(d.Project), DashboardJson: pulumi.String(layout),
		}, append(d.after(append(d.metrics, d.services[apiMonitoring])...), renamed)...)
		if err != nil {
			return err
		}
		d.dashboard = board.ID().ApplyT(func(id pulumi.ID) string {
			name := string(id)[strings.LastIndex(string(id), "/")+1:]
			return "https://console.cloud.google.com/monitoring/dashboards/builder/" + name + "?project=" + d.Project
		}).(pulumi.StringOutput)
		return nil
	})
}
