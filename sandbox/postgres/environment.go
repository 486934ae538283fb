package postgres

import (
	"os"
	"strings"
)

// ClearEnvironment unsets libpq's variables in this process: PGSERVICE, PGSSLMODE and the like of a tester's shell would change, or
// stop, every connection to a server of the sandbox. Start calls it.
func ClearEnvironment() {
	for _, variable := range os.Environ() {
		// No name of libpq's has an underscore: PGADMIN_SETUP_EMAIL and its kind are somebody else's.
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "PG") && !strings.Contains(name, "_") {
			_ = os.Unsetenv(name) // it was set under that name
		}
	}
}
