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
	"unicode"
	"unicode/utf8"

	"vertexmetadata/job/internal/refusal"
)

// Config is the job's configuration. Variables lists where each field comes from.
type Config struct {
	DatabaseURL  string // libpq URL; when set, neither Cloud SQL nor Secret Manager is used
	Instance     string // Cloud SQL connection name, project:region:instance
	SocketDir    string // directory in which Cloud Run mounts the sockets of Cloud SQL
	DatabaseName string
	DatabaseUser string
	IAMAuth      bool   // log in with the account's own token
	IPType       string // private, psc or public: by Google's connector; empty: by the mounted socket

	Project       string // project id or number of the password secret and of the data store
	SecretID      string // the database password
	SecretVersion string

	Bucket string

	DiscoveryEngineEndpoint string // host:port, plaintext, for a stand-in; empty: Google
	SecretManagerEndpoint   string
	StorageEmulatorHost     string // address of a stand-in, which the storage client reads by itself
	// StandIns names the variables by which stand-ins take the place of Google's services: a run should warn of them.
	StandIns []string

	Sync                      // the one that this is the configuration of, see With
	Syncs            []Sync   // what to sync: those of SYNCS, or one without a name
	QueryOrigin      string   // where Query comes from
	ContentBuckets   []string // that content may come from; empty: any
	MaxDocumentBytes int      // of one document line

	ImportWait       time.Duration // how long a run waits for its import
	FullSyncInterval time.Duration // how often everything is imported again
	RescanInterval   time.Duration // how long table statistics may stand in for a scan; 0: never
	MaxDeleteRatio   float64       // share of the documents that one run may delete
	MaxChangeRatio   float64       // share of the documents that one run may change; 1: no limit
	MaxFailed        Limit         // failed documents that a run tolerates
	StatementTimeout time.Duration // of the scan

	Task, Tasks, Attempt int // this task's index, their number, and which attempt this is
	Execution            string

	LogLevel string // info or debug
}

// Limit is a number of documents or a share of them.
type Limit struct {
	Count int64
	Share float64 // counts if it is not 0
}

// Of returns how many of all documents the limit allows.
func (l Limit) Of(all int64) int64 {
	if l.Share > 0 {
		return int64(l.Share*float64(all) + 1e-9) // 0.29 of 100 is a little less than 29 in binary
	}
	return l.Count
}

// With returns the configuration of one of c.Syncs.
func (c Config) With(s Sync) Config {
	if s.Query != c.Query {
		c.QueryOrigin = "SYNCS"
	}
	c.Sync = s
	return c
}

//go:embed query.sql
var queryFile string

// DefaultQuery reads the posts that are public and whose image is stored.
var DefaultQuery = strings.TrimSpace(queryFile)

// Load reads the configuration with getenv, which is os.Getenv but for tests. Its error is a *refusal.Advice, caused by one
// for each problem; what could be read is returned with it. No value that comes from Secret Manager is in an error.
func Load(getenv func(string) string) (Config, error) {
	l := &loader{getenv: getenv}
	var c Config
	for _, v := range variables(&c) {
		if v.set != nil {
			v.set(l, v, l.get(v))
		}
	}
	l.connection(&c)
	l.query(&c)
	l.syncs(&c)
	if c.Tasks > 0 && c.Task >= c.Tasks { // it would have no sync, and say so as if that were right
		l.invalid("CLOUD_RUN_TASK_INDEX", strconv.Itoa(c.Task), "a number below CLOUD_RUN_TASK_COUNT")
	}
	if len(l.problems) > 0 {
		return c, refusal.Join("configuration: ", l.problems)
	}
	return c, nil
}

// loader collects what is wrong while it reads.
type loader struct {
	getenv   func(string) string
	problems []*refusal.Advice
}

func (l *loader) problem(text, remedy string) {
	l.problems = append(l.problems, &refusal.Advice{Text: text, Remedy: remedy, Config: true})
}

// invalid reports a value that is none of those wanted, under the name of its variable or field.
func (l *loader) invalid(name, value, want string) {
	l.problem(name+" is "+shown(value), "set "+name+" to "+want)
}

// longestShown is as much of a value as an error shows, in characters.
const longestShown = 80

