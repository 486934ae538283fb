package dataplane

import (
	"strings"
)

// Variable is one environment variable of the job.
type Variable struct{ Name, Value string }

// Environment is what points the job at the data plane: over DATABASE_URL, or with cloudSQL the way it runs in the
// cloud, over the instance's socket and with the password from Secret Manager.
func (p *Plane) Environment(cloudSQL bool) []Variable {
	variables := []Variable{
		{"GCP_PROJECT", Project},
		{"PROJECT_ID", Project},
		{"GCS_BUCKET", Bucket},
		{"DATA_STORE_ID", DataStoreID},
		{"GCP_LOCATION", p.location},
		{"STORAGE_EMULATOR_HOST", p.Storage.Addr()},
		{"DISCOVERYENGINE_ENDPOINT", p.Search.Addr()},
		{"SECRETMANAGER_ENDPOINT", p.Secrets.Addr()},
	}
	if !cloudSQL {
		return append(variables, Variable{"DATABASE_URL", p.Source.URL})
	}
	return append(variables,
		Variable{"CLOUD_SQL_INSTANCE", Instance},
		Variable{"CLOUD_SQL_SOCKET_DIR", p.Source.SocketDir},
		Variable{"DB_NAME", p.Source.Database},
		Variable{"DB_USER", p.Source.User},
		Variable{"SECRET_ID", SecretID},
		Variable{"VERSION_ID", "latest"},
	)
}

// Environ is Environment in the form of exec.Cmd.Env.
func Environ(variables []Variable) []string {
	lines := make([]string, len(variables))
	for i, v := range variables {
		lines[i] = v.Name + "=" + v.Value
	}
	return lines
}

// Exports is Environment as lines that a POSIX shell can read. A database variable of the other form is unset,
// so that changing from one to the other works in one shell.
func Exports(variables []Variable) string {
	var script strings.Builder
	set := map[string]bool{}
	for _, v := range variables {
		set[v.Name] = true
		script.WriteString("export " + v.Name + "=" + Quote(v.Value) + "\n")
	}
	for _, name := range []string{"DATABASE_URL", "CLOUD_SQL_INSTANCE"} {
		if !set[name] {
			script.WriteString("unset " + name + "\n")
		}
	}
	return script.String()
}

// Quote is text as one word of a POSIX shell.
func Quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
