package api

import (
	"fmt"
	"regexp"
	"strings"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

// monitoringKinds are alert policies, notification channels and dashboards. Monitoring gives them their ids.
func (s *Server) monitoringKinds() []*engine.Kind {
	byNumber := func(c *engine.Call) (string, error) { return c.Number(), nil }
	named := func(c *engine.Call, _, resource object) error {
		fields.Put(resource, "name", c.On)
		return nil
	}
	return []*engine.Kind{
		{
			Service: "monitoring", Versions: []string{"v3"}, Pattern: engine.NewPattern("projects/{project}/alertPolicies/{policy}"),
			Title: "alert policy", List: "alertPolicies", Permission: "monitoring.alertPolicies", NewID: byNumber, Prepare: s.prepareAlert,
			Outputs: []string{"creationRecord", "mutationRecord"},
		},
		{
			Service: "monitoring", Versions: []string{"v3"}, Pattern: engine.NewPattern("projects/{project}/notificationChannels/{channel}"),
			Title: "notification channel", List: "notificationChannels", Permission: "monitoring.notificationChannels", NewID: byNumber,
			Prepare: func(c *engine.Call, old, channel object) error {
				if fields.Text(channel, "type") == "" {
					return engine.Invalid("Field notification_channel.type: must be specified.")
				}
				if fields.Text(channel, "type") == "email" && !strings.Contains(fields.Text(channel, "labels.email_address"), "@") {
					return engine.Invalid("Field notification_channel.labels[\"email_address\"] is not an e-mail address.")
				}
				fields.OrElse(channel, "enabled", true)
				return named(c, old, channel)
			},
			Removing: func(c *engine.Call, name string, _ object) error { return s.unusedChannel(c, name) },
		},
		{
			Service: "monitoring", Versions: []string{"v1"}, Pattern: engine.NewPattern("projects/{project}/dashboards/{dashboard}"),
			Title: "dashboard", List: "dashboards", Permission: "monitoring.dashboards", Stamps: []string{"etag"},
			NewID: func(c *engine.Call) (string, error) {
				if name := fields.Text(c.Body, "name"); name != "" {
					return engine.Last(name), nil
				}
				return engine.UUID(), nil
			},
			Prepare: func(c *engine.Call, old, dashboard object) error {
				if fields.Text(dashboard, "displayName") == "" {
					return engine.Invalid("Field dashboard.display_name must not be empty.")
				}
				return named(c, old, dashboard)
			},
		},
	}
}

var userMetric = regexp.MustCompile(`logging\.googleapis\.com/user/([A-Za-z0-9_./-]+)`)

func (s *Server) prepareAlert(c *engine.Call, old, alert object) error {
	fields.Put(alert, "name", c.On)
	fields.OrElse(alert, "enabled", true)
	if fields.Text(alert, "displayName") == "" || fields.Text(alert, "combiner") == "" {
		return engine.Invalid("Field alert_policy.display_name and alert_policy.combiner must be specified.")
	}
	for _, channel := range fields.Texts(alert, "notificationChannels") {
		if c.Find("monitoring/"+channel) == nil {
			return engine.NotFound("Notification channel %s does not exist.", channel)
		}
	}
	for i, condition := range fields.Items(alert, "conditions") {
		fields.OrElse(condition, "name", fmt.Sprintf("%s/conditions/%s", c.On, c.Number()))
		if fields.Field(condition, "conditionThreshold.thresholdValue") == 0.0 {
			// As in every answer of the API, a number that is 0 is left out.
			fields.Drop(condition, "conditionThreshold.thresholdValue")
		}
		for _, where := range []string{"conditionThreshold.filter", "conditionAbsent.filter"} {
			found := userMetric.FindStringSubmatch(fields.Text(condition, where))
			if found != nil && c.Find(fmt.Sprintf("logging/projects/%s/metrics/%s", c.Vars["project"], found[1])) == nil {
				return engine.NotFound("Cannot find metric(s) that match type = \"%s\". If a metric was created recently, it could take up to 10 "+
					"minutes to become available. Please try again soon. (condition %d)", found[0], i)
			}
		}
		if filter := fields.Text(condition, "conditionMatchedLog.filter"); filter != "" {
			if _, err := parseFilter(filter); err != nil {
				return err
			}
		}
	}
	record := object{"mutateTime": c.Timestamp(), "mutatedBy": "operator@sandbox"}
	if old == nil {
		fields.Put(alert, "creationRecord", record)
	}
	fields.Put(alert, "mutationRecord", record)
	return nil
}

func (s *Server) unusedChannel(c *engine.Call, name string) error {
	if c.HTTP.URL.Query().Get("force") == "true" {
		return nil
	}
	for _, e := range c.InOrder() {
		for _, channel := range fields.Texts(e.Resource, "notificationChannels") {
			if channel == name {
				return engine.Precondition("Cannot delete notification channel %s: alert policy %s uses it.", name, fields.Text(e.Resource, "name"))
			}
		}
	}
	return nil
}
