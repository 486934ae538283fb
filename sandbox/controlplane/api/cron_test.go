package api

import (
	"fmt"
	"testing"
	"time"
)

// TestParseSchedule has what Cloud Scheduler takes, with the next two times after Thursday 2026-01-01, and what it refuses.
func TestParseSchedule(t *testing.T) {
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct{ in, want string }{
		{"*/3 * * * *", "Thu 00:03, Thu 00:06"},
		{"0 3 * * 0", "Sun 03:00, Sun 03:00"},
		{"0 3 * * 7", "Sun 03:00, Sun 03:00"},
		{"0 3 * * SUN", "Sun 03:00, Sun 03:00"},
		{"0 3 * * sat,7", "Sat 03:00, Sun 03:00"},
		{"0 3 * * 5-7", "Fri 03:00, Sat 03:00"},
		{"0 3 * * 6-7", "Sat 03:00, Sun 03:00"},
		{"0 3 * * 1-7/3", "Thu 03:00, Sun 03:00"},
		{"0 3 * * 0-7", "Thu 03:00, Fri 03:00"},
		{"0 3 * * MON-FRI", "Thu 03:00, Fri 03:00"},
		{"10-40/10 3 * JAN *", "Thu 03:10, Thu 03:20"},
		{" 0  3 * * * ", "Thu 03:00, Fri 03:00"},

		{"0/3 * * * *", `schedule "0/3 * * * *" is invalid: "0/3" is no value, range, or step after * or a range`},
		{"? * * * *", `schedule "? * * * *" is invalid: "?" is no value, range, or step after * or a range`},
		{"0 3 ? * *", `schedule "0 3 ? * *" is invalid: "?" is no value, range, or step after * or a range`},
		{"0 3 L * *", `schedule "0 3 L * *" is invalid: "L" is no value, range, or step after * or a range`},
		{"*/0 * * * *", `schedule "*/0 * * * *" is invalid: "*/0" is no value, range, or step after * or a range`},
		{"@hourly", `schedule "@hourly" is invalid: expected five fields, found 1`},
		{"0 3 * *", `schedule "0 3 * *" is invalid: expected five fields, found 4`},
		{"0 0 3 * * *", `schedule "0 0 3 * * *" is invalid: expected five fields, found 6`},
		{"TZ=UTC 3 * * *", `schedule "TZ=UTC 3 * * *" is invalid: "TZ=UTC" is no value, range, or step after * or a range`},
		{"0 3 * * 8", `schedule "0 3 * * 8" is invalid: end of range (8) above maximum (6): 8`},
		{"7 7 7 7 7", "Sun 07:07, Tue 07:07"},
		{"60 * * * *", `schedule "60 * * * *" is invalid: end of range (60) above maximum (59): 60`},
		{"0 3 * * SAT-SUN", `schedule "0 3 * * SAT-SUN" is invalid: beginning of range (6) beyond end of range (0): SAT-SUN`},
		{"0 0 31 2 *", `schedule "0 0 31 2 *" is invalid: its date never comes`},
		{"0 0 30 2,2 *", `schedule "0 0 30 2,2 *" is invalid: its date never comes`},
		{"", `schedule "" is invalid: expected five fields, found 0`},
	} {
		got := ""
		if schedule, err := ParseSchedule(test.in, "Etc/UTC"); err != nil {
			got = err.Error()
		} else {
			first := schedule.Next(from)
			got = fmt.Sprintf("%s, %s", first.Format("Mon 15:04"), schedule.Next(first).Format("Mon 15:04"))
		}
		if got != test.want {
			t.Errorf("%q: got %s, want %s", test.in, got, test.want)
		}
	}
	if _, err := ParseSchedule("* * * * *", "Mars/Base"); err == nil || err.Error() != `time zone "Mars/Base" is unknown` {
		t.Errorf("an unknown time zone: %v", err)
	}
}

// FuzzParseSchedule: what is taken has a next time.
func FuzzParseSchedule(f *testing.F) {
	for _, seed := range []string{"*/3 * * * *", "0 3 * * 5-7", "1,2 3-4/2 * JAN 7", "0 0 29 2 *", "@hourly", "0/3 * * * *"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, schedule string) {
		parsed, err := ParseSchedule(schedule, "Etc/UTC")
		if err == nil && parsed.Next(time.Unix(0, 0)).IsZero() {
			t.Errorf("%q never comes", schedule)
		}
	})
}
