package main

import (
	"io"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// On a terminal the logs are for people, the bar stands below them while the run goes on, and nothing of it is left in
// the end.
func TestTerminal(t *testing.T) {
	t.Parallel()
	w := newDocs(t, database, 100)
	first, second := w.onTerminal(slowlyOnce), w.onTerminal(slowlyOnce)
	for _, tt := range []struct {
		name, output, bar string
	}{
		{"first run", first, `0 rows read`},
		{"run that knows how many to expect", second, `\d+ of about 100 rows read +\[[=>-]+\]`},
	} {
		if !regexp.MustCompile(tt.bar).MatchString(plain(tt.output)) {
			t.Errorf("%s: no bar like %s in %q", tt.name, tt.bar, tt.output)
		}
	}
	golden(t, "terminal.golden", shown(first))
	golden(t, "terminal-unchanged.golden", shown(second))
}

// slowlyOnce is a query that takes half a second, so that the bar is drawn a few times.
const slowlyOnce = `SYNC_QUERY=` + columns + ` FROM docs, LATERAL (SELECT pg_sleep(CASE id WHEN 'doc-0100' THEN 0.5 ELSE 0 END)) AS nap`

// onTerminal runs a sync with a terminal as its standard error and returns what it wrote there.
func (w *world) onTerminal(changes ...variable) string {
	w.t.Helper()
	cmd := w.command([]string{"sync"}, append(changes, "TERM=xterm")...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	terminal, end, err := pty.Open()
	if err != nil {
		w.t.Fatal(err)
	}
	defer terminal.Close()
	if err := pty.Setsize(terminal, &pty.Winsize{Rows: 40, Cols: 200}); err != nil {
		w.t.Fatal(err)
	}
	cmd.Stderr = end
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	end.Close() // the process has its own
	kill := time.AfterFunc(processTime, func() { cmd.Process.Kill() })
	defer kill.Stop()
	output, err := io.ReadAll(terminal)
	if err != nil && !isEndOfTerminal(err) {
		w.t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		w.t.Fatalf("%v\n%s", err, output)
	}
	inspect("terminal", output)
	return string(output)
}

// isEndOfTerminal reports that the last process that had the terminal open has closed it: Linux calls that an error.
func isEndOfTerminal(err error) bool {
	path, ok := err.(*os.PathError)
	return ok && path.Err == syscall.EIO
}

// escape is a terminal's control sequence: its number and its letter.
var escape = regexp.MustCompile(`^\x1b\[(\??[0-9;]*)([A-Za-z])`)

// plain is output without control sequences.
func plain(output string) string {
	return regexp.MustCompile(`\x1b\[\??[0-9;]*[A-Za-z]`).ReplaceAllString(output, "")
}

// shown is what stands on the screen in the end, after all that the program has written over: what a person sees. The
// times are masked.
func shown(output string) string {
	lines, row, column := []string{""}, 0, 0
	for len(output) > 0 {
		if m := escape.FindStringSubmatch(output); m != nil {
			output = output[len(m[0]):]
			n := 1
			if m[1] != "" && m[1][0] >= '1' && m[1][0] <= '9' {
				n = int(m[1][0] - '0')
			}
			switch m[2] {
			case "A":
				row = max(row-n, 0)
			case "F":
				row, column = max(row-n, 0), 0
			case "G":
				column = 0
			case "K":
				lines[row] = lines[row][:min(column, len(lines[row]))]
			case "J":
				lines = lines[:row+1]
				lines[row] = lines[row][:min(column, len(lines[row]))]
			}
			continue
		}
		switch c := output[0]; c {
		case '\r':
			column = 0
		case '\n':
			if row++; row == len(lines) {
				lines = append(lines, "")
			}
		default:
			line := []byte(lines[row] + strings.Repeat(" ", max(column-len(lines[row]), 0)) + " ")
			line[column] = c
			lines[row] = strings.TrimSuffix(string(line), " ")
			if c == ' ' && column >= len(lines[row]) {
				lines[row] += " "
			}
			column++
		}
		output = output[1:]
	}
	text := strings.Join(lines, "\n")
	text = regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d`).ReplaceAllString(text, "hh:mm:ss")
	text = regexp.MustCompile(`\((\d+ ms|\d+\.\d s)\)\n`).ReplaceAllString(text, "(0 ms)\n")
	return regexp.MustCompile(`duration_ms=\d+`).ReplaceAllString(text, "duration_ms=0")
}

// Lines that are written just before the bar goes must not go with it.
func TestScreenKeepsEveryLine(t *testing.T) {
	terminal, end, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	output := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(terminal)
		output <- string(text)
	}()
	const rounds = 50
	for range rounds {
		s := newScreen(end, func(string) string { return "" })
		s.progress(1, 0)
		if _, err := s.Write([]byte("before\n")); err != nil {
			t.Error(err)
		}
		s.close()
		s.progress(2, 0) // comes too late: no bar
		if _, err := s.Write([]byte("after\n")); err != nil {
			t.Error(err)
		}
		s.close()
		s.seal()
		if _, err := s.Write([]byte("after the last line\n")); err != nil {
			t.Error(err)
		}
	}
	end.Close()
	text := plain(<-output)
	for _, line := range []string{"before", "after"} {
		if n := strings.Count(text, line); n != rounds {
			t.Errorf("%d lines %q, want %d", n, line, rounds)
		}
	}
}
