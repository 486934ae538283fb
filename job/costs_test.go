package main

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// Prices in dollars, each with its page in docs/COSTS.md.
const (
	vCPUSecond, freeVCPUSeconds     = 0.000018, 240_000.0
	gibSecond, freeGiBSeconds       = 0.000002, 450_000.0
	classA, classB                  = 0.005 / 1000, 0.0004 / 1000
	storedGB                        = 0.023
	secretVersion, freeVersions     = 0.06, 6.0
	secretAccess, freeAccesses      = 0.03 / 10_000, 10_000.0
	schedulerJob                    = 0.10
	indexGiB, freeIndexGiB          = 5.00, 10.0
	databaseHour                    = 0.0413
	hoursOfMonth, daysOfMonth       = 730.0, 30.4
	leastBilledSeconds              = 60.0
	documentBytes, manifestBytes    = 900.0, 31.0
	mountedSecrets, importWait      = 10.0, 120.0
	idleDatabaseSeconds, contentKiB = 0.010, 500.0
)

// system is a deployment whose month is reckoned.
type system struct {
	name            string
	documents       float64
	cpu, gib        float64
	scanMicros      float64 // PostgreSQL's processor time for a document, bench/RESULTS.md and docs/SCALING.md
	scanSeconds     float64 // of a run
	everyMinutes    float64
	changes         bool // a small change in every interval
	awaitsNoImports bool // IMPORT_WAIT is 0
}

func (s system) ticks() float64 { return hoursOfMonth * 60 / s.everyMinutes }

// scans are how often the source is read: after every change, hourly otherwise, and for the full sync of a day.
func (s system) scans() float64 {
	if s.changes {
		return s.ticks()
	}
	return math.Min(s.ticks(), hoursOfMonth)
}

func (s system) cloudRun() float64 {
	run := 0.0
	if s.changes {
		run = s.scanSeconds
		if !s.awaitsNoImports {
			run += importWait
		}
	}
	seconds := s.ticks() * math.Max(leastBilledSeconds, run)
	return beyond(seconds*s.cpu, freeVCPUSeconds)*vCPUSecond + beyond(seconds*s.gib, freeGiBSeconds)*gibSecond
}

// storage is an idle tick's list and read for every tick, what scans and changes add, and the bytes. The requests are those that
// TestBilledRequests of package reconcile counts.
func (s system) storage() float64 {
	a, b := s.ticks(), s.ticks()
	if s.changes {
		a, b = a+5*s.scans(), b+13*s.scans() // segment, three revisions, list of the sweep; the manifest's segments
	} else {
		a, b = a+2*s.scans(), b+2*s.scans() // revision, list of the sweep; the manifest's segments
	}
	a, b = a+10*daysOfMonth, b+5*daysOfMonth // full syncs
	return a*classA + b*classB + s.documents*(documentBytes+manifestBytes)/1e9*storedGB
}

func (s system) secrets(mounted float64) float64 {
	return beyond(mounted, freeVersions)*secretVersion + beyond(mounted*s.ticks(), freeAccesses)*secretAccess
}

// database is PostgreSQL's processor time in hours.
func (s system) database() float64 {
	return (s.ticks()*idleDatabaseSeconds + (s.scans()+daysOfMonth)*s.documents*s.scanMicros/1e6) / 3600
}

func (s system) total() float64 {
	return s.cloudRun() + s.storage() + s.secrets(mountedSecrets) + schedulerJob
}

func beyond(used, free float64) float64 { return math.Max(0, used-free) }

func index(documents, bytes float64) float64 {
	return beyond(documents*bytes/(1<<30), freeIndexGiB) * indexGiB
}

var systems = []system{
	{name: "10 thousand", documents: 1e4, cpu: 1, gib: 0.5, scanMicros: 2.3, scanSeconds: 1, everyMinutes: 3},
	{name: "1 million", documents: 1e6, cpu: 1, gib: 0.5, scanMicros: 2.3, scanSeconds: 3, everyMinutes: 3},
	{name: "10 million", documents: 1e7, cpu: 2, gib: 1, scanMicros: 6, scanSeconds: 50, everyMinutes: 3},
}

// The tables of docs/COSTS.md are the arithmetic of this file; go test -update writes them.
func TestCosts(t *testing.T) {
	for name, table := range map[string]string{"month": monthTable(), "schedule": scheduleTable(), "index": indexTable()} {
		compareSection(t, "../docs/COSTS.md", name, table)
	}
	if got := dollars(systems[0].cloudRun()); got != "11.45" { // (14,600 × 60 − 240,000) × 0.000018
		t.Errorf("Cloud Run for a quiet month at three minutes costs %s, want 11.45", got)
	}
}

func monthTable() string {
	var b strings.Builder
	b.WriteString("| documents | | Cloud Run | storage | secrets | Scheduler | **total** | PostgreSQL's processor time |\n|---|---|---|---|---|---|---|---|\n")
	for _, s := range systems {
		for _, kind := range []struct {
			text             string
			changes, noAwait bool
		}{{"nothing changes", false, false}, {"changes in every interval", true, false}, {"the same, `IMPORT_WAIT` 0", true, true}} {
			s.changes, s.awaitsNoImports = kind.changes, kind.noAwait
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | **%s** | %s |\n", s.name, kind.text, dollars(s.cloudRun()), dollars(s.storage()),
				dollars(s.secrets(mountedSecrets)), dollars(schedulerJob), dollars(s.total()), databaseTime(s))
		}
	}
	return b.String()
}

func databaseTime(s system) string {
	return fmt.Sprintf("%.1f h, %.1f %% of one processor, worth %s", s.database(), 100*s.database()/hoursOfMonth, dollars(s.database()*databaseHour))
}

func scheduleTable() string {
	var b strings.Builder
	b.WriteString("| schedule | minutes | Cloud Run | storage | secrets | Scheduler | **total** |\n|---|---|---|---|---|---|---|\n")
	for _, row := range []struct {
		cron    string
		minutes float64
	}{{"* * * * *", 1}, {"*/3 * * * *", 3}, {"*/5 * * * *", 5}, {"*/10 * * * *", 10}, {"*/15 * * * *", 15}, {"0 * * * *", 60}} {
		s := systems[1]
		s.everyMinutes = row.minutes
		fmt.Fprintf(&b, "| `%s` | %v | %s | %s | %s | %s | **%s** |\n", row.cron, row.minutes, dollars(s.cloudRun()), dollars(s.storage()),
			dollars(s.secrets(mountedSecrets)), dollars(schedulerJob), dollars(s.total()))
	}
	return b.String()
}

func indexTable() string {
	var b strings.Builder
	fmt.Fprintf(&b, "| documents | `structData` alone, %v bytes each | with content of %v KiB each |\n|---|---|---|\n", documentBytes, contentKiB)
	for _, s := range systems {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", s.name, dollars(index(s.documents, documentBytes)), dollars(index(s.documents, documentBytes+contentKiB*1024)))
	}
	return b.String()
}

// dollars writes an amount with thousands apart.
func dollars(amount float64) string {
	whole, cents, _ := strings.Cut(fmt.Sprintf("%.2f", amount), ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return whole + "." + cents
}
