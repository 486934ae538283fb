package pgurl

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"vertexmetadata/job/internal/refusal"
)

const encoding = "percent-encode the user and the password: / as %2F, @ as %40, # as %23, ? as %3F, % as %25"

// whole is an error with its remedy.
func whole(err error) string {
	var advice *refusal.Advice
	if !errors.As(err, &advice) {
		return fmt.Sprint(err)
	}
	return advice.Text + ": " + advice.Remedy
}

func TestParseRefuses(t *testing.T) {
	const (
		noURL  = "is not a libpq URL: write it as postgres://user:password@host:5432/database, special characters in the password percent-encoded"
		noUser = "names no user, and what stands in place of the host may be something else: write it as postgres://user:password@host:5432/database, special characters in the password percent-encoded"
		middle = "has a /, ?, # or @ where none can be: " + encoding
		pairs  = "has a parameter that is not name=value: percent-encode its special characters: & as %26, = as %3D, % as %25"
	)
	for raw, want := range map[string]string{
		"postgres://app:4711/geheim@127.0.0.1:5432/app":                 middle,
		"postgres://app:pa@geheim@127.0.0.1:5432/app":                   middle,
		"postgres://app:pa#geheim@127.0.0.1:5432/app":                   middle,
		"postgres://app:pa?geheim@127.0.0.1:5432/app":                   middle,
		"postgres://app:pa?sslrootcert=geheim@127.0.0.1:5432/app":       middle,
		"postgres://app:a@pa?sslrootcert=geheim@127.0.0.1:5432/app":     middle,
		"postgres://app:geheim%@127.0.0.1/app":                          "is not a libpq URL: " + encoding,
		"postgres://app:geheim%zz@127.0.0.1/app":                        "is not a libpq URL: " + encoding,
		"postgres://app:ge heim@127.0.0.1/app":                          "is not a libpq URL: " + encoding,
		"postgres://app:geheim/app":                                     "is not a libpq URL: " + encoding,
		"jdbc:postgresql://app:geheim@h/app":                            "is a URL of JDBC: leave jdbc: out, and write the user and the password before the host: postgresql://user:password@host:5432/database",
		"postgresql+psycopg2://app:geheim@h/app":                        "names a driver: leave it out: begin it with postgresql://",
		"postgresql+geheim://app:geheim@h/app":                          "names a driver: leave it out: begin it with postgresql://",
		`"postgres://app:geheim@h/app"`:                                 "is in quotes: leave the quotes out",
		`'postgres://app:geheim@h/app'`:                                 "is in quotes: leave the quotes out",
		"mysql://app:geheim@h/app":                                      noURL,
		"geheim://app@h/app":                                            noURL,
		"POSTGRES://app:geheim@h/app":                                   noURL,
		"geheim":                                                        noURL,
		"postgres://geheim":                                             noUser,
		"postgres://geheim:5432":                                        noUser,
		"postgres://geheim?sslmode=require":                             noUser,
		"postgres://geheim/app":                                         noUser,
		"postgres://ge.heim":                                            noUser,
		"postgres://127.0.0.1,geheim/app":                               noUser,
		"host=h password=ge heim":                                       noURL,
		"host=h password=it's":                                          noURL,
		"app:geheim@h/app":                                              noURL,
		"postgres://app@h/app?geheim":                                   pairs,
		"postgres://app@h/app?password=ge&heim":                         pairs,
		"postgres://app@h/app?options=a=b":                              pairs,
		"postgres://app:geheim@h/app?schema=public":                     "has the parameter schema, which is not supported: use options=-csearch_path%3DNAME in place of schema",
		"postgres://app:geheim@h/app?connection_limit=5&pgbouncer=true": "has the parameter connection_limit, which is not supported; DATABASE_URL has the parameter pgbouncer, which is not supported: leave connection_limit out: the job opens one connection; leave pgbouncer out, and connect past the pooler or pool by session",
		"postgres://app:geheim@h/app?connection_limit=5":                "has the parameter connection_limit, which is not supported: leave connection_limit out: the job opens one connection",
		"postgres://app:geheim@h/app?pgbouncer=true":                    "has the parameter pgbouncer, which is not supported: leave pgbouncer out, and connect past the pooler or pool by session",
		"postgres://app:geheim@h/app?currentSchema=x":                   "has the parameter currentSchema, which is not supported: use options=-csearch_path%3DNAME in place of currentSchema",
		"postgres://app:geheim@h/app?SSLMODE=require":                   "has a parameter sslmode in capitals: write it in lower case",
		"postgres://app:geheim@h/app?sslmode=geheim":                    "has a value of sslmode that is not supported: set sslmode to one of disable, allow, prefer, require, verify-ca, verify-full",
		"postgres://app:geheim@h/app?gssencmode=require":                "has a value of gssencmode that is not supported: set gssencmode to one of disable, prefer",
		"postgres://app:geheim@h/app?connect_timeout=geheim":            "has a value of connect_timeout that is not valid: correct it: https://www.postgresql.org/docs/current/libpq-connect.html lists the values",
		"postgres://app:geheim@h/app?require_auth=geheim":               "has a value of require_auth that is not valid: correct it: https://www.postgresql.org/docs/current/libpq-connect.html lists the values",
		"postgres://app:geheim@h/app?sslrootcert=absent.pem":            "names absent.pem, which cannot be read (no such file or directory): correct the path, or mount the file",
		"postgres://app:geheim@h/app?sslkey=geheim":                     "has only one of sslcert and sslkey: set both, or neither",
		"postgres://app:geheim@h/app?service=geheim":                    "has a value of service that is not valid: write host, database and user in place of service, or correct servicefile",
		"postgres://app:geheim@h/app?ssl=false":                         "has a value of ssl that is not supported: use sslmode in place of ssl",
		"postgres://app:geheim@h/app?requiressl=1":                      "has the parameter requiressl, which is not supported: use sslmode=require in place of requiressl",
		"host=h user=app password=geheim schema=x":                      noURL,
	} {
		t.Run(raw, func(t *testing.T) {
			_, err := Parse(raw)
			if got := strings.TrimPrefix(whole(err), "DATABASE_URL "); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestParse(t *testing.T) {
	for raw, want := range map[string]pgconn.Config{
		"postgres://app:pa%2Fss%40%23%3F%25@127.0.0.1:5433/db":                                   {User: "app", Password: "pa/ss@#?%", Host: "127.0.0.1", Port: 5433, Database: "db"},
		"postgresql://app:a:b:c@localhost/db":                                                    {User: "app", Password: "a:b:c", Host: "localhost", Port: 5432, Database: "db"},
		"postgres://app:pass+word@localhost/db":                                                  {User: "app", Password: "pass+word", Host: "localhost", Port: 5432, Database: "db"},
		"postgres:///db?host=/sock&user=me%40example.com&password=x%26y":                         {User: "me@example.com", Password: "x&y", Host: "/sock", Port: 5432, Database: "db"},
		"postgres://app:x@localhost/db?keepalives=1&keepalives_idle=5&gssencmode=disable":        {User: "app", Password: "x", Host: "localhost", Port: 5432, Database: "db"},
		"postgres://app:x@localhost/db?tcp_user_timeout=1&client_encoding=utf8&sslcompression=0": {User: "app", Password: "x", Host: "localhost", Port: 5432, Database: "db"},
		"postgres://app:x@[::1]:5433/db?ssl_min_protocol_version=TLSv1.2":                        {User: "app", Password: "x", Host: "::1", Port: 5433, Database: "db"},
		"postgres://app:x@[::1]/db?ssl_min_protocol_version=&ssl_max_protocol_version=":          {User: "app", Password: "x", Host: "::1", Port: 5432, Database: "db"},
		"postgres://app:x@localhost:1,127.0.0.1:2/db":                                            {User: "app", Password: "x", Host: "localhost", Port: 1, Database: "db"},
	} {
		t.Run(raw, func(t *testing.T) {
			got, err := Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			if got.User != want.User || got.Password != want.Password || got.Host != want.Host || got.Port != want.Port || got.Database != want.Database {
				t.Errorf("got %s:%s@%s:%d/%s", got.User, got.Password, got.Host, got.Port, got.Database)
			}
		})
	}
}

// TestEncryption: the safe settings are the default where others could listen, and only there.
func TestEncryption(t *testing.T) {
	for _, tt := range []struct {
		raw       string
		tls       bool // on the first and only way
		plain     bool // some way is not encrypted
		auth      string
		defaulted bool
	}{
		{"postgres://u@db.example/d", true, false, "!password", true},
		{"postgres://u@10.0.0.1/d", true, false, "!password", true},
		{"postgres://u@localhost,db.example/d", true, false, "!password", true},
		{"postgres://u@db.example/d?sslmode=disable", false, true, "!password", false},
		{"postgres://u@db.example/d?sslmode=prefer", true, true, "!password", false},
		{"postgres://u@db.example/d?ssl=true", true, false, "!password", false},
		{"postgres://u@db.example/d?sslmode=verify-full", true, false, "", false},
		{"postgres://u@db.example/d?sslmode=require&require_auth=scram-sha-256", true, false, "scram-sha-256", false},
		{"postgres://u@127.0.0.1/d?sslmode=disable", false, true, "", false},
		{"postgres://u@localhost/d", true, true, "", true},
		{"postgres://u@[::ffff:127.0.0.1]/d?sslmode=disable", false, true, "", false},
		{"postgres:///d?host=/tmp", false, true, "", true},
	} {
		t.Run(tt.raw, func(t *testing.T) {
			got, err := Parse(tt.raw)
			if err != nil {
				t.Fatal(err)
			}
			plain := false
			for _, a := range Addresses(got) {
				plain = plain || a.TLSConfig == nil
			}
			if (got.TLSConfig != nil) != tt.tls || plain != tt.plain || got.RequireAuth != tt.auth || Defaulted(tt.raw) != tt.defaulted || got.ChannelBinding != "prefer" {
				t.Errorf("TLS %v, plain %v, require_auth %q, channel_binding %q, defaulted %v", got.TLSConfig != nil, plain, got.RequireAuth, got.ChannelBinding, Defaulted(tt.raw))
			}
		})
	}
}

func TestVersionsOfTLS(t *testing.T) {
	for raw, want := range map[string][2]uint16{
		"postgres://u@db.example/d":                                                                                 {tls.VersionTLS12, 0},
		"postgres://u@db.example/d?ssl_min_protocol_version=TLSv1.3":                                                {tls.VersionTLS13, 0},
		"postgres://u@db.example/d?sslmode=verify-full&ssl_max_protocol_version=TLSv1.2":                            {tls.VersionTLS12, tls.VersionTLS12},
		"postgres://u@db.example,other.example/d?ssl_min_protocol_version=TLSv1.2&ssl_max_protocol_version=TLSv1.3": {tls.VersionTLS12, tls.VersionTLS13},
	} {
		config, err := Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range Addresses(config) {
			if got := [2]uint16{max(f.TLSConfig.MinVersion, tls.VersionTLS12), f.TLSConfig.MaxVersion}; got != want {
				t.Errorf("%s: %v, want %v", raw, got, want)
			}
		}
	}
}

func TestEnvironment(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"PGCONNECT_TIMEOUT", "abc", "PGCONNECT_TIMEOUT"},
		{"PGTARGETSESSIONATTRS", "geheim", "PGTARGETSESSIONATTRS"},
		{"PGREQUIREAUTH", "geheim", "PGREQUIREAUTH"},
		{"PGSERVICE", "prod", "PGSERVICE"},
		{"PGSSLROOTCERT", "/nowhere/geheim.pem", "PGSSLROOTCERT"},
		{"PGSSLMODE", "geheim", "PGSSLMODE"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv(tt.name, tt.value)
			t.Setenv("PGAPPNAME", "harmless")
			_, err := Parse("postgres://app:secret@db.example/app")
			want := tt.want + " of the environment, which counts beside DATABASE_URL, has a value that libpq does not take: unset " + tt.want + ", or correct it"
			if got := whole(err); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if got, err := Plain(); err != nil || got.ConnectTimeout != 0 || got.RuntimeParams["application_name"] != "" {
				t.Errorf("Plain = %+v, %v", got, err)
			}
			if got := Variables(); len(got) != 2 || got[0] != "PGAPPNAME" || got[1] != tt.name {
				t.Errorf("Variables = %v", got)
			}
		})
	}
	t.Setenv("PGPASSWORD", "secret")
	t.Setenv("PGCONNECT_TIMEOUT", "7")
	if got, err := Parse("postgres://app@db.example/app"); err != nil || got.Password != "secret" || got.ConnectTimeout != 7*time.Second {
		t.Errorf("got %v, %v", got, err)
	}
}

// FuzzParse: whatever stands around a secret, no part of it is in an error.
func FuzzParse(f *testing.F) {
	const secret = "hunter2Geheim"
	for _, around := range [][2]string{
		{"postgres://app:", "@127.0.0.1:5432/app"},
		{"postgres://app:4711/", "@127.0.0.1/app"},
		{"postgres://app:a@", "@h/app"},
		{"\uFEFFpostgres://app:", "@h/app"},
		{`"postgres://app:`, `@h/app"`},
		{"jdbc:postgresql://app:", "@h/app"},
		{"postgresql+psycopg2://app:", "@h/a"},
		{"host=h password=", " dbname=x"},
		{"host=h password='", "'"},
		{"postgres://h/app?password=", "&sslmode=x"},
		{"postgres://h/app?sslmode=", ""},
		{"postgres://app:x", ""},
		{"", ""},
		{"postgres://", ""},
		{"postgres://", "/app"},
		{"postgresql://", "?sslmode=require"},
		{"\u201cpostgres://app:", "@h/app\u201d"},
		{"`postgres://app:", "@h/app`"},
		{"postgres://app:", "@h/app?schema=public&pool=1"},
		{"host=h user=a password=", " schema=x"},
		{"", "://h/d"},
		{"postgres://app:?", "@h"},
		{"postgres://app:#", "@h"},
		{"postgres://app:%", "@h"},
		{"postgres://app:[", "]@h:5432/d"},
		{"postgres://app: ", "@h"},
		{"postgres://a?b&", "=c@h"},
		{"host=", " port=x"},
		{"postgres://h/d?", "=1&connect_timeout=x"},
	} {
		f.Add(around[0], around[1])
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		_, err := Parse(before + secret + after)
		if err == nil {
			return
		}
		text := strings.ToLower(whole(err))
		if decoded, e := url.QueryUnescape(text); e == nil {
			text += decoded
		}
		for _, part := range []string{"hunter2", "geheim", "unter2"} {
			if strings.Contains(text, part) && !strings.Contains(strings.ToLower(before+after), part) {
				if strings.Contains(before, "cert=") || strings.Contains(before, "key=") || strings.Contains(before, "file=") || strings.Contains(before, "service") {
					continue // the path of a file is named, and is no secret
				}
				t.Errorf("%q is in: %v", part, err)
			}
		}
	})
}
