package postgres

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// baseSettings trade surviving a power cut, which a throw-away server need not, for speed. A crash of the server
// alone still loses no commit: the log is written at commit, it is only not forced to disk. The Unix socket is the
// only way in: an address on 127.0.0.1 is a proxy in this process (Options.TCP).
var baseSettings = map[string]string{
	"listen_addresses":     "",
	"fsync":                "off",
	"full_page_writes":     "off",
	"wal_level":            "minimal",
	"max_wal_senders":      "0",
	"max_wal_size":         "4GB",
	"shared_buffers":       "128MB",
	"maintenance_work_mem": "128MB",
	"timezone":             "UTC",
	"log_timezone":         "UTC",
}

// openHBA lets this machine's user and root in as the superuser without a password: for the moment in which
// the passwords are set, before anyone else knows of the server.
const (
	openHBA   = "local all " + adminUser + " peer map=owner\n"
	closedHBA = "local all all scram-sha-256\n"
)

// writeConfig writes the settings and the authentication rules into the data directory.
func (s *Server) writeConfig() error {
	settings := maps.Clone(baseSettings)
	settings["unix_socket_directories"] = s.SocketDir()
	maps.Copy(settings, s.options.Settings)
	var conf strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&conf, "%s = '%s'\n", name, strings.ReplaceAll(settings[name], "'", "''"))
	}
	// The regular expression stands for every system user: the folder's permissions already decided who may come.
	files := map[string]string{
		"postgresql.auto.conf": conf.String(),
		"pg_hba.conf":          openHBA,
		"pg_ident.conf":        "owner /^.*$ " + adminUser + "\n",
	}
	for name, text := range files {
		if err := s.writeDataFile(name, text); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) writeDataFile(name, text string) error {
	path := filepath.Join(s.dataDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	return s.as.own(path)
}
