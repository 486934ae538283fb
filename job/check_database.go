package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"vertexmetadata/job/internal/column"
	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/source"
)

// checkSource tries the secret, the database, the query and all that a run's read would trip over.
func (m *contentMatch) checkSource(ctx context.Context, cfg config.Config) (found []finding) {
	switch {
	case cfg.DatabaseURL != "":
		found = append(found, untried("secret", "not needed with DATABASE_URL"))
	case cfg.IAMAuth:
		found = append(found, untried("secret", "not needed with DB_IAM_AUTH"))
	default:
		_, err := password(ctx, cfg)
		name := fmt.Sprintf("projects/%s/secrets/%s/versions/%s", cfg.Project, cfg.SecretID, cfg.SecretVersion)
		found = append(found, finding{name: "secret", detail: name, err: err})
		if err != nil {
			return append(found, untried("database", "needs the password"), untried("query", "needs the database"))
		}
	}
	db, err := openDatabase(ctx, cfg, "check")
	if err == nil {
		defer db.Close(ctx)
		err = db.Check(ctx) // a pooler may hand every statement to another session, which no lock survives
	}
	if err != nil {
		return append(found, finding{name: "database", err: err}, untried("query", "needs the database"))
	}
	found = append(found, finding{name: "database", detail: db.String()}, checkLock(ctx, cfg, db))
	columns, err := db.Columns(ctx)
	found = append(found, finding{name: "query", detail: "columns " + columnNames(columns), err: err})
	if err != nil {
		return found
	}
	m.columns = columns
	found = append(found, checkStatistics(ctx, db))
	examined, err := db.Examine(ctx)
	if err != nil {
		return append(found, finding{name: "source", err: err})
	}
	for _, f := range examined {
		found = append(found, fromSource(f))
	}
	return found
}

// fromSource is a finding of package source as check prints it.
func fromSource(f source.Finding) finding {
	return finding{name: f.Name, detail: f.Text, remedy: f.Remedy, warning: f.Warning, err: f.Err}
}

func checkStatistics(ctx context.Context, db *source.DB) finding {
	stats, err := db.TableStats(ctx)
	detail := "a run skips reading the source while they do not change"
	if !stats.Trusted {
		detail = "every run reads the source: " + stats.Reason
	}
	return finding{name: "statistics", detail: detail, err: err}
}

// checkLock looks who holds the lock of a run. A run of our own is no failure unless it is older than any can be: the
// source's read, the wait for the import, and what else takes time.
func checkLock(ctx context.Context, cfg config.Config, db *source.DB) finding {
	holder, err := db.LockHolder(ctx, "vertex-metadata/"+settings(cfg, false, false).DataStore)
	if err != nil || holder == nil {
		return finding{name: "lock", detail: "no run is active", err: err}
	}
	f := finding{name: "lock", detail: fmt.Sprintf("a run is active: %v", holder)}
	longest := cmp.Or(cfg.StatementTimeout, source.DefaultStatementTimeout) + cfg.ImportWait + lockSlack
	switch {
	case !holder.Ours:
		f.err = &source.ErrLocked{Key: "of this data store", Holder: *holder}
	case !holder.Since.IsZero() && time.Since(holder.Since) > longest:
		f.err = &advisedError{
			fmt.Sprintf("a run holds the lock for longer than %v (%v), and every other run is skipped", longest, holder),
			fmt.Sprintf("end it with SELECT pg_terminate_backend(%d)", holder.PID),
		}
	}
	return f
}

// lockSlack is what a run may take beside its read and its import.
const lockSlack = 5 * time.Minute

func columnNames(columns []column.Column) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}