// shown quotes a value, unless it may hold a password.
func shown(value string) string {
	if isURL(value) || len(value) > longestShown {
		return "a value that is not shown here"
	}
	return strconv.Quote(value)
}

// isURL reports that a value looks like a URL that was meant for another variable, password included.
func isURL(value string) bool {
	return strings.Contains(value, "@") || strings.Contains(strings.TrimPrefix(value, "gs://"), "://")
}

// value returns a variable without what editors and shells leave around it: white space, line ends, a byte order mark.
func (l *loader) value(name string) string { return trim(l.getenv(name)) }

func trim(value string) string { return strings.TrimFunc(value, isMargin) }

// isMargin reports what nobody sees: white space, and format characters such as the byte order mark or a zero width space.
func isMargin(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }

// connection checks that there is one way to the database.
func (l *loader) connection(c *Config) {
	if c.DatabaseURL != "" {
		if c.IPType != "" {
			l.problem("both DATABASE_URL and CLOUD_SQL_IP_TYPE are set", "unset one of DATABASE_URL and CLOUD_SQL_IP_TYPE")
		}
		return
	}
	if c.IAMAuth { // PostgreSQL knows a service account without the end of its address
		c.DatabaseUser = strings.TrimSuffix(c.DatabaseUser, ".gserviceaccount.com")
	}
	for _, v := range []struct{ name, value string }{{"DB_NAME", c.DatabaseName}, {"DB_USER", c.DatabaseUser}, {"SECRET_ID", c.SecretID}} {
		if v.value == "" && !(c.IAMAuth && v.name == "SECRET_ID") {
			l.problem(v.name+" is not set", connectionRemedy)
		}
	}
	legacy := l.value("GCP_PROJECT")
	switch {
	case c.Instance != "":
		if !isInstance(c.Instance) {
			l.invalid("CLOUD_SQL_INSTANCE", c.Instance, "project:region:instance")
		}
	case isInstance(legacy):
		c.Instance = legacy
	default:
		l.problem("CLOUD_SQL_INSTANCE is not set, and GCP_PROJECT does not have its form project:region:instance", connectionRemedy)
	}
}

const connectionRemedy = "set DB_NAME, DB_USER, SECRET_ID and CLOUD_SQL_INSTANCE, or DATABASE_URL alone"

// isInstance reports that s looks like a connection name. The project may itself hold a colon: example.com:project.
func isInstance(s string) bool {
	parts := strings.Split(s, ":")
	return (len(parts) == 3 || len(parts) == 4) && !slices.Contains(parts, "") && !strings.ContainsAny(s, "/ ")
}

// query takes the query from SYNC_QUERY or from the file that SYNC_QUERY_FILE names.
func (l *loader) query(c *Config) {
	file := l.value("SYNC_QUERY_FILE")
	switch {
	case file == "" && c.Query == "":
		c.Query, c.QueryOrigin = DefaultQuery, "the default; set SYNC_QUERY or SYNC_QUERY_FILE to another SELECT"
		return
	case file == "":
		c.QueryOrigin = "SYNC_QUERY"
		return
	case c.Query != "":
		l.problem("both SYNC_QUERY and SYNC_QUERY_FILE are set", "unset one of SYNC_QUERY and SYNC_QUERY_FILE")
		return
	}
	named := "SYNC_QUERY_FILE " + file
	if isURL(file) {
		named = "SYNC_QUERY_FILE, whose value is not shown here,"
	}
	text, err := os.ReadFile(file)
	c.Query, c.QueryOrigin = trim(string(text)), named
	switch path := (*os.PathError)(nil); {
	case errors.As(err, &path):
		l.problem(fmt.Sprintf("%s cannot be read: %v", named, path.Err), "correct the path in SYNC_QUERY_FILE, or mount the file")
	case !isText(string(text)):
		l.problem(named+" is not UTF-8", "save it as UTF-8")
	case c.Query == "":
		l.problem(named+" is empty", "write the query into it, or unset SYNC_QUERY_FILE for the default query")
	}
}

// isText reports that text is UTF-8. UTF-16 may look so, but for its zero bytes.
func isText(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }
