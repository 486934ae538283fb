package api

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// cronItem is what stands between the commas of a field: a value or *, a range, and a step after * or a range only.
var cronItem = regexp.MustCompile(`^(?:\*|[0-9]+|[A-Za-z]{3}|(?:[0-9]+|[A-Za-z]{3})-(?:[0-9]+|[A-Za-z]{3}))$|^(?:\*|(?:[0-9]+|[A-Za-z]{3})-(?:[0-9]+|[A-Za-z]{3}))/[1-9][0-9]*$`)

// sundayAsSeven is a day of the week that ends with 7, which Cloud Scheduler takes for Sunday.
var sundayAsSeven = regexp.MustCompile(`^(?:([0-6])-)?7(?:/([0-9]+))?$`)

var cronFields = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// ParseSchedule reads a schedule in unix-cron form and its time zone, as Cloud Scheduler does: five fields, 7 for Sunday as well as
// 0, steps after * or a range only, no ? and no @hourly, and a date that comes.
// See https://cloud.google.com/scheduler/docs/configuring/cron-job-schedules.
func ParseSchedule(schedule, zone string) (cron.Schedule, error) {
	if _, err := time.LoadLocation(zone); err != nil {
		return nil, fmt.Errorf("time zone %q is unknown", zone)
	}
	refuse := func(why string, args ...any) (cron.Schedule, error) {
		return nil, fmt.Errorf("schedule %q is invalid: %w", schedule, fmt.Errorf(why, args...))
	}
	fields := strings.Fields(schedule)
	if len(fields) != 5 {
		return refuse("expected five fields, found %d", len(fields))
	}
	for i, field := range fields {
		items := strings.Split(field, ",")
		for j, item := range items {
			if !cronItem.MatchString(item) {
				return refuse("%q is no value, range, or step after * or a range", item)
			}
			if found := sundayAsSeven.FindStringSubmatch(item); i == 4 && found != nil {
				items[j] = withSunday(found[1], found[2])
			}
		}
		fields[i] = strings.Join(items, ",")
	}
	parsed, err := cronFields.Parse("CRON_TZ=" + zone + " " + strings.Join(fields, " "))
	if err != nil {
		return refuse("%w", err)
	}
	if parsed.Next(time.Unix(0, 0)).IsZero() {
		return refuse("its date never comes")
	}
	return parsed, nil
}

// withSunday lists the days from the first to 7 by the step, with 0 in place of 7.
func withSunday(first, step string) string {
	from, err := strconv.Atoi(first)
	if err != nil {
		return "0" // 7 alone
	}
	by, err := strconv.Atoi(step)
	if err != nil {
		by = 1
	}
	var days []string
	for day := from; day <= 7; day += by {
		days = append(days, strconv.Itoa(day%7))
	}
	return strings.Join(days, ",")
}
