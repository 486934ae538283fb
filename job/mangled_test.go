package main

import (
	"fmt"
	"strings"
	"testing"
)

// mangled are values of DATABASE_URL that are not quite URLs, as people paste them. PASSWORD stands for what must not be seen.
var mangled = []string{
	"postgres://app:PASSWORD/PASSWORD@HOST/app",
	"postgres://app:PASSWORD@PASSWORD@HOST/app",
	"postgres://app:PASSWORD#PASSWORD@HOST/app",
	"postgres://app:PASSWORD?PASSWORD@HOST/app",
	"postgres://app:PASSWORD?sslmode=PASSWORD@HOST/app",
	"postgres://app:PASSWORD%PASSWORD@HOST/app",
	"postgres://app:PASSWORD%zz@HOST/app",
	"postgres://app:PASSWORD PASSWORD@HOST/app",
	"postgres://app:PASSWORD:PASSWORD/PASSWORD@HOST/app",
	"postgres://app:PASSWORD",
	"postgres:/app:PASSWORD@HOST/app",
	"//app:PASSWORD@HOST/app",
	"app:PASSWORD@HOST/app",
	"PASSWORD",
	"postgres://PASSWORD",
	"postgres://PASSWORD/app",
	"postgresql://PASSWORD?sslmode=require",
	"jdbc:postgresql://HOST/app?user=app&password=PASSWORD",
	"jdbc:postgresql://app:PASSWORD@HOST/app",
	"postgresql+psycopg2://app:PASSWORD@HOST/app",
	"mysql://app:PASSWORD@HOST/app",
	"PASSWORD://app@HOST/app",
	`"postgres://app:PASSWORD@HOST/app"`,
	"'postgres://app:PASSWORD@HOST/app'",
	"`postgres://app:PASSWORD@HOST/app`",
	"\u201cpostgres://app:PASSWORD@HOST/app\u201d",
	"DATABASE_URL=postgres://app:PASSWORD@HOST/app",
	"export DATABASE_URL='postgres://app:PASSWORD@HOST/app'",
	"\uFEFF\"postgres://app:PASSWORD@HOST/app",
	"postgres://app:PASSWORD@HOST/app?sslpassword=PASSWORD&schema=PASSWORD",
	"postgres://app:PASSWORD@HOST:PASSWORD/app",
	"postgres://app:PASSWORD@HOST/app?sslmode=PASSWORD",
	"postgres://app:PASSWORD@HOST/app?PASSWORD",
	"postgres://app:PASSWORD@[HOST/app",
	"host=HOST user=app password='PASSWORD",
	"host=HOST user=app password=PASSWORD PASSWORD",
	"host=HOST user=app password=PASSWORD sslmode=PASSWORD",
}

// No command writes any part of a DATABASE_URL that cannot be read, and each says that trying again is useless.
func TestMangledURLs(t *testing.T) {
	w := newWorld(t)
	for i, form := range mangled {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			secret := newSecret("Tail9")
			url := strings.NewReplacer("PASSWORD", secret, "HOST", "127.0.0.1:1").Replace(form)
			command := [][]string{{"sync"}, {"plan"}, {"check"}, {"search", "x"}}
			for _, args := range command[:1+3*(1-min(i%4, 1))] { // every fourth by all commands: they read it at one place
				out, err := w.command(args, variable("DATABASE_URL="+url)).CombinedOutput()
				code := 0
				if err != nil {
					code = exitOf(err)
				}
				inspect(strings.Join(args, " ")+" with "+form, out)
				if code != exitConfiguration {
					t.Errorf("%s with %s: exit %d, want %d\n%s", args[0], form, code, exitConfiguration, out)
				}
				for _, part := range []string{marker, "Tail9", "geheim@", secret[len(secret)-8:]} {
					if strings.Contains(string(out), part) {
						t.Errorf("%s with %s writes a part of it:\n%s", args[0], form, out)
					}
				}
				if !strings.Contains(string(out), "DATABASE_URL") {
					t.Errorf("%s with %s does not name the variable:\n%s", args[0], form, out)
				}
			}
		})
	}
}

