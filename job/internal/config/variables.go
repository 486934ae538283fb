package config

import (
	"errors"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Variable is one variable of the environment.
type Variable struct {
	Name    string
	Default string
	Needed  bool   // always; others are needed depending on each other
	Secret  bool   // its value comes from Secret Manager in the cloud
	Meaning string // for people

	set func(l *loader, c *Config, v Variable)
}

// Variables are all that the job reads, in the order of the manual. It is the one place where a variable is declared.
var Variables = []Variable{
	{Name: "GCS_BUCKET", Needed: true, Secret: true, Meaning: "bucket for the snapshot and the job's state", set: name(func(c *Config) *string { return &c.Bucket }, bucketName, "a bucket's name: the name alone, without gs://")},
	{Name: "PROJECT_ID", Needed: true, Secret: true, Meaning: "project id or number of the password secret and of the data store", set: name(func(c *Config) *string { return &c.Project }, resourceID, "a project's id or number")},
	{Name: "DATA_STORE_ID", Needed: true, Secret: true, Meaning: "Vertex AI Search data store", set: name(func(c *Config) *string { return &c.DataStore }, resourceID, "a data store's id: the id alone, without the path before it")},
	{Name: "DB_NAME", Secret: true, Meaning: "database", set: text(func(c *Config) *string { return &c.DatabaseName })},
	{Name: "DB_USER", Secret: true, Meaning: "database role", set: text(func(c *Config) *string { return &c.DatabaseUser })},
	{Name: "SECRET_ID", Secret: true, Meaning: "secret that holds the database password", set: name(func(c *Config) *string { return &c.SecretID }, resourceID, "a secret's id: the id alone, without the path before it")},
	{Name: "VERSION_ID", Default: "latest", Secret: true, Meaning: "version of that secret", set: name(func(c *Config) *string { return &c.SecretVersion }, resourceID, "a version: a number, an alias or latest")},
	{Name: "GCP_PROJECT", Secret: true, Meaning: "used only in the form project:region:instance, as CLOUD_SQL_INSTANCE when that is not set"},
	{Name: "GEMINI_API_KEY", Secret: true, Meaning: "accepted and not used: this version writes no embeddings"},
	{Name: "CLOUD_SQL_INSTANCE", Meaning: "Cloud SQL connection name, project:region:instance", set: text(func(c *Config) *string { return &c.Instance })},
	{Name: "CLOUD_SQL_SOCKET_DIR", Default: "/cloudsql", Meaning: "directory of the Cloud SQL sockets", set: text(func(c *Config) *string { return &c.SocketDir })},
	{Name: "GCP_LOCATION", Default: "global", Meaning: "location of the data store: global, us or eu", set: choice(func(c *Config) *string { return &c.Location }, "global", "us", "eu")},
	{Name: "DATABASE_URL", Meaning: "libpq URL; when set, neither Cloud SQL nor Secret Manager is used", set: databaseURL},
	{Name: "STORAGE_EMULATOR_HOST", Meaning: "address of a stand-in for Cloud Storage"},
	{Name: "DISCOVERYENGINE_ENDPOINT", Meaning: "host:port of a stand-in for Vertex AI Search, plaintext", set: text(func(c *Config) *string { return &c.DiscoveryEngineEndpoint })},
	{Name: "SECRETMANAGER_ENDPOINT", Meaning: "host:port of a stand-in for Secret Manager, plaintext", set: text(func(c *Config) *string { return &c.SecretManagerEndpoint })},
	{Name: "SYNC_QUERY", Meaning: "SELECT to use in place of the default query", set: text(func(c *Config) *string { return &c.Query })},
	{Name: "SYNC_QUERY_FILE", Meaning: "file that holds it"},
	{Name: "SYNC_MIME_TYPES", Default: "image/jpeg,image/png,image/webp", Meaning: "accepted values of content_mime_type, separated by commas", set: mimeTypes},
	{Name: "MAX_DOCUMENT_BYTES", Default: "1048576", Meaning: "largest document line that is sent, in bytes", set: positive(func(c *Config) *int { return &c.MaxDocumentBytes })},
	{Name: "IMPORT_WAIT", Default: "2m", Meaning: "how long a run waits for its import before it leaves it pending; 0: it looks once", set: duration(func(c *Config) *time.Duration { return &c.ImportWait })},
	{Name: "FULL_SYNC_INTERVAL", Default: "24h", Meaning: "age of the last full sync at which the next is due; 0: every run is one", set: duration(func(c *Config) *time.Duration { return &c.FullSyncInterval })},
	{Name: "RESCAN_INTERVAL", Default: "1h", Meaning: "age of the last scan at which unchanged table statistics no longer spare the next; 0: scan every time", set: duration(func(c *Config) *time.Duration { return &c.RescanInterval })},
	{Name: "MAX_DELETE_RATIO", Default: "0.5", Meaning: "share of the documents that one run may remove, 0 to 1", set: ratio},
	{Name: "STATEMENT_TIMEOUT", Default: "10m", Meaning: "longest time that the source query may take; 0: the default", set: statementTimeout},
	{Name: "LOG_LEVEL", Default: "info", Meaning: "info or debug", set: choice(func(c *Config) *string { return &c.LogLevel }, "info", "debug")},
	{Name: "EMBEDDING_MODEL", Meaning: "not supported in this version; must be empty", set: unsupported},
	{Name: "CLOUD_RUN_TASK_INDEX", Default: "0", Meaning: "set by Cloud Run: which of the tasks this is", set: number(func(c *Config) *int { return &c.Task })},
	{Name: "CLOUD_RUN_TASK_COUNT", Default: "1", Meaning: "set by Cloud Run: how many tasks share the work, at most 100", set: number(func(c *Config) *int { return &c.Tasks })},
	{Name: "CLOUD_RUN_TASK_ATTEMPT", Default: "0", Meaning: "set by Cloud Run: how often this task was tried before", set: number(func(c *Config) *int { return &c.Attempt })},
	{Name: "CLOUD_RUN_EXECUTION", Meaning: "set by Cloud Run: what the tasks of an execution have in common", set: text(func(c *Config) *string { return &c.Execution })},
}

// get returns the value of v or its default, and reports when it is needed and missing.
func (l *loader) get(v Variable) string {
	value := l.value(v.Name)
	if value == "" {
		value = v.Default
	}
	if value == "" && v.Needed {
		l.problem("%s is not set", v.Name)
	}
	return value
}

func text(field func(*Config) *string) func(*loader, *Config, Variable) {
	return func(l *loader, c *Config, v Variable) { *field(c) = l.get(v) }
}

// What names look like, as far as a mistake must show here: the services have rules of their own.
var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)
	resourceID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]*$`)
)

// name is a text of a certain form. The value stays out of the problem: it comes from Secret Manager.
func name(field func(*Config) *string, form *regexp.Regexp, want string) func(*loader, *Config, Variable) {
	return func(l *loader, c *Config, v Variable) {
		value := l.get(v)
		if value != "" && !form.MatchString(value) {
			l.problem("%s is not %s", v.Name, want)
		}
		*field(c) = value
	}
}

// databaseURL must be readable, or the run could not connect. The value, which holds a password, stays out of the problem.
func databaseURL(l *loader, c *Config, v Variable) {
	c.DatabaseURL = l.get(v)
	if c.DatabaseURL == "" {
		return
	}
	_, err := pgconn.ParseConfig(c.DatabaseURL)
	var file *fs.PathError
	switch {
	case errors.As(err, &file): // of a certificate or key
		l.problem("%s names %s, which cannot be read: %v", v.Name, file.Path, file.Err)
	case err != nil:
		l.problem("%s is not a libpq URL such as postgres://user:password@host:5432/database?sslmode=require, special characters in the password percent-encoded", v.Name)
	}
}

func choice(field func(*Config) *string, allowed ...string) func(*loader, *Config, Variable) {
	return func(l *loader, c *Config, v Variable) {
		value := l.get(v)
		if !slices.Contains(allowed, value) {
			l.problem("%s is %q, want one of %s", v.Name, value, strings.Join(allowed, ", "))
		}
		*field(c) = value
	}
}

func number(field func(*Config) *int) func(*loader, *Config, Variable) {
	return func(l *loader, c *Config, v Variable) {
		value := l.get(v)
		n, err := strconv.Atoi(value)
		if err != nil {
			l.problem("%s is %q, want a whole number", v.Name, value)
			l.odd = true
		}
		*field(c) = n
	}
}

func positive(field func(*Config) *int) func(*loader, *Config, Variable) {
	return func(l *loader, c *Config, v Variable) {
		n, err := strconv.Atoi(l.get(v))
		if err != nil || n < 1 {
			l.problem("%s is %q, want a whole number above 0", v.Name, l.get(v))
		}
		*field(c) = n
	}
}

func duration(field func(*Config) *time.Duration) func(*loader, *Config, Variable) {
	return func(l *loader, c *Config, v Variable) {
		value := l.get(v)
		d, err := time.ParseDuration(value)
		if err != nil || d < 0 {
			l.problem("%s is %q, want a duration such as 90s, 2m or 24h", v.Name, value)
		}
		*field(c) = d
	}
}

// statementTimeout takes what PostgreSQL can be told, in whole milliseconds of 31 bits. What it would round to 0 would be no
// limit at all; 0 itself leaves the choice to package source.
func statementTimeout(l *loader, c *Config, v Variable) {
	const longest = 24 * 24 * time.Hour
	d, err := time.ParseDuration(l.get(v))
	if err != nil || d != 0 && d < time.Millisecond || d > longest {
		l.problem("%s is %q, want 0 or a duration from 1ms to 576h, such as 90s, 2m or 24h", v.Name, l.get(v))
	}
	c.StatementTimeout = d
}

func ratio(l *loader, c *Config, v Variable) {
	value := l.get(v)
	r, err := strconv.ParseFloat(value, 64)
	if err != nil || !(r >= 0 && r <= 1) {
		l.problem("%s is %q, want a number from 0 to 1", v.Name, value)
	}
	c.MaxDeleteRatio = r
}

func mimeTypes(l *loader, c *Config, v Variable) {
	for part := range strings.SplitSeq(l.get(v), ",") {
		if part = strings.ToLower(strings.TrimSpace(part)); part != "" {
			c.MIMETypes = append(c.MIMETypes, part)
		}
	}
	if len(c.MIMETypes) == 0 {
		l.problem("%s names no MIME type", v.Name)
	}
}

func unsupported(l *loader, _ *Config, v Variable) {
	if l.get(v) != "" {
		l.problem("%s is set, but this version does not write embeddings; unset it", v.Name)
	}
}
