// Package pgurl reads DATABASE_URL. Its errors say what is wrong and what to write instead, and never quote any part of
// the value: where the value is not quite a URL, nobody knows which part of it is the password.
package pgurl

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
)

// Problem is what is wrong with the value, or with a variable that counts beside it.
type Problem struct{ Text, Remedy string }

func (p *Problem) Error() string { return p.Text + ": " + p.Remedy }

// Hint says what to do.
func (p *Problem) Hint() string { return p.Remedy }

// variable is where the value comes from.
const variable = "DATABASE_URL "

// and returns a problem that says both; either may be nil.
func (p *Problem) and(q *Problem) *Problem {
	switch {
	case p == nil:
		return q
	case q == nil:
		return p
	}
	return &Problem{p.Text + "; " + q.Text, p.Remedy + "; " + q.Remedy}
}

const (
	form   = "write it as postgres://user:password@host:5432/database, special characters in the password percent-encoded"
	encode = "percent-encode the user and the password: / as %2F, @ as %40, # as %23, ? as %3F, % as %25"
)

func notURL() *Problem { return &Problem{variable + "is not a libpq URL", form} }

// Parse returns the settings of a libpq URL, or of libpq's keyword form (host=… user=…), completed by libpq's variables of
// the environment (PGPASSWORD, …). Over TCP to another machine TLS is required unless sslmode says otherwise, and the
// password is not sent in clear text to a server whose certificate was not verified. Its errors are of type *Problem.
func Parse(raw string) (*pgconn.Config, error) {
	pairs, rest, err := split(raw)
	if err != nil {
		return nil, err
	}
	kept := make([]pair, 0, len(pairs))
	var wrong *Problem
	for _, p := range pairs {
		keep, problem := judge(p.name, p.value)
		wrong = wrong.and(problem)
		if keep {
			kept = append(kept, p)
		}
	}
	if wrong != nil {
		return nil, wrong
	}
	config, err := parse(rest, kept)
	if err != nil {
		return nil, explain(rest, kept, err)
	}
	if rest != "" && !hasUser(rest, kept) && slices.ContainsFunc(Addresses(config), func(f pgconn.FallbackConfig) bool { return !isHost(f.Host, rest) }) {
		return nil, &Problem{variable + "names no user, and what stands in place of the host may be something else", form}
	}
	if config, err = secure(rest, kept, config); err == nil {
		setVersions(config, pairs)
	}
	return config, err
}

// hasUser reports that the value, or PGUSER, says who logs in.
func hasUser(rest string, pairs []pair) bool {
	return strings.Contains(rest, "@") || given(pairs, "user", "PGUSER")
}

// isHost reports that a host is one beyond doubt, and may be named in errors: a password alone after the scheme, as in
// postgres://secret, looks like a host too.
func isHost(host, rest string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || Local(host) || strings.Contains(host, ".") && strings.Count(rest, "/") > 2
}

// pair is one parameter of the URL, decoded.
type pair struct{ name, value string }

var (
	keywordForm = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(?:\s*[A-Za-z_][A-Za-z0-9_.]*\s*=\s*(?:'(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)+))+\s*$`)
	})
	keyword = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)+)`)
	})
	paramName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`) })
)

// split takes the value apart: its parameters, and the URL without them, which is empty for the keyword form.
func split(raw string) (pairs []pair, rest string, err error) {
	if strings.HasPrefix(raw, `"`) || strings.HasPrefix(raw, "'") {
		return nil, "", &Problem{variable + "is in quotes", "leave the quotes out"}
	}
	scheme, after, found := strings.Cut(raw, "://")
	if !found {
		if !keywordForm().MatchString(raw) {
			return nil, "", notURL()
		}
		for _, m := range keyword().FindAllStringSubmatch(raw, -1) {
			pairs = append(pairs, pair{m[1], unquote(m[2])})
		}
		return pairs, "", nil
	}
	if scheme != "postgres" && scheme != "postgresql" {
		return nil, "", wrongScheme(scheme)
	}
	authority, tail := after, ""
	if end := strings.IndexAny(after, "/?#"); end >= 0 {
		authority, tail = after[:end], after[end:]
	}
	switch {
	case strings.Contains(tail, "@"), strings.Contains(tail, "#"), strings.Count(authority, "@") > 1:
		return nil, "", &Problem{variable + "has a /, ?, # or @ where none can be", encode}
	}
	base, query, _ := strings.Cut(raw, "?")
	for part := range strings.SplitSeq(query, "&") {
		if part == "" {
			continue
		}
		name, value, equals := strings.Cut(part, "=")
		decoded, err := url.PathUnescape(value)
		if err != nil || !equals || strings.Contains(value, "=") || !paramName().MatchString(name) {
			return nil, "", &Problem{variable + "has a parameter that is not name=value", "percent-encode its special characters: & as %26, = as %3D, % as %25"}
		}
		pairs = append(pairs, pair{name, decoded})
	}
	return pairs, base, nil
}

