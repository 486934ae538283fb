package pgurl

import (
	"os"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
)

// variables are those of the environment that pgconn reads.
var variables = []string{
	"PGAPPNAME", "PGCHANNELBINDING", "PGCONNECT_TIMEOUT", "PGDATABASE", "PGHOST", "PGMAXPROTOCOLVERSION", "PGMINPROTOCOLVERSION",
	"PGOPTIONS", "PGPASSFILE", "PGPASSWORD", "PGPORT", "PGREQUIREAUTH", "PGSERVICE", "PGSERVICEFILE", "PGSSLCERT", "PGSSLCERTMODE",
	"PGSSLKEY", "PGSSLMODE", "PGSSLNEGOTIATION", "PGSSLPASSWORD", "PGSSLROOTCERT", "PGSSLSNI", "PGTARGETSESSIONATTRS", "PGTZ", "PGUSER",
}

// Variables returns the names of those that are set: they count beside DATABASE_URL.
func Variables() []string {
	return slices.DeleteFunc(slices.Clone(variables), func(name string) bool { return os.Getenv(name) == "" })
}

// Origin says where a parameter's value comes from: the value of DATABASE_URL, a variable of the environment that counts
// where the value says nothing, or neither: then it is empty.
func Origin(raw, parameter, variable string) string {
	pairs, _, err := split(raw)
	switch {
	case err != nil:
		return ""
	case given(pairs, parameter, ""):
		return parameter + " in DATABASE_URL"
	case os.Getenv(variable) != "":
		return variable + " of the environment"
	}
	return ""
}

// environment is held while variables are taken away: pgconn reads them whether one wants it or not.
var environment sync.Mutex

// without calls fn while the variables, but for those named, are not set.
func without(fn func() error, but ...string) error {
	environment.Lock()
	defer environment.Unlock()
	for _, name := range variables {
		if value, set := os.LookupEnv(name); set && !slices.Contains(but, name) {
			_ = os.Unsetenv(name)
			defer os.Setenv(name, value)
		}
	}
	return fn()
}

// Plain returns settings that owe nothing to the environment: for a connection whose every part is known.
func Plain() (config *pgconn.Config, err error) {
	err = without(func() error {
		// No file of the home folder counts either.
		config, err = pgconn.ParseConfig("host=localhost user=- password=- passfile='' servicefile='' sslmode=disable")
		return err
	})
	return config, err
}

// guiltyVariable returns the variable for which parse fails, or "" if it fails without any.
func guiltyVariable(parse func() error) string {
	if without(parse) != nil {
		return ""
	}
	for _, name := range Variables() {
		if without(parse, name, "PGSERVICEFILE") != nil {
			return name
		}
	}
	return ""
}
