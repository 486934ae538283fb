package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/refusal"
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
		found = append(found, tried("secret", fmt.Sprintf("projects/%s/secrets/%s/versions/%s", cfg.Project, cfg.SecretID, cfg.SecretVersion), err))
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
		return append(found, failed("database", err), untried("query", "needs the database"))
	}
	found = append(found, fine("database", db.String()), checkLock(ctx, cfg, db))
	columns, err := db.Columns(ctx)
	found = append(found, tried("query", "columns "+strings.Join(columnNames(columns), ", "), err))
	if err != nil {
		return found
	}
	m.columns = columns
	stats, err := db.TableStats(ctx)
	text := "a run skips reading the source while they do not change"
	if stats.Reason != "" {
		text = "every run reads the source: " + stats.Reason
	}
	found = append(found, tried("statistics", text, err))
	examined, err := db.Examine(ctx)
	if err != nil {
		return append(found, failed("source", err))
	}
	for _, f := range examined {
		found = append(found, fromSource(f))
	}
	return found
}

// fromSource is a finding of package source as check prints it.
func fromSource(f source.Finding) finding {
	switch {
	case f.Err != nil:
		return failed(f.Name, f.Err)
	case f.Warning:
		return warning(f.Name, f.Text, f.Remedy)
	}
	return fine(f.Name, f.Text)
}

// checkLock looks who holds the lock of a run. A run of our own is no failure unless it is older than any can be: the
// source's read, the wait for the import, and what else takes time.
func checkLock(ctx context.Context, cfg config.Config, db *source.DB) finding {
	holder, err := db.LockHolder(ctx, "vertex-metadata/"+storeName(cfg))
	if err != nil || holder == nil {
		return tried("lock", "no run is active", err)
	}
	longest := cmp.Or(cfg.StatementTimeout, source.DefaultStatementTimeout) + cfg.ImportWait + lockSlack
	switch {
	case !holder.Ours:
		return failed("lock", holder.Locked("of this data store"))
	case !holder.Since.IsZero() && time.Since(holder.Since) > longest:
		return failed("lock", &refusal.Advice{
			Text:   fmt.Sprintf("a run holds the lock for longer than %v (%v), and every other run is skipped", longest, holder),
			Remedy: fmt.Sprintf("end it with SELECT pg_terminate_backend(%d)", holder.PID),
		})
	}
	return fine("lock", fmt.Sprintf("a run is active: %v", holder))
}

// lockSlack is what a run may take beside its read and its import.
const lockSlack = 5 * time.Minute
