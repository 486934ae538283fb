package picture

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTerminal(t *testing.T) {
	const printed = "1. Start <here> & now\n   | INFO  赤い花 found\n\n"
	svg := Terminal("make demo", printed)
	var got []string
	for _, m := range regexp.MustCompile(`<text (.*?) lengthAdjust="spacingAndGlyphs">(.*?)</text>`).FindAllStringSubmatch(svg, -1) {
		got = append(got, m[1]+" | "+strings.ReplaceAll(m[2], noBreakSpace, "_"))
	}
	want := []string{
		`x="18" y="52" class="prompt" textLength="88" | $_make_demo`,
		`x="18" y="90" class="chapter" textLength="168" | 1._Start_&lt;here&gt;_&amp;_now`,
		`x="42" y="109" class="log" textLength="64" | |_INFO__`,
		`x="106" y="109" class="log" textLength="48" | 赤い花`,
		`x="162" y="109" class="log" textLength="40" | found`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if recorded, err := Recording(svg); err != nil || recorded != printed {
		t.Errorf("Recording() = %q, %v, want %q", recorded, err, printed)
	}
}

// A line that is too long goes on in the next row, and no character is cut in two.
func TestLongLinesBreak(t *testing.T) {
	long := strings.Repeat("x", columns-1) + "花" + "end"
	want := []line{{text: strings.Repeat("x", columns-1)}, {text: "花end"}}
	if diff := cmp.Diff(want, layOut(long), cmp.AllowUnexported(line{})); diff != "" {
		t.Errorf("layOut (-want +got):\n%s", diff)
	}
}

func TestRecordingOfNoPicture(t *testing.T) {
	if _, err := Recording("<svg><desc>"); err == nil {
		t.Error("Recording() of half a picture = nil error")
	}
}
