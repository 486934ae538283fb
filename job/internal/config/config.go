// Package config turns the environment into the settings of the job. It reports everything that is missing or
// malformed at once, by the names that an operator sets.
package config

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Config is the job's configuration. Variables lists where each field comes from.
type Config struct {
	DatabaseURL  string // libpq URL; when set, neither Cloud SQL nor Secret Manager is used
	Instance     string // Cloud SQL connection name, project:region:instance
	SocketDir    string // directory in which Cloud Run mounts the sockets of Cloud SQL
	DatabaseName string
	DatabaseUser string

	Project       string // project id or number of the password secret and of the data store
	SecretID      string // the database password
	SecretVersion string

	Bucket    string
	Location  string // of the data store: global, us or eu
	DataStore string

	DiscoveryEngineEndpoint string // host:port, plaintext, for a stand-in; empty: Google
	SecretManagerEndpoint   string

	Query            string   // SELECT; empty: DefaultQuery
	MIMETypes        []string // accepted, lower case
	MaxDocumentBytes int      // of one document line

	ImportWait       time.Duration // how long a run waits for its import
	FullSyncInterval time.Duration // how often everything is imported again
	RescanInterval   time.Duration // how long table statistics may stand in for a scan; 0: never
	MaxDeleteRatio   float64       // share of the documents that one run may remove
	StatementTimeout time.Duration // of the scan

	Task, Tasks, Attempt int // this task's index, their number, and which attempt this is
	Execution            string

	LogLevel string // info or debug
}

//go:embed query.sql
var queryFile string

// DefaultQuery reads the posts that are public and whose image is stored.
var DefaultQuery = strings.TrimSpace(queryFile)

// Error names every problem of the environment.
type Error struct{ Problems []string }

func (e *Error) Error() string {
	return "configuration: " + strings.Join(e.Problems, "; ")
}

// Load reads the configuration with getenv, which is os.Getenv but for tests. Its error is an *Error.
func Load(getenv func(string) string) (Config, error) {
	l := &loader{getenv: getenv}
	var c Config
	for _, v := range Variables {
		if v.set != nil {
			v.set(l, &c, v)
		}
	}
	l.connection(&c)
	l.query(&c)
	l.tasks(&c)
	if len(l.problems) > 0 {
		return Config{}, &Error{Problems: l.problems}
	}
	return c, nil
}

// Identity reads what tells this task from others, as far as it can be read: the last line of a run needs it even when
// Load fails.
func Identity(getenv func(string) string) Config {
	l := &loader{getenv: getenv}
	c := Config{Execution: l.value("CLOUD_RUN_EXECUTION")}
	if task, err := strconv.Atoi(l.value("CLOUD_RUN_TASK_INDEX")); err == nil {
		c.Task = task
	}
	return c
}

// loader collects what is wrong while it reads.
type loader struct {
	getenv   func(string) string
	problems []string
	odd      bool // a number could not be read, so what depends on it is not worth a word
}

func (l *loader) problem(format string, args ...any) {
	l.problems = append(l.problems, fmt.Sprintf(format, args...))
}

// value returns a variable without the white space around it: secrets often end in a newline.
func (l *loader) value(name string) string { return strings.TrimSpace(l.getenv(name)) }

// connection checks that there is one way to the database.
func (l *loader) connection(c *Config) {
	if c.DatabaseURL != "" {
		return
	}
	for _, v := range []struct{ name, value string }{{"DB_NAME", c.DatabaseName}, {"DB_USER", c.DatabaseUser}, {"SECRET_ID", c.SecretID}} {
		if v.value == "" {
			l.problem("%s is not set (or set DATABASE_URL)", v.name)
		}
	}
	legacy := l.value("GCP_PROJECT")
	switch {
	case c.Instance != "":
		if !isInstance(c.Instance) {
			l.problem("CLOUD_SQL_INSTANCE is %q, want project:region:instance", c.Instance)
		}
	case isInstance(legacy):
		c.Instance = legacy
	default:
		l.problem("CLOUD_SQL_INSTANCE is not set, and GCP_PROJECT does not have its form project:region:instance (or set DATABASE_URL)")
	}
}

// isInstance reports that s looks like a connection name. The project may itself hold a colon: example.com:project.
func isInstance(s string) bool {
	parts := strings.Split(s, ":")
	return (len(parts) == 3 || len(parts) == 4) && !slices.Contains(parts, "") && !strings.ContainsAny(s, "/ ")
}

// query takes the query from SYNC_QUERY or from the file that SYNC_QUERY_FILE names.
func (l *loader) query(c *Config) {
	file := l.value("SYNC_QUERY_FILE")
	switch {
	case file != "" && c.Query != "":
		l.problem("both SYNC_QUERY and SYNC_QUERY_FILE are set, want one")
	case file != "":
		text, err := os.ReadFile(file)
		if err != nil {
			var path *os.PathError
			if errors.As(err, &path) {
				err = path.Err
			}
			l.problem("SYNC_QUERY_FILE %s cannot be read: %v", file, err)
		}
		c.Query = strings.TrimSpace(string(text))
		if err == nil && c.Query == "" {
			l.problem("SYNC_QUERY_FILE %s is empty", file)
		}
	case c.Query == "":
		c.Query = DefaultQuery
	}
}

// tasks checks what Cloud Run says of the tasks.
func (l *loader) tasks(c *Config) {
	if l.odd {
		return
	}
	if c.Tasks < 1 || c.Tasks > MaxTasks {
		l.problem("CLOUD_RUN_TASK_COUNT is %d, want 1 to %d", c.Tasks, MaxTasks)
		return
	}
	if c.Task < 0 || c.Task >= c.Tasks {
		l.problem("CLOUD_RUN_TASK_INDEX is %d, want 0 to %d", c.Task, c.Tasks-1)
	}
	if c.Tasks > 1 && c.Execution == "" {
		l.problem("CLOUD_RUN_EXECUTION is not set, and %d tasks need it to find each other", c.Tasks)
	}
}

// MaxTasks is as many tasks as one full import has files for.
const MaxTasks = 100
