// Package pgurl reads DATABASE_URL. Its errors say what is wrong and what to write instead, and never quote any part of
// the value: where the value is not quite a URL, nobody knows which part of it is the password.
package pgurl

import (
	"cmp"
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

	"vertexmetadata/job/internal/refusal"
)

// problem is what is wrong with the value.
func problem(text, remedy string) *refusal.Advice {
	return &refusal.Advice{Text: "DATABASE_URL " + text, Remedy: remedy, Config: true}
}

const (
	form   = "write it as postgres://user:password@host:5432/database, special characters in the password percent-encoded"
	encode = "percent-encode the user and the password: / as %2F, @ as %40, # as %23, ? as %3F, % as %25"
)

func notURL() *refusal.Advice { return problem("is not a libpq URL", form) }

// Parse returns the settings of a libpq URL, completed by libpq's variables of the environment (PGPASSWORD, …). Over TCP to
// another machine TLS is required unless sslmode says otherwise, and the password is not sent in clear text to a server
// whose certificate was not verified. Its errors are of type *refusal.Advice.
func Parse(raw string) (*pgconn.Config, error) {
	pairs, base, err := split(raw)
	if err != nil {
		return nil, err
	}
	var kept []pair
	var wrong []*refusal.Advice
	for _, p := range pairs {
		keep, advice := judge(p.name, p.value)
		if advice != nil {
			wrong = append(wrong, advice)
		}
		if keep {
			kept = append(kept, p)
		}
	}
	if len(wrong) > 0 {
		return nil, refusal.Join("", wrong)
	}
	config, err := parse(base, kept)
	if err != nil {
		return nil, explain(base, kept, err)
	}
	if !hasUser(base, kept) && slices.ContainsFunc(Addresses(config), func(f pgconn.FallbackConfig) bool { return !isHost(f.Host, base) }) {
		return nil, problem("names no user, and what stands in place of the host may be something else", form)
	}
	if config, err = secure(base, kept, config); err == nil {
		setVersions(config, pairs)
	}
	return config, err
}

// hasUser reports that the value, or PGUSER, says who logs in.
func hasUser(base string, pairs []pair) bool {
	return strings.Contains(base, "@") || given(pairs, "user", "PGUSER")
}

// isHost reports that a host is one beyond doubt, and may be named in errors: a password alone after the scheme, as in
// postgres://secret, looks like a host too.
func isHost(host, base string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || Local(host) || strings.Contains(host, ".") && strings.Count(base, "/") > 2
}

// pair is one parameter of the URL, decoded.
type pair struct{ name, value string }

var paramName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`) })

// split takes the value apart: its parameters, and the URL without them.
func split(raw string) (pairs []pair, base string, err error) {
	if strings.HasPrefix(raw, `"`) || strings.HasPrefix(raw, "'") {
		return nil, "", problem("is in quotes", "leave the quotes out")
	}
	scheme, after, found := strings.Cut(raw, "://")
	if !found || scheme != "postgres" && scheme != "postgresql" {
		return nil, "", wrongScheme(strings.ToLower(scheme))
	}
	authority, tail := after, ""
	if end := strings.IndexAny(after, "/?#"); end >= 0 {
		authority, tail = after[:end], after[end:]
	}
	if strings.ContainsAny(tail, "@#") || strings.Count(authority, "@") > 1 {
		return nil, "", problem("has a /, ?, # or @ where none can be", encode)
	}
	base, query, _ := strings.Cut(raw, "?")
	for part := range strings.SplitSeq(query, "&") {
		if part == "" {
			continue
		}
		name, value, equals := strings.Cut(part, "=")
		decoded, err := url.PathUnescape(value)
		if err != nil || !equals || strings.Contains(value, "=") || !paramName().MatchString(name) {
			return nil, "", problem("has a parameter that is not name=value", "percent-encode its special characters: & as %26, = as %3D, % as %25")
		}
		pairs = append(pairs, pair{name, decoded})
	}
	return pairs, base, nil
}

// wrongScheme says which scheme it is where that is a word that everybody knows: any other may be part of a password.
func wrongScheme(scheme string) *refusal.Advice {
	switch base, _, isDriver := strings.Cut(scheme, "+"); {
	case scheme == "jdbc:postgresql":
		return problem("is a URL of JDBC", "leave jdbc: out, and write the user and the password before the host: postgresql://user:password@host:5432/database")
	case isDriver && (base == "postgres" || base == "postgresql"):
		return problem("names a driver", "leave it out: begin it with postgresql://")
	}
	return notURL()
}

// parse hands what is left to pgconn.
func parse(base string, pairs []pair) (*pgconn.Config, error) {
	values := make([]string, len(pairs))
	for i, p := range pairs {
		values[i] = p.name + "=" + strings.ReplaceAll(url.QueryEscape(p.value), "+", "%20")
	}
	if len(values) > 0 {
		base += "?" + strings.Join(values, "&")
	}
	return pgconn.ParseConfig(base)
}

// explain says why pgconn refuses what looks right: a variable of the environment, a file, or a value.
func explain(base string, pairs []pair, err error) *refusal.Advice {
	if name := guiltyVariable(func() error { _, err := parse(base, pairs); return err }); name != "" {
		return &refusal.Advice{
			Text:   name + " of the environment, which counts beside DATABASE_URL, has a value that libpq does not take",
			Remedy: "unset " + name + ", or correct it", Config: true,
		}
	}
	var file *fs.PathError
	if errors.As(err, &file) { // of a certificate, a key or a service file
		return problem(fmt.Sprintf("names %s, which cannot be read (%v)", file.Path, file.Err), "correct the path, or mount the file")
	}
	if given(pairs, "sslkey", "") != given(pairs, "sslcert", "") {
		return problem("has only one of sslcert and sslkey", "set both, or neither")
	}
	for i, p := range pairs {
		known, isKnown := parameters[p.name]
		if !isKnown {
			continue
		}
		if _, err := parse(base, slices.Delete(slices.Clone(pairs), i, i+1)); err == nil {
			return problem("has a value of "+p.name+" that is not valid", cmp.Or(known.remedy, "correct it: https://www.postgresql.org/docs/current/libpq-connect.html lists the values"))
		}
	}
	return problem("is not a libpq URL", encode)
}
