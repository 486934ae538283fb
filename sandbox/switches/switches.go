// Package switches names the behaviours of the sandbox that a tester turns on by hand: --switch NAME=VALUE. A package that has some
// lists them in a function Switches; what starts the packages joins the lists.
package switches

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Switch is one behaviour.
type Switch struct {
	Name   string // SERVICE.WHAT
	Values string // what Set takes, as the help shows it: none|changed, DURATION, COUNT
	Help   string // one line
	Set    func(value string) error
}

// Apply sets switches, each written NAME=VALUE.
func Apply(known []Switch, wanted []string) error {
	for _, setting := range wanted {
		name, value, _ := strings.Cut(setting, "=")
		i := slices.IndexFunc(known, func(s Switch) bool { return s.Name == name })
		if i < 0 {
			return fmt.Errorf("unknown switch %q: see sandbox switches for their names", name)
		}
		if err := known[i].Set(value); err != nil {
			return fmt.Errorf("switch %s=%s: %w: use %s=%s", name, value, err, name, known[i].Values)
		}
	}
	return nil
}

// OneOf makes the Set of a switch with named values.
func OneOf(values map[string]func()) func(value string) error {
	return func(value string) error {
		set, ok := values[value]
		if !ok {
			return fmt.Errorf("unknown value %q", value)
		}
		set()
		return nil
	}
}

// OnOff makes the Set of a switch that is on or off.
func OnOff(set func(on bool)) func(value string) error {
	return OneOf(map[string]func(){"on": func() { set(true) }, "off": func() { set(false) }})
}

// Duration makes the Set of a switch that takes a duration.
func Duration(set func(d time.Duration)) func(value string) error {
	return func(value string) error {
		d, err := time.ParseDuration(value)
		if err != nil || d < 0 {
			return fmt.Errorf("%q is no duration such as 30s", value)
		}
		set(d)
		return nil
	}
}

// Count makes the Set of a switch that takes a number, 0 or more.
func Count(set func(n int)) func(value string) error {
	return func(value string) error {
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return fmt.Errorf("%q is no number of 0 or more", value)
		}
		set(n)
		return nil
	}
}
