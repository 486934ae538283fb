package switches

import (
	"fmt"
	"testing"
	"time"
)

func TestApply(t *testing.T) {
	set := ""
	note := func(value any) { set += fmt.Sprint(value, ";") }
	known := []Switch{
		{Name: "a.mode", Values: "none|some", Set: OneOf(map[string]func(){"none": func() { note("none") }, "some": func() { note("some") }})},
		{Name: "a.on", Values: "on|off", Set: OnOff(func(on bool) { note(on) })},
		{Name: "a.delay", Values: "DURATION", Set: Duration(func(d time.Duration) { note(d) })},
		{Name: "a.count", Values: "COUNT", Set: Count(func(n int) { note(n) })},
	}
	for _, test := range []struct {
		in        []string
		want, err string
	}{
		{[]string{"a.mode=none", "a.mode=some", "a.on=off", "a.delay=30s", "a.count=3"}, "none;some;false;30s;3;", ""},
		{[]string{"a.mode=all"}, "", `switch a.mode=all: unknown value "all": use a.mode=none|some`},
		{[]string{"a.on"}, "", `switch a.on=: unknown value "": use a.on=on|off`},
		{[]string{"a.delay=-1s"}, "", `switch a.delay=-1s: "-1s" is no duration such as 30s: use a.delay=DURATION`},
		{[]string{"a.count=x"}, "", `switch a.count=x: "x" is no number of 0 or more: use a.count=COUNT`},
		{[]string{"b.mode=none"}, "", `unknown switch "b.mode": see sandbox switches for their names`},
	} {
		set = ""
		err := Apply(known, test.in)
		if got := fmt.Sprint(err); set != test.want || err == nil != (test.err == "") || err != nil && got != test.err {
			t.Errorf("%q set %q with %v, want %q with %q", test.in, set, err, test.want, test.err)
		}
	}
}