// A secret that stands where it does not belong stays out of every error too.
func TestSecretsInOtherPlaces(t *testing.T) {
	for name, tt := range map[string]struct {
		changes []variable
		code    int
	}{
		"PGPASSWORD beside a URL without one":    {[]variable{"DATABASE_URL=postgres://app@127.0.0.1:1/app?sslmode=disable", "PGPASSWORD=SECRET"}, exitFailure},
		"PGPASSFILE":                             {[]variable{"PGPASSFILE=/nowhere/SECRET"}, exitDone},
		"PGSERVICE":                              {[]variable{"DATABASE_URL=postgres://app@127.0.0.1:1/app", "PGSERVICE=SECRET"}, exitConfiguration},
		"PGSSLMODE":                              {[]variable{"DATABASE_URL=postgres://app@127.0.0.1:1/app", "PGSSLMODE=SECRET"}, exitConfiguration},
		"password in the query, at its error":    {[]variable{"SYNC_QUERY=SELECT id, body FROM nowhere WHERE body = 'SECRET' AND"}, exitConfiguration},
		"password in the query of SYNCS":         {[]variable{`SYNCS=[{"name": "a", "query": "SECRET", "mime_types": "image/png"}, {"name": "a", "query": "SELECT 'SECRET'"}]`}, exitConfiguration},
		"SYNCS that is no JSON":                  {[]variable{`SYNCS=[{"password": SECRET}]`}, exitConfiguration},
		"password of a URL that is fine":         {[]variable{"DATABASE_URL=postgres://app:SECRET@127.0.0.1:1/app?sslmode=disable"}, exitFailure},
		"a URL in the place of the bucket":       {[]variable{"GCS_BUCKET=postgres://app:SECRET@h/app"}, exitConfiguration},
		"a URL in the place of the data store":   {[]variable{"DATA_STORE_ID=postgres://app:SECRET@h/app"}, exitConfiguration},
		"a key in the place of the project":      {[]variable{`PROJECT_ID={"private_key": "SECRET"}`}, exitConfiguration},
		"a URL in the place of the query's file": {[]variable{"SYNC_QUERY=", "SYNC_QUERY_FILE=postgres://app:SECRET@h/app"}, exitConfiguration},
		"a URL in the place of the user":         {[]variable{"DB_USER=postgres://app:SECRET@h/app"}, exitConfiguration},
		"a URL in the place of the database":     {[]variable{"DB_NAME=postgres://app:SECRET@h/app"}, exitConfiguration},
		"a URL in the place of the sockets":      {[]variable{"CLOUD_SQL_SOCKET_DIR=postgres://app:SECRET@h/app"}, exitConfiguration},
		"a URL in the place of a stand-in":       {[]variable{"DISCOVERYENGINE_ENDPOINT=postgres://app:SECRET@h/app"}, exitConfiguration},
		"user and password before a stand-in's":  {[]variable{"CLOUD_RUN_JOB=x", "STORAGE_EMULATOR_HOST=127.0.0.1:SECRET@evil.example"}, exitConfiguration},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newDocs(t, database, 3)
			var changes []variable
			for _, c := range tt.changes {
				changes = append(changes, variable(strings.ReplaceAll(string(c), "SECRET", newSecret(""))))
			}
			for _, args := range [][]string{{"sync"}, {"check"}} {
				r := w.run(args, changes...)
				if r.code != tt.code {
					t.Errorf("%s: exit %d, want %d\n%s%s", args[0], r.code, tt.code, r.stdout, r.stderr)
				}
				if strings.Contains(r.stdout+r.stderr, marker) {
					t.Errorf("%s writes it:\n%s%s", args[0], r.stdout, r.stderr)
				}
			}
		})
	}
}
