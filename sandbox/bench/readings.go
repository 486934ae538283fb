package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// show prints every reading, for a look at a few of them.
func (b *bench) show(w io.Writer) error {
	for _, name := range slices.Sorted(maps.Keys(b.series)) {
		s := b.series[name]
		_, err := fmt.Fprintf(w, "%-18s %2d  wall %4.0f, least %4.0f  job %4.0f  database %4.0f  services %4.0f ms  peak %.1f MiB\n", name, len(s),
			ms(median(s, wall)), ms(least(s, wall)), ms(median(s, cpu)), ms(median(s, databaseCPU)), ms(median(s, servicesCPU)), float64(peak(s))/(1<<20))
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
func allCPU(u usage) time.Duration      { return u.CPU + u.Database }
func servicesCPU(u usage) time.Duration { return u.Services }

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func sorted[T any](s []T, of func(T) time.Duration) []time.Duration {
	values := make([]time.Duration, len(s))
	for i, v := range s {
		values[i] = of(v)
	}
	slices.Sort(values)
	return values
}

func median[T any](s []T, of func(T) time.Duration) time.Duration {
	if len(s) == 0 {
		return 0
	}
	return sorted(s, of)[len(s)/2]
}

func least[T any](s []T, of func(T) time.Duration) time.Duration {
	if len(s) == 0 {
		return 0
	}
	return sorted(s, of)[0]
}

// peak is the greatest resident set of all runs, in bytes.
func peak(s []usage) (most int64) {
	for _, u := range s {
		most = max(most, u.Peak)
	}
	return most
}
