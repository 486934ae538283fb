package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// report writes RESULTS.md.
func (b *bench) report() error { return b.show(nil) }

// show prints every reading, for a look at a few of them.
func (b *bench) show(w io.Writer) error {
	for _, name := range slices.Sorted(maps.Keys(b.series)) {
		s := b.series[name]
		_, err := fmt.Fprintf(w, "%-18s %2d  wall %4.0f, least %4.0f  job %4.0f  database %4.0f  services %4.0f ms  peak %.1f MiB\n", name, len(s),
			ms(median(s, wall)), ms(least(s, wall)), ms(median(s, cpu)), ms(mean(s, databaseCPU)), ms(median(s, servicesCPU)), float64(peak(s))/(1<<20))
		if err != nil {
			return err
		}
	}
	for _, cache := range slices.Sorted(maps.Keys(b.cold)) {
		if _, err := fmt.Fprintf(w, "first query, %s: %v\n", cache, b.cold[cache]); err != nil {
			return err
		}
	}
	return nil
}

func wall(u usage) time.Duration        { return u.Wall }
func cpu(u usage) time.Duration         { return u.CPU }
func databaseCPU(u usage) time.Duration { return u.Database }
func servicesCPU(u usage) time.Duration { return u.Services }

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func sorted(s []usage, of func(usage) time.Duration) []time.Duration {
	values := make([]time.Duration, len(s))
	for i, u := range s {
		values[i] = of(u)
	}
	slices.Sort(values)
	return values
}

func median(s []usage, of func(usage) time.Duration) time.Duration {
	if len(s) == 0 {
		return 0
	}
	return sorted(s, of)[len(s)/2]
}

func least(s []usage, of func(usage) time.Duration) time.Duration {
	if len(s) == 0 {
		return 0
	}
	return sorted(s, of)[0]
}

func mean(s []usage, of func(usage) time.Duration) (sum time.Duration) {
	for _, u := range s {
		sum += of(u)
	}
	return sum / time.Duration(max(len(s), 1))
}

// peak is the greatest resident set of all runs, in bytes.
func peak(s []usage) (most int64) {
	for _, u := range s {
		most = max(most, u.Peak)
	}
	return most
}
