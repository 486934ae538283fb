package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"vertexmetadata/job/internal/pgurl"
)

// get returns the value of v or its default, and reports when it is needed and missing.
func (l *loader) get(v Variable) string {
	value := l.value(v.Name)
	if value == "" {
		value = v.Default
	}
	if value == "" && v.Needed && !(v.Name == "DATA_STORE_ID" && l.value("SYNCS") != "") {
		l.problem(v.Name+" is not set", fmt.Sprintf("set %s (%s)", v.Name, v.Meaning))
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
func name(field func(*Config) *string, form *regexp.Regexp, what, want string) func(*loader, *Config, Variable) {
	return func(l *loader, c *Config, v Variable) {
		value := l.get(v)
		if value != "" && !form.MatchString(value) {
			l.problem(v.Name+" is not "+what, "set "+v.Name+" to "+want)
		}
		*field(c) = value
	}
}

// noURL is a text that errors show, unless it is a URL that was meant for DATABASE_URL, password included.
func noURL(field func(*Config) *string) func(*loader, *Config, Variable) {
	return func(l *loader, c *Config, v Variable) {
		if *field(c) = l.get(v); strings.Contains(*field(c), "://") {
			l.problem(v.Name+" is a URL", fmt.Sprintf("set %s to the %s alone, or DATABASE_URL to the URL", v.Name, v.Meaning))
		}
	}
}

// databaseURL must be readable, or the run could not connect. No part of the value is in the problem.
func databaseURL(l *loader, c *Config, v Variable) {
	c.DatabaseURL = l.get(v)
	if c.DatabaseURL == "" {
		return
	}
	_, err := pgurl.Parse(c.DatabaseURL)
	if problem := (*pgurl.Problem)(nil); errors.As(err, &problem) {
		l.problem(problem.Text, problem.Remedy)
	}
}

// standIn is the address of a stand-in for one of Google's services, which is spoken to in plaintext. In the cloud nobody
// needs one on another machine but who wants the data sent there.
func standIn(field func(*Config) *string) func(*loader, *Config, Variable) {
	return func(l *loader, c *Config, v Variable) {
		*field(c) = l.get(v)
		switch _, address, _ := strings.Cut(*field(c), "://"); {
		case *field(c) != "" && l.onCloudRun() && !isLoopback(*field(c)):
			l.problem(v.Name+" is set, and on Cloud Run it may only name a loopback address", "unset "+v.Name)
		case strings.Contains(address, "@") && !strings.HasPrefix(*field(c), "http"): // a database's URL, password included
			l.problem(v.Name+" is not an address", "set "+v.Name+" to host:port")
		}
	}
}

// onCloudRun reports that the job runs as an execution of Cloud Run.
func (l *loader) onCloudRun() bool {
	return l.value("CLOUD_RUN_JOB") != "" || l.value("CLOUD_RUN_EXECUTION") != ""
}

// isLoopback reports that an address, host:port or an HTTP URL, is one of this machine.
func isLoopback(address string) bool {
	for _, scheme := range []string{"http://", "https://"} {
		address = strings.TrimSuffix(strings.TrimPrefix(address, scheme), "/")
	}
	host := address
	if h, port, err := net.SplitHostPort(address); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return false
		}
		host = h
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

func choice(field func(*Config) *string, allowed ...string) func(*loader, *Config, Variable) {
	return func(l *loader, c *Config, v Variable) {
		value := l.get(v)
		if !slices.Contains(allowed, value) {
			l.invalid(v.Name, value, oneOf(allowed))
		}
		*field(c) = value
	}
}

func oneOf(allowed []string) string {
	return "one of " + strings.TrimPrefix(strings.Join(allowed, ", "), ", ")
}

func number(field func(*Config) *int) func(*loader, *Config, Variable) {
	return func(l *loader, c *Config, v Variable) {
		value := l.get(v)
		n, err := strconv.Atoi(value)
		if err != nil {
			l.invalid(v.Name, value, "a whole number")
			l.odd = true
		}
		*field(c) = n
	}
}

func positive(field func(*Config) *int) func(*loader, *Config, Variable) {
	return func(l *loader, c *Config, v Variable) {
		n, err := strconv.Atoi(l.get(v))
		if err != nil || n < 1 {
			l.invalid(v.Name, l.get(v), "a whole number above 0")
		}
		*field(c) = n
	}
}

func duration(field func(*Config) *time.Duration) func(*loader, *Config, Variable) {
	return func(l *loader, c *Config, v Variable) {
		value := l.get(v)
		d, err := time.ParseDuration(value)
		if err != nil || d < 0 {
			l.invalid(v.Name, value, "a duration such as 90s, 2m or 24h")
		}
		*field(c) = d
	}
}

// statementTimeout takes what PostgreSQL accepts, in whole milliseconds of 31 bits. What it would round to 0 would be no
// limit at all; 0 itself leaves the choice to package source.
func statementTimeout(l *loader, c *Config, v Variable) {
	const longest = 24 * 24 * time.Hour
	d, err := time.ParseDuration(l.get(v))
	if err != nil || d != 0 && d < time.Millisecond || d > longest {
		l.invalid(v.Name, l.get(v), "0 or a duration from 1ms to 576h, such as 90s, 2m or 24h")
	}
	c.StatementTimeout = d
}

func boolean(field func(*Config) *bool) func(*loader, *Config, Variable) {
	return func(l *loader, c *Config, v Variable) {
		switch value := l.get(v); strings.ToLower(value) {
		case "true", "1":
			*field(c) = true
		case "false", "0":
		default:
			l.invalid(v.Name, value, "true or false")
		}
	}
}

// share reads 0.5 and 50%.
func share(value string) (float64, bool) {
	number, percent := strings.CutSuffix(value, "%")
	r, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		r /= 100
	}
	return r, err == nil && r >= 0 && r <= 1
}

func ratio(field func(*Config) *float64) func(*loader, *Config, Variable) {
	return func(l *loader, c *Config, v Variable) {
		value := l.get(v)
		r, ok := share(value)
		if !ok {
			l.invalid(v.Name, value, "a share from 0 to 1, such as 0.5 or 50%")
		}
		*field(c) = r
	}
}

func limit(l *loader, c *Config, v Variable) {
	value := l.get(v)
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && n >= 0 {
		c.MaxFailed = Limit{Count: n}
		return
	}
	r, ok := share(value)
	if !ok {
		l.invalid(v.Name, value, "a number of documents, such as 25, or a share of them, such as 1% or 0.01")
	}
	c.MaxFailed = Limit{Share: r}
}

// mimeType is type/subtype as it is registered (RFC 6838), in lower case: no wildcard and no parameter.
var mimeType = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*$`)
})

func mimeTypes(l *loader, c *Config, v Variable) {
	c.MIMETypes = l.mimeTypes(v.Name, l.get(v))
}

// unregistered are words for a type that people write and the services do not know, with the registered one.
// https://www.iana.org/assignments/media-types
var unregistered = map[string]string{
	"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png", "image/tif": "image/tiff", "image/svg": "image/svg+xml",
}

func (l *loader) mimeTypes(name, value string) (types []string) {
	for _, part := range l.list(name, strings.ToLower(value)) {
		switch {
		case !mimeType().MatchString(part):
			l.problem(fmt.Sprintf("%s has %s, which is not a MIME type", name, shown(part)), "set "+name+" to types such as image/png, separated by commas")
		case unregistered[part] != "":
			l.problem(fmt.Sprintf("%s has %q, which is not a registered MIME type", name, part), fmt.Sprintf("write %s in %s", unregistered[part], name))
		case !slices.Contains(types, part):
			types = append(types, part)
		}
	}
	return types
}

func buckets(l *loader, c *Config, v Variable) {
	value := l.get(v)
	if value == "" {
		return
	}
	c.ContentBuckets = l.list(v.Name, value)
	for _, name := range c.ContentBuckets {
		if !bucketName.MatchString(name) {
			l.problem(fmt.Sprintf("%s has %s, which is not a bucket's name", v.Name, shown(name)), "set "+v.Name+" to names of buckets, without gs://, separated by commas")
		}
	}
}

// list splits a value at its commas. One after the last entry does no harm; an entry that is empty may be one that was
// forgotten, and a list of nothing else would mean something else.
func (l *loader) list(name, value string) (parts []string) {
	for part := range strings.SplitSeq(strings.TrimSuffix(value, ","), ",") {
		if part = trim(part); part == "" {
			l.problem(name+" has an empty entry", "leave out the comma in "+name+" that has nothing before it")
			continue
		}
		parts = append(parts, part)
	}
	return parts
}

func unsupported(l *loader, _ *Config, v Variable) {
	if l.get(v) != "" {
		l.problem(v.Name+" is set, but this version does not write embeddings", "unset "+v.Name)
	}
}
