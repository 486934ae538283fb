package stack

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// parseSchedule reads five cron fields as Cloud Scheduler does.
func parseSchedule(fields string) (cron.Schedule, error) {
	if len(strings.Fields(fields)) != 5 {
		return nil, fmt.Errorf("%q is not five cron fields", fields)
	}
	schedule, err := cron.ParseStandard(fields)
	if err != nil {
		return nil, fmt.Errorf("%q is not a schedule: %w", fields, err)
	}
	if schedule.Next(someDay).IsZero() {
		return nil, fmt.Errorf("%q is a day that never comes", fields)
	}
	return schedule, nil
}

// someDay is where looking at schedules starts, the same for all so that a problem does not come and go.
var someDay = time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC)

// longestPause is the longest time between two runs of a month, which has every hour, night and weekend of most
// schedules. The search ends at the first pause that is long enough.
func longestPause(schedule cron.Schedule, enough time.Duration) (longest time.Duration) {
	for last := schedule.Next(someDay); last.Sub(someDay) < 32*24*time.Hour && longest < enough; {
		next := schedule.Next(last)
		longest, last = max(longest, next.Sub(last)), next
	}
	return longest
}