// unquote reads a value of the keyword form.
func unquote(value string) string {
	if strings.HasPrefix(value, "'") {
		value = value[1 : len(value)-1]
	}
	var plain strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] == '\\' && i+1 < len(value) {
			i++
		}
		plain.WriteByte(value[i])
	}
	return plain.String()
}

// wrongScheme says which scheme it is where that is a word that everybody knows: any other may be part of a password.
func wrongScheme(scheme string) *Problem {
	scheme = strings.ToLower(scheme)
	base, driver, _ := strings.Cut(scheme, "+")
	switch {
	case scheme == "postgres" || scheme == "postgresql":
		return &Problem{variable + "does not begin with postgres:// in lower case", form}
	case (base == "postgres" || base == "postgresql") && knownDrivers[driver]:
		return &Problem{variable + "is a URL of SQLAlchemy", "leave +" + driver + " out: begin it with postgresql://"}
	case base == "postgres" || base == "postgresql":
		return &Problem{variable + "names a driver", "leave it out: begin it with postgresql://"}
	case scheme == "jdbc:postgresql" || scheme == "jdbc:pgsql":
		return &Problem{variable + "is a URL of JDBC", "leave jdbc: out, and write the user and the password before the host: postgresql://user:password@host:5432/database"}
	case knownSchemes[scheme]:
		return &Problem{variable + "begins with " + scheme + "://", "name a PostgreSQL database: begin it with postgres://"}
	}
	return notURL()
}

var (
	knownDrivers = map[string]bool{"psycopg": true, "psycopg2": true, "asyncpg": true, "pg8000": true, "psycopg2cffi": true, "psycopg_async": true}
	knownSchemes = map[string]bool{
		"mysql": true, "mysql2": true, "mariadb": true, "sqlserver": true, "mssql": true, "oracle": true, "sqlite": true, "mongodb": true,
		"redis": true, "http": true, "https": true, "file": true, "cockroachdb": true, "prisma": true, "pgsql": true, "psql": true, "pgx": true,
	}
)

// parse hands what is left to pgconn.
func parse(rest string, pairs []pair) (*pgconn.Config, error) {
	if rest == "" {
		words := make([]string, len(pairs))
		escape := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
		for i, p := range pairs {
			words[i] = p.name + "='" + escape.Replace(p.value) + "'"
		}
		return pgconn.ParseConfig(strings.Join(words, " "))
	}
	values := make([]string, len(pairs))
	for i, p := range pairs {
		values[i] = p.name + "=" + strings.ReplaceAll(url.QueryEscape(p.value), "+", "%20")
	}
	if len(values) > 0 {
		rest += "?" + strings.Join(values, "&")
	}
	return pgconn.ParseConfig(rest)
}

// explain says why pgconn refuses what looks right: a variable of the environment, a file, or a value.
func explain(rest string, pairs []pair, err error) *Problem {
	if name := guiltyVariable(func() error { _, err := parse(rest, pairs); return err }); name != "" {
		return &Problem{name + " of the environment, which counts beside DATABASE_URL, has a value that libpq does not take", "unset " + name + ", or correct it"}
	}
	var file *fs.PathError
	if errors.As(err, &file) { // of a certificate, a key or a service file
		return &Problem{fmt.Sprintf(variable+"names %s, which cannot be read (%v)", file.Path, file.Err), "correct the path, or mount the file"}
	}
	if hasKey, hasCert := given(pairs, "sslkey", ""), given(pairs, "sslcert", ""); hasKey != hasCert {
		return &Problem{variable + "has only one of sslcert and sslkey", "set both, or neither"}
	}
	for i, p := range pairs {
		if _, known := parameters[p.name]; !known || i == 0 && len(pairs) == 1 && rest == "" {
			continue
		}
		others := append(append([]pair{}, pairs[:i]...), pairs[i+1:]...)
		if _, err := parse(rest, others); err == nil {
			if p.name == "service" {
				return &Problem{variable + "names a service that is not in the service file", "write host, database and user in place of service, or correct servicefile"}
			}
			return &Problem{variable + "has a value of " + p.name + " that is not valid", "correct it: https://www.postgresql.org/docs/current/libpq-connect.html lists the values"}
		}
	}
	return &Problem{variable + "is not a libpq URL", encode}
}
