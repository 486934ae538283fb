package controlplane

import (
	"fmt"
	"regexp"
	"strings"
)

// monitoringKinds are alert policies, notification channels and dashboards. Monitoring gives them their ids.
func monitoringKinds() []*kind {
	byNumber := func(c *call) (string, error) { return c.number(), nil }
	named := func(c *call, _, resource object) error {
		put(resource, "name", c.on)
		return nil
	}
	return []*kind{
		{
			service: "monitoring", versions: []string{"v3"}, pattern: newPattern("projects/{project}/alertPolicies/{policy}"),
			title: "alert policy", list: "alertPolicies", permission: "monitoring.alertPolicies", newID: byNumber, prepare: prepareAlert,
			outputs: []string{"creationRecord", "mutationRecord"},
		},
		{
			service: "monitoring", versions: []string{"v3"}, pattern: newPattern("projects/{project}/notificationChannels/{channel}"),
			title: "notification channel", list: "notificationChannels", permission: "monitoring.notificationChannels", newID: byNumber,
			prepare: func(c *call, old, channel object) error {
				if text(channel, "type") == "" {
					return invalid("Field notification_channel.type: must be specified.")
				}
				if text(channel, "type") == "email" && !strings.Contains(text(channel, "labels.email_address"), "@") {
					return invalid("Field notification_channel.labels[\"email_address\"] is not an e-mail address.")
				}
				orElse(channel, "enabled", true)
				return named(c, old, channel)
			},
			removing: func(c *call, name string, _ object) error { return c.unusedChannel(name) },
		},
		{
			service: "monitoring", versions: []string{"v1"}, pattern: newPattern("projects/{project}/dashboards/{dashboard}"),
			title: "dashboard", list: "dashboards", permission: "monitoring.dashboards", stamps: []string{"etag"},
			newID: func(c *call) (string, error) {
				if name := text(c.body, "name"); name != "" {
					return last(name), nil
				}
				return uuid(), nil
			},
			prepare: func(c *call, old, dashboard object) error {
				if text(dashboard, "displayName") == "" {
					return invalid("Field dashboard.display_name must not be empty.")
				}
				return named(c, old, dashboard)
			},
		},
	}
}

var userMetric = regexp.MustCompile(`logging\.googleapis\.com/user/([A-Za-z0-9_./-]+)`)

func prepareAlert(c *call, old, alert object) error {
	put(alert, "name", c.on)
	orElse(alert, "enabled", true)
	if text(alert, "displayName") == "" || text(alert, "combiner") == "" {
		return invalid("Field alert_policy.display_name and alert_policy.combiner must be specified.")
	}
	for _, channel := range texts(alert, "notificationChannels") {
		if c.resources["monitoring/"+channel] == nil {
			return notFound("Notification channel %s does not exist.", channel)
		}
	}
	for i, condition := range items(alert, "conditions") {
		orElse(condition, "name", fmt.Sprintf("%s/conditions/%s", c.on, c.number()))
		if field(condition, "conditionThreshold.thresholdValue") == 0.0 {
			// As in every answer of the API, a number that is 0 is left out.
			drop(condition, "conditionThreshold.thresholdValue")
		}
		for _, where := range []string{"conditionThreshold.filter", "conditionAbsent.filter"} {
			found := userMetric.FindStringSubmatch(text(condition, where))
			if found != nil && c.resources[fmt.Sprintf("logging/projects/%s/metrics/%s", c.vars["project"], found[1])] == nil {
				return notFound("Cannot find metric(s) that match type = \"%s\". If a metric was created recently, it could take up to 10 "+
					"minutes to become available. Please try again soon. (condition %d)", found[0], i)
			}
		}
		if filter := text(condition, "conditionMatchedLog.filter"); filter != "" {
			if _, err := parseFilter(filter); err != nil {
				return err
			}
		}
	}
	record := object{"mutateTime": c.timestamp(), "mutatedBy": "operator@sandbox"}
	if old == nil {
		put(alert, "creationRecord", record)
	}
	put(alert, "mutationRecord", record)
	return nil
}

func (c *call) unusedChannel(name string) error {
	if c.http.URL.Query().Get("force") == "true" {
		return nil
	}
	for key, e := range c.resources {
		if !strings.HasPrefix(key, "monitoring/") {
			continue
		}
		for _, channel := range texts(e.resource, "notificationChannels") {
			if channel == name {
				return precondition("Cannot delete notification channel %s: alert policy %s uses it.", name, text(e.resource, "name"))
			}
		}
	}
	return nil
}
