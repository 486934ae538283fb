package postgres

import (
	"os"
	"testing"
)

// A service file or a TLS mode of the tester's shell is no business of a server of the sandbox.
func TestClearEnvironment(t *testing.T) {
	t.Setenv("PGSERVICE", "prod")
	t.Setenv("PGSSLMODE", "verify-full")
	t.Setenv("PGADMIN_SETUP_EMAIL", "a@b")
	ClearEnvironment()
	for name, want := range map[string]bool{"PGSERVICE": false, "PGSSLMODE": false, "PGADMIN_SETUP_EMAIL": true} {
		if _, set := os.LookupEnv(name); set != want {
			t.Errorf("%s is set: %v, want %v", name, set, want)
		}
	}
}
