package stack

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed variables.json
var variablesFile []byte

// kindOf is what the job takes in a variable: a test of the job tries the examples on the job itself, one of ours on checks.
type kindOf struct {
	Kind             string
	Want             string
	Accepts, Refuses []string
}

// variableOf is a variable that the job reads.
type variableOf struct{ Name, Kind string }

// table is variables.json.
var table = func() (t struct {
	Kinds     []kindOf
	Variables []variableOf
},
) {
	if err := json.Unmarshal(variablesFile, &t); err != nil {
		panic(fmt.Sprintf("read variables.json: %v", err)) // it is compiled in and tested
	}
	return t
}()

// variables are the variables that the job reads, by name.
var variables = func() map[string]variableOf {
	byName := map[string]variableOf{}
	for _, v := range table.Variables {
		byName[v.Name] = v
	}
	return byName
}()

// refuse says what the job wants in a variable where it would not take a value; empty: it takes it.
func (v variableOf) refuse(value string) string {
	if checks[v.Kind](strings.TrimSpace(value)) {
		return ""
	}
	i := slices.IndexFunc(table.Kinds, func(k kindOf) bool { return k.Kind == v.Kind })
	return table.Kinds[i].Want
}

var (
	mimeType = regexp.MustCompile(`^[A-Za-z0-9][\w!#$&^.+-]*/[A-Za-z0-9][\w!#$&^.+-]*$`)
	// unregistered are those that the job refuses and names the registered one for.
	unregistered = regexp.MustCompile(`(?i)^image/(jpg|pjpeg|x-png|tif|svg)$`)
	plainID      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]*$`)
	plainNames   = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)
)

// checks are the job's rules by kind, as strict as the job's.
var checks = map[string]func(string) bool{
	"text":   func(string) bool { return true },
	"unset":  func(v string) bool { return v == "" },
	"bucket": func(v string) bool { return v == "" || plainNames.MatchString(v) },
	"id":     func(v string) bool { return v == "" || plainID.MatchString(v) },
	"duration": func(v string) bool {
		d, err := time.ParseDuration(v)
		return v == "" || err == nil && d >= 0
	},
	"timeout": func(v string) bool {
		d, err := time.ParseDuration(v)
		return v == "" || err == nil && (d == 0 || d >= time.Millisecond && d <= 576*time.Hour)
	},
	"ratio": func(v string) bool {
		number, percent := strings.CutSuffix(v, "%")
		f, err := strconv.ParseFloat(number, 64)
		return v == "" || err == nil && f >= 0 && (f <= 1 || percent && f <= 100)
	},
	"limit":    isLimit,
	"positive": func(v string) bool { n, err := strconv.Atoi(v); return v == "" || err == nil && n > 0 },
	"instance": func(v string) bool { return v == "" || anyInstance.MatchString(v) },
	"boolean":  func(v string) bool { return v == "" || v == "true" || v == "false" },
	"location": func(v string) bool { return slices.Contains([]string{"", "global", "us", "eu"}, v) },
	"level":    func(v string) bool { return slices.Contains([]string{"", "info", "debug"}, v) },
	"ip type":  func(v string) bool { return slices.Contains([]string{"", "public", "private", "psc"}, v) },
	"mime types": func(v string) bool {
		return v == "" || !slices.ContainsFunc(items(v), func(item string) bool { return !mimeType.MatchString(item) || unregistered.MatchString(item) })
	},
	"buckets": func(v string) bool {
		return v == "" || !slices.ContainsFunc(items(v), func(item string) bool { return !plainNames.MatchString(item) })
	},
}

// isLimit is a number, or a share as 0.5 or 1%.
func isLimit(v string) bool {
	number, percent := strings.CutSuffix(v, "%")
	f, err := strconv.ParseFloat(number, 64)
	return v == "" || err == nil && f >= 0 && f <= 1e12 && (!percent || f <= 100)
}

// items are the parts of a list that commas separate. A comma at its end does no harm.
func items(list string) []string {
	parts := strings.Split(strings.TrimSuffix(list, ","), ",")
	for i, part := range parts {
		parts[i] = strings.TrimSpace(part)
	}
	return parts
}

// elsewhere are variables that have a setting of their own, or that a deployed job has no use for.
var elsewhere = map[string]string{
	"GCS_BUCKET": "set {bucket}", "DATA_STORE_ID": "set {dataStore}", "DB_NAME": "set {database}", "DB_USER": "set {databaseUser}",
	"SECRET_ID": "set {dbPasswordSecret}", "VERSION_ID": "set {dbPasswordSecret}, as secret:version",
	"PROJECT_ID": "it follows from {dataStore}", "CLOUD_SQL_INSTANCE": "set {cloudSqlInstance}", "GCP_PROJECT": "set {cloudSqlInstance}",
	"CLOUD_SQL_IP_TYPE": "set {cloudSqlIpType}", "DB_IAM_AUTH": "set {databaseAuth} to iam", "GCP_LOCATION": "set {dataStoreLocation}",
	"SYNCS": "set {syncs}", "SYNC_QUERY_FILE": "set {syncQueryFile}; the image holds no query", "CLOUD_SQL_SOCKET_DIR": "Cloud Run mounts the socket where the job looks for it",
	"STORAGE_EMULATOR_HOST": standIn, "DISCOVERYENGINE_ENDPOINT": standIn, "SECRETMANAGER_ENDPOINT": standIn,
	"GEMINI_API_KEY": "it is a secret: name it under {secrets}", "DATABASE_URL": "it holds a password: put it into Secret Manager and name it under {secrets}",
}

const standIn = "it sends what the job reads to a stand-in, in plain text; leave it out"

// runtimeVariable matches what is not the job's own and yet has a use: the Go runtime's and the network's.
var runtimeVariable = regexp.MustCompile(`^(GODEBUG|GOGC|GOMEMLIMIT|GOMAXPROCS|GOTRACEBACK|TZ|HTTPS?_PROXY|NO_PROXY|SSL_CERT_(FILE|DIR)|GRPC_[A-Z_]+|GOOGLE_CLOUD_[A-Z_]+|GOOGLE_API_[A-Z_]+)$`)

// checkVariables holds plain variables against the job's own table.
func (a Args) checkVariables(p *problems) {
	for _, name := range slices.Sorted(maps.Keys(a.Env)) {
		value := a.Env[name]
		remedy, has := elsewhere[name]
		known, ours := variables[name]
		switch {
		case !variable.MatchString(name):
			p.add("env", "%s is not a variable name of capitals, digits and underscores", name)
		case strings.HasPrefix(name, "CLOUD_RUN_"):
			p.add("env", "%s is set by Cloud Run; leave it out", name)
		case has:
			p.add("env", "%s does not belong here: %s", name, remedy)
		case secretLike.MatchString(name):
			p.add("env", "%s looks like a secret; put it into Secret Manager and name it under {secrets}", name)
		case a.Secrets[name] != "":
			p.add("env", "%s is there and under {secrets}; keep one", name)
		case runtimeVariable.MatchString(name):
		case !ours:
			p.add("env", "%s is no variable of the job%s", name, suggestion(name))
		default:
			if want := known.refuse(value); want != "" {
				p.add("env", "%s is %q, which the job refuses; want %s", name, value, want)
			}
		}
	}
}

// suggestion names the variable that was probably meant.
func suggestion(name string) string {
	best, distance := "", 4
	for _, v := range table.Variables {
		if d := editDistance(name, v.Name); d < distance && elsewhere[v.Name] == "" {
			best, distance = v.Name, d
		}
	}
	if best == "" {
		return "; docs/ENVIRONMENT.md lists them"
	}
	return "; write " + best
}

// editDistance counts the letters that differ.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := before
			if a[i] != b[j] {
				cost++
			}
			before, row[j+1] = row[j+1], min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
