package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vertexmetadata/job/internal/failure"
	"vertexmetadata/job/internal/reconcile"
)

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"赤い花 👩‍🌾":              "赤い花 👩‍🌾",
		"a\x1b[31mb":           `a\u001b[31mb`,
		"\u009b2J\u202e\u2028": `\u009b2J\u202e\u2028`,
		"\xff\x9b":             `\xff\x9b`,
		"a\tb\r\n":             `a\u0009b\u000d\u000a`,
		"\x7f":                 `\u007f`,
	} {
		if got := visible(in); got != want {
			t.Errorf("visible(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzVisible(f *testing.F) {
	f.Add("a\x1b\u009b\xff")
	f.Fuzz(func(t *testing.T, in string) {
		if out := visible(in); strings.IndexFunc(out, acts) >= 0 || visible(out) != out {
			t.Errorf("visible(%q) = %q", in, out)
		}
	})
}

func TestLasting(t *testing.T) {
	for in, want := range map[time.Duration]string{61 * time.Millisecond: "61 ms", 1500 * time.Millisecond: "1.5 s", 3*time.Minute + 400*time.Millisecond: "3m0s"} {
		if got := lasting(in); got != want {
			t.Errorf("lasting(%v) = %s, want %s", in, got, want)
		}
	}
}

// Two versions of a document differ where the service would keep another value.
func TestDifferences(t *testing.T) {
	for name, tt := range map[string]struct {
		before, after string
		want          []difference
	}{
		"the same, in another order":      {`{"a": 1, "b": [1,2]}`, `{"b": [1, 2], "a": 1.0}`, nil},
		"digits beyond a double":          {`{"a": 9007199254740992}`, `{"a": 9007199254740993}`, nil},
		"null and absent are the same":    {`{"a": null}`, `{"b": null}`, nil},
		"the order of an array":           {`{"a": [1,2]}`, `{"a": [2,1]}`, []difference{{"a", json.RawMessage(`[1,2]`), json.RawMessage(`[2,1]`)}}},
		"new, gone and changed":           {`{"gone": true, "x": "1"}`, `{"x": 1, "new": "n"}`, []difference{{"x", json.RawMessage(`"1"`), json.RawMessage(`1`)}, {"new", nil, json.RawMessage(`"n"`)}, {"gone", json.RawMessage(`true`), nil}}},
		"nothing before, nothing after":   {``, ``, nil},
		"an empty text is not an absence": {`{}`, `{"a": ""}`, []difference{{"a", nil, json.RawMessage(`""`)}}},
		"what is no object":               {`[1]`, `{"a": 1}`, []difference{{"a", nil, json.RawMessage(`1`)}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, differences(members(json.RawMessage(tt.before)), members(json.RawMessage(tt.after)))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Of long texts the place is shown where they part.
func TestAround(t *testing.T) {
	long := strings.Repeat("花", 300)
	for name, tt := range map[string]struct{ a, b, wantA, wantB string }{
		"short":              {"a", "b", "a", "b"},
		"long, late":         {long + "a", long + "b", "…" + strings.Repeat("花", beforeParts) + "a", "…" + strings.Repeat("花", beforeParts) + "b"},
		"long, at the start": {"a" + long, "b", "a" + strings.Repeat("花", shownValue-1) + "…", "b"},
		"the end is cut off": {long, long + "b", "…" + strings.Repeat("花", beforeParts), "…" + strings.Repeat("花", beforeParts) + "b"},
	} {
		if a, b := around(tt.a, tt.b); a != tt.wantA || b != tt.wantB {
			t.Errorf("%s: %q and %q", name, a, b)
		}
	}
}

// What a plan shows of the ledger comes from the bucket, where others may write.
func TestPlanShowsThePendingImportAsText(t *testing.T) {
	var shown bytes.Buffer
	out := newPrinter(environment{stdout: &shown})
	printPlan(out, reconcile.Plan{Pending: "projects/p\x1b[2J/operations/\u202eo"}, newListing(false, false))
	if err := out.flush(); err != nil || !strings.Contains(shown.String(), `projects/p\u001b[2J/operations/\u202eo`) {
		t.Errorf("%v, got %q", err, shown.String())
	}
}

// The reasons beyond those that a plan shows are counted in words.
func TestMoreReasons(t *testing.T) {
	for more, want := range map[int]string{0: "", 1: "  and 1 more reason\n", 2: "  and 2 more reasons\n"} {
		var shown bytes.Buffer
		out := newPrinter(environment{stdout: &shown})
		printFailures(out, failure.Tally{Count: 9, Groups: make([]failure.Group, shownReasons+more)})
		if err := out.flush(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(shown.String(), want) && (want != "" || !strings.Contains(shown.String(), "more reason")); !got {
			t.Errorf("%d more: got %s", more, shown.String())
		}
	}
}
