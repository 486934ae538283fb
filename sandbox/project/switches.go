package project

import (
	"strconv"
	"time"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/switches"
)

// Switches are those of the data plane and of the control plane.
func (p *Project) Switches() []switches.Switch {
	var spread engine.Spread
	late := func(delay *engine.Delay) func(string) error {
		return func(value string) error {
			// A bare number is a number of calls.
			if n, err := strconv.Atoi(value); err == nil && n >= 0 {
				delay.Calls = n
				p.Control.SetSpread(spread)
				return nil
			}
			return switches.Duration(func(d time.Duration) {
				delay.Time = d
				p.Control.SetSpread(spread)
			})(value)
		}
	}
	return append(
		p.Data.Switches(),
		switches.Switch{
			Name: "iam.grants-late", Values: "DURATION, or a number of calls", Help: "Grants take effect late: the calls meanwhile are refused.",
			Set: late(&spread.Grants),
		},
		switches.Switch{
			Name: "iam.agents-late", Values: "DURATION, or a number of calls", Help: "A service agent that was just made is unknown to grants.",
			Set: late(&spread.Agents),
		},
		switches.Switch{
			Name: "serviceusage.apis-late", Values: "DURATION, or a number of calls", Help: "An API that was just enabled is refused as disabled.",
			Set: late(&spread.APIs),
		},
	)
}
