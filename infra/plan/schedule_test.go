package main

import "testing"

// Blanks around a schedule, as a block of YAML leaves them, are not part of it: Cloud Scheduler would give it back without them.
func TestScheduleWithoutBlanksAround(t *testing.T) {
	plan, err := planConfig(t, "test", base(`schedule: " 0  3 * * *\n"`))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range plan.Resources {
		if r.Type == "gcp:cloudscheduler/job:Job" {
			if r.Inputs["schedule"] != "0 3 * * *" {
				t.Errorf("schedule %q", r.Inputs["schedule"])
			}
			return
		}
	}
	t.Error("there is no trigger")
}
