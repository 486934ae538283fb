package stack

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// cronItem is what Cloud Scheduler takes between the commas of a field: *, */2, 5, 1-5, 1-5/2, MON, MON-FRI.
// https://cloud.google.com/scheduler/docs/configuring/cron-job-schedules
var cronItem = regexp.MustCompile(`^(\*|[0-9]{1,2}-[0-9]{1,2}|[A-Za-z]{3}-[A-Za-z]{3})(/[0-9]{1,2})?$|^([0-9]{1,2}|[A-Za-z]{3})$`)

// parseSchedule reads five cron fields as Cloud Scheduler does. The parser reads a dialect with more in it, and without the 7 for
// Sunday.
func parseSchedule(text string) (*cron.SpecSchedule, error) {
	fields := strings.Fields(text)
	if len(fields) != 5 {
		return nil, fmt.Errorf("%q is not five cron fields", text)
	}
	for i, field := range fields {
		for _, item := range strings.Split(field, ",") {
			if !cronItem.MatchString(item) {
				return nil, fmt.Errorf("%q is not a schedule: %q is none of the forms *, */3, 5, 1-5, 1-5/2 and MON that Cloud Scheduler takes", text, item)
			}
			// Every 90 minutes is no step of an hour: */90 would be every hour.
			if _, step, _ := strings.Cut(item, "/"); len(step) > 0 && atoi(step) > longestStep[i] {
				return nil, fmt.Errorf("%q is not a schedule: the step of %q is longer than its field, whose longest is %d", text, item, longestStep[i])
			}
		}
	}
	fields[4] = withoutSeven(fields[4])
	parsed, err := cron.ParseStandard(strings.Join(fields, " "))
	if err != nil {
		return nil, fmt.Errorf("%q is not a schedule: %w", text, err)
	}
	schedule, ok := parsed.(*cron.SpecSchedule)
	if !ok || days(schedule, 1) == nil {
		return nil, fmt.Errorf("%q is a day that never comes", text)
	}
	return schedule, nil
}

// longestStep is the longest step of each field that is ever taken.
var longestStep = [5]int{59, 23, 31, 12, 7}

func atoi(digits string) int {
	n, _ := strconv.Atoi(digits) // cronItem has one or two digits there
	return n
}

// withoutSeven writes the days of a week from 0 to 6: a range that ends in 7 becomes a list.
func withoutSeven(field string) string {
	items := strings.Split(field, ",")
	for i, item := range items {
		bounds, step, _ := strings.Cut(item, "/")
		from, to, _ := strings.Cut(bounds, "-")
		switch {
		case item == "7":
			items[i] = "0"
		case to == "7":
			first, err := strconv.Atoi(from)
			by, bad := strconv.Atoi(step)
			if bad != nil {
				by = 1
			}
			if err != nil || first > 7 || by < 1 {
				continue // the parser says what is wrong with it
			}
			var list []string
			for day := first; day <= 7; day += by {
				list = append(list, strconv.Itoa(day%7))
			}
			items[i] = strings.Join(list, ",")
		}
	}
	return strings.Join(items, ",")
}

// The calendar repeats itself after 400 years, and its days of the week with it.
const calendarYears = 400

// days lists the days on which a schedule runs, as days since 2000, in order, at least the first count of the calendar: all
// with a count of 0.
func days(s *cron.SpecSchedule, count int) (list []int) {
	const star = 1 << 63 // the parser's mark of a field that was *
	day := time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)
	for i := 0; day.Year() < 2000+calendarYears; i, day = i+1, day.AddDate(0, 0, 1) {
		ofMonth, ofWeek := s.Dom&(1<<day.Day()) != 0, s.Dow&(1<<day.Weekday()) != 0
		on := ofMonth || ofWeek // as cron has it where both are limited
		if s.Dom&star != 0 || s.Dow&star != 0 {
			on = ofMonth && ofWeek
		}
		if on && s.Month&(1<<day.Month()) != 0 {
			if list = append(list, i); count > 0 && len(list) == count {
				return list
			}
		}
	}
	return list
}

// longestPause is the longest time between two runs that ever comes, nights, weekends and leap years included.
func longestPause(s *cron.SpecSchedule) (longest time.Duration) {
	var times []time.Duration // of a day with runs
	for minute := range 24 * 60 {
		if s.Hour&(1<<(minute/60)) != 0 && s.Minute&(1<<(minute%60)) != 0 {
			times = append(times, time.Duration(minute)*time.Minute)
		}
	}
	for i := 1; i < len(times); i++ {
		longest = max(longest, times[i]-times[i-1])
	}
	list := days(s, 0)
	const all = 146097 // days of 400 years
	for i, day := range list {
		next := list[0] + all
		if i+1 < len(list) {
			next = list[i+1]
		}
		longest = max(longest, time.Duration(next-day)*24*time.Hour+times[0]-times[len(times)-1])
	}
	return longest
}

// silenceShows says whether a missing run can be told from a pause of the schedule.
func (a Args) silenceShows() bool {
	schedule, err := parseSchedule(a.Schedule)
	return err == nil && longestPause(schedule) < a.AlertAfter
}

// LongestPause is the longest time between two runs of a schedule that ever comes.
func LongestPause(schedule string) (time.Duration, error) {
	parsed, err := parseSchedule(schedule)
	if err != nil {
		return 0, err
	}
	return longestPause(parsed), nil
}
