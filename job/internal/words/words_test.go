package words

import "testing"

func TestCounts(t *testing.T) {
	for in, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 16061: "16,061", 1234567: "1,234,567", -1234: "-1,234", -123: "-123"} {
		if got := Number(in); got != want {
			t.Errorf("Number(%d) = %s, want %s", in, got, want)
		}
	}
	for in, want := range map[int64]string{0: "0 rows", 1: "1 row", 1000: "1,000 rows"} {
		if got := Plural(in, "row"); got != want {
			t.Errorf("Plural(%d) = %s, want %s", in, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                 "",
		"one line":         "one line",
		" two\r\n\tlines ": "two lines",
		"red \x1b[31mtext\x00, \u0085日本語\u3000です": "red [31mtext , 日本語 です",
	} {
		if got := Line(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
