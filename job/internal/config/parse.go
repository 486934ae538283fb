package config

import (
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

// databaseURL must be readable, or the run could not connect. No part of the value is in the problem.
func databaseURL(l *loader, c *Config, v Variable) {
	c.DatabaseURL = l.get(v)
	if c.DatabaseURL == "" {
		return
	}
	if _, err := pgurl.Parse(c.DatabaseURL); err != nil {
		l.problem("%s %v", v.Name, err)
	}
}

// standIn is the address of a stand-in for one of Google's services, which is spoken to in plaintext. In the cloud nobody
// needs one on another machine but who wants the data sent there.
func standIn(field func(*Config) *string) func(*loader, *Config, Variable) {
	return func(l *loader, c *Config, v Variable) {
		*field(c) = l.get(v)
		if *field(c) != "" && l.onCloudRun() && !isLoopback(*field(c)) {
			l.problem("%s is set, and on Cloud Run it may only name a loopback address; unset it", v.Name)
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
			l.problem("%s is %q, want one of %s", v.Name, value, strings.TrimPrefix(strings.Join(allowed, ", "), ", "))
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

// statementTimeout takes what PostgreSQL accepts, in whole milliseconds of 31 bits. What it would round to 0 would be no
// limit at all; 0 itself leaves the choice to package source.
func statementTimeout(l *loader, c *Config, v Variable) {
	const longest = 24 * 24 * time.Hour
	d, err := time.ParseDuration(l.get(v))
	if err != nil || d != 0 && d < time.Millisecond || d > longest {
		l.problem("%s is %q, want 0 or a duration from 1ms to 576h, such as 90s, 2m or 24h", v.Name, l.get(v))
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
			l.problem("%s is %q, want true or false", v.Name, value)
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
			l.problem("%s is %q, want a share from 0 to 1, such as 0.5 or 50%%", v.Name, value)
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
		l.problem("%s is %q, want a number of documents, such as 25, or a share of them, such as 1%% or 0.01", v.Name, value)
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

func (l *loader) mimeTypes(name, value string) (types []string) {
	for _, part := range list(value) {
		part = strings.ToLower(part)
		if !mimeType().MatchString(part) {
			l.problem("%s has %q, which is no MIME type such as image/png", name, part)
		}
		types = append(types, part)
	}
	if len(types) == 0 {
		l.problem("%s names no MIME type", name)
	}
	return types
}

func buckets(l *loader, c *Config, v Variable) {
	c.ContentBuckets = list(l.get(v))
	for _, name := range c.ContentBuckets {
		if !bucketName.MatchString(name) {
			l.problem("%s has %q, which is no bucket's name: the name alone, without gs://", v.Name, name)
		}
	}
}

// list splits a value at its commas.
func list(value string) (parts []string) {
	for part := range strings.SplitSeq(value, ",") {
		if part = trim(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

func unsupported(l *loader, _ *Config, v Variable) {
	if l.get(v) != "" {
		l.problem("%s is set, but this version does not write embeddings; unset it", v.Name)
	}
}
