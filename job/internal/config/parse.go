package config

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"vertexmetadata/job/internal/pgurl"
	"vertexmetadata/job/internal/refusal"
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

// setter reads the value of a variable into its field.
type setter func(l *loader, v Variable, value string)

func text(field *string) setter {
	return func(_ *loader, _ Variable, value string) { *field = value }
}

func query(field *string) setter {
	return func(l *loader, v Variable, value string) {
		if *field = value; !isText(value) {
			l.problem(v.Name+" is not UTF-8", "write it in UTF-8")
		}
	}
}

// parsed is a value of a certain form, which want says.
func parsed[T any](field *T, parse func(value string) (T, bool), want string) setter {
	return func(l *loader, v Variable, value string) {
		var ok bool
		if *field, ok = parse(value); !ok {
			l.invalid(v.Name, value, want)
		}
	}
}

// What names look like, as far as a mistake must show here: the services have rules of their own.
var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)
	resourceID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]*$`)
)

// name is a text of a certain form. The value stays out of the problem: it comes from Secret Manager.
func name(field *string, form *regexp.Regexp, what, want string) setter {
	return func(l *loader, v Variable, value string) {
		if *field = value; value != "" && !form.MatchString(value) {
			l.problem(v.Name+" is not "+what, "set "+v.Name+" to "+want)
		}
	}
}

// noURL is a text that errors show, unless it is a URL that was meant for DATABASE_URL, password included.
func noURL(field *string) setter {
	return func(l *loader, v Variable, value string) {
		if *field = value; strings.Contains(value, "://") {
			l.problem(v.Name+" is a URL", fmt.Sprintf("set %s to the %s alone, or DATABASE_URL to the URL", v.Name, v.Meaning))
		}
	}
}

// databaseURL must be readable, or the run could not connect. No part of the value is in the problem.
func databaseURL(field *string) setter {
	return func(l *loader, _ Variable, value string) {
		if *field = value; value == "" {
			return
		}
		if _, err := pgurl.Parse(value); err != nil {
			l.problem(refusal.Split(err))
		}
	}
}

// standIn is the address of a stand-in for one of Google's services, which is spoken to in plaintext. In the cloud nobody
// needs one on another machine but who wants the data sent there.
func standIn(field *string, used *[]string) setter {
	return func(l *loader, v Variable, value string) {
		if *field = value; value == "" {
			return
		}
		*used = append(*used, v.Name)
		onCloudRun := l.value("CLOUD_RUN_JOB") != "" || l.value("CLOUD_RUN_EXECUTION") != ""
		switch _, address, _ := strings.Cut(value, "://"); {
		case onCloudRun && !isLoopback(value):
			l.problem(v.Name+" is set, and on Cloud Run it may only name a loopback address", "unset "+v.Name)
		case strings.Contains(address, "@") && !strings.HasPrefix(value, "http"): // a database's URL, password included
			l.problem(v.Name+" is not an address", "set "+v.Name+" to host:port")
		}
	}
}

// isLoopback reports that an address, host:port or an HTTP URL, is one of this machine.
func isLoopback(address string) bool {
	rest, isHTTP := strings.CutPrefix(address, "http://")
	if !isHTTP {
		rest = strings.TrimPrefix(address, "https://")
	}
	host := strings.TrimSuffix(rest, "/")
	if h, port, err := net.SplitHostPort(host); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return false
		}
		host = h
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

func choice(field *string, allowed ...string) setter {
	isAllowed := func(value string) (string, bool) { return value, slices.Contains(allowed, value) }
	return parsed(field, isAllowed, "one of "+strings.TrimPrefix(strings.Join(allowed, ", "), ", "))
}

// What those forms are called that several variables have.
const (
	aboveZero = "a whole number above 0"
	aDuration = "a duration such as 90s, 2m or 24h"
	aShare    = "a share from 0 to 1, such as 0.5 or 50%"
)

func whole(least int) func(string) (int, bool) {
	return func(value string) (int, bool) {
		n, err := strconv.Atoi(value)
		return n, err == nil && n >= least
	}
}

func duration(value string) (time.Duration, bool) {
	d, err := time.ParseDuration(value)
	return d, err == nil && d >= 0
}

// timeout takes what PostgreSQL accepts, in whole milliseconds of 31 bits. What it would round to 0 would be no limit at
// all; 0 itself leaves the choice to package source.
func timeout(value string) (time.Duration, bool) {
	d, ok := duration(value)
	return d, ok && d <= 24*24*time.Hour && (d == 0 || d >= time.Millisecond)
}

func boolean(value string) (is, ok bool) {
	is = strings.EqualFold(value, "true") || value == "1"
	return is, is || strings.EqualFold(value, "false") || value == "0"
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

func limit(value string) (Limit, bool) {
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		return Limit{Count: n}, n >= 0
	}
	r, ok := share(value)
	return Limit{Share: r}, ok
}

// mimeType is type/subtype as it is registered (RFC 6838), in lower case: no wildcard and no parameter.
var mimeType = regexp.MustCompile(`^[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*$`)

// unregistered are words for a type that people write and the services do not know, with the registered one.
// https://www.iana.org/assignments/media-types
var unregistered = map[string]string{
	"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png", "image/tif": "image/tiff", "image/svg": "image/svg+xml",
}

func mimeTypes(field *[]string) setter {
	return func(l *loader, v Variable, value string) {
		*field = l.list(v, strings.ToLower(value))
		for _, entry := range *field {
			if !mimeType.MatchString(entry) {
				l.problem(fmt.Sprintf("%s has %s, which is not a MIME type", v.Name, shown(entry)), "set "+v.Name+" to types such as image/png, separated by commas")
			} else if registered := unregistered[entry]; registered != "" {
				l.problem(fmt.Sprintf("%s has %q, which is not a registered MIME type", v.Name, entry), fmt.Sprintf("write %s in %s", registered, v.Name))
			}
		}
	}
}

func buckets(field *[]string) setter {
	return func(l *loader, v Variable, value string) {
		*field = l.list(v, value)
		for _, name := range *field {
			if !bucketName.MatchString(name) {
				l.problem(fmt.Sprintf("%s has %s, which is not a bucket's name", v.Name, shown(name)), "set "+v.Name+" to names of buckets, without gs://, separated by commas")
			}
		}
	}
}

// list splits a value at its commas. One after the last entry does no harm; an entry that is empty may be one that was
// forgotten, and a list of nothing else would mean something else.
func (l *loader) list(v Variable, value string) (entries []string) {
	if value == "" {
		return nil
	}
	for entry := range strings.SplitSeq(strings.TrimSuffix(value, ","), ",") {
		if entry = trim(entry); entry == "" {
			l.problem(v.Name+" has an empty entry", "leave out the comma in "+v.Name+" that has nothing before it")
			continue
		}
		entries = append(entries, entry)
	}
	return entries
}

func unsupported(l *loader, v Variable, value string) {
	if value != "" {
		l.problem(v.Name+" is set, but this version does not write embeddings", "unset "+v.Name)
	}
}
