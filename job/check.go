package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"vertexmetadata/job/internal/bucket"
	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/source"
)

// checkCommand is `job check`.
type checkCommand struct{}

// objectPermissions are what the job does in the bucket.
var objectPermissions = []string{"storage.objects.create", "storage.objects.get", "storage.objects.list", "storage.objects.delete"}

// Run tries every dependency, also after one has failed, as far as that makes sense.
func (c *checkCommand) Run(ctx context.Context, env environment) error {
	out := newPrinter(env.stdout)
	cfg, err := config.Load(env.getenv)
	report := &report{out: out}
	report.add("config", fmt.Sprintf("%d of %d variables set", set(env.getenv), len(config.Variables)), err)
	if err != nil {
		return report.end(err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	checkSource(ctx, cfg, report)
	checkBucket(ctx, cfg, report)
	checkStore(ctx, cfg, report)
	return report.end(nil)
}

func checkSource(ctx context.Context, cfg config.Config, report *report) {
	if cfg.DatabaseURL == "" {
		_, err := password(ctx, cfg)
		report.add("secret", fmt.Sprintf("projects/%s/secrets/%s/versions/%s", cfg.Project, cfg.SecretID, cfg.SecretVersion), err)
		if err != nil {
			report.skip("database", "needs the password")
			report.skip("query", "needs the database")
			return
		}
	} else {
		report.skip("secret", "not needed with DATABASE_URL")
	}
	db, err := openDatabase(ctx, cfg, "check")
	if err != nil {
		report.add("database", "", err)
		report.skip("query", "needs the database")
		return
	}
	defer db.Close(ctx)
	report.add("database", db.String(), nil)
	columns, err := db.Columns(ctx)
	report.add("query", columnNames(columns), err)
	if err != nil {
		return
	}
	stats, err := db.TableStats(ctx)
	detail := "idle ticks spare the source"
	if !stats.Trusted {
		detail = "every run reads the source: " + stats.Reason
	}
	report.add("statistics", detail, err)
}

func columnNames(columns []source.Column) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return "columns " + strings.Join(names, ", ")
}

func checkBucket(ctx context.Context, cfg config.Config, report *report) {
	b, err := bucket.Open(ctx, cfg.Bucket)
	if err != nil {
		report.add("bucket", "", err)
		return
	}
	defer b.Close()
	missing, err := b.CheckPermissions(ctx, objectPermissions...)
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("gs://%s: the job's account lacks %s: grant it roles/storage.objectAdmin on the bucket", cfg.Bucket, strings.Join(missing, ", "))
	}
	report.add("bucket", "gs://"+cfg.Bucket+" with all permissions", err)
}

func checkStore(ctx context.Context, cfg config.Config, report *report) {
	store, err := openStore(ctx, cfg)
	if err != nil {
		report.add("data store", "", err)
		return
	}
	defer store.Close()
	err = store.Check(ctx)
	report.add("data store", cfg.DataStore+" in "+cfg.Location, err)
	if err != nil {
		report.skip("permissions", "needs the data store")
		return
	}
	for _, err = range store.IDs(ctx) {
		break // the first page proves the permission to read documents
	}
	report.add("permissions", "documents can be listed", err)
}

// set counts the variables that are set.
func set(getenv func(string) string) (n int) {
	for _, v := range config.Variables {
		if getenv(v.Name) != "" {
			n++
		}
	}
	return n
}

// report prints one line for each dependency.
type report struct {
	out    *printer
	failed int
}

func (r *report) add(name, detail string, err error) {
	if err != nil {
		r.failed++
		r.out.printf("FAIL  %-11s  %v\n", name, err)
		return
	}
	r.out.printf("ok    %-11s  %s\n", name, detail)
}

func (r *report) skip(name, why string) { r.out.printf("-     %-11s  %s\n", name, why) }

// end returns the error that decides the exit code: cause, or that something failed.
func (r *report) end(cause error) error {
	if err := r.out.flush(); err != nil {
		return err
	}
	switch {
	case cause != nil:
		return &reportedError{cause}
	case r.failed > 0:
		return &reportedError{fmt.Errorf("%d checks failed", r.failed)}
	}
	return nil
}

// variablesHelp lists the environment for --help.
func variablesHelp() string {
	var b strings.Builder
	for _, v := range config.Variables {
		fmt.Fprintf(&b, "  %-26s %s", v.Name, v.Meaning)
		if v.Default != "" {
			fmt.Fprintf(&b, " (default %s)", v.Default)
		}
		b.WriteString("\n\n")
	}
	return b.String()
}
