package postgres

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// installHint is the remedy that every "not found" error ends with.
const installHint = "install it with `apt-get install postgresql` (Debian, Ubuntu) or `brew install postgresql` (macOS)"

// usualFolders are the places, as glob patterns, in which packages put the server's programs without adding
// them to PATH. Within one pattern the last match in lexical order, normally the newest version, is preferred.
var usualFolders = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/opt/homebrew/opt/postgresql*/bin",
	"/usr/local/opt/postgresql*/bin",
	"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
}

// FindBinaries returns the folder that holds this machine's postgres and initdb programs: from PATH, from
// pg_config, or from the usual folders of Debian, Red Hat, Homebrew and Postgres.app. The error of a machine
// without PostgreSQL says how to install it.
func FindBinaries() (string, error) {
	return findBinaries(os.Getenv("PATH"), pgConfigBinDir(), usualFolders)
}

func findBinaries(path, configured string, patterns []string) (string, error) {
	candidates := filepath.SplitList(path)
	if configured != "" {
		candidates = append(candidates, configured)
	}
	for _, pattern := range patterns {
		matches, _ := filepath.Glob(pattern) // fails for malformed patterns only, and ours are constants
		for i := len(matches) - 1; i >= 0; i-- {
			candidates = append(candidates, matches[i])
		}
	}
	for _, dir := range candidates {
		if isProgram(filepath.Join(dir, "postgres")) && isProgram(filepath.Join(dir, "initdb")) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("find PostgreSQL server programs (postgres, initdb): not in PATH nor in %s: %s",
		strings.Join(patterns, ", "), installHint)
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// pgConfigBinDir asks pg_config, which client packages install without the server: its answer is one more
// candidate, not a proof.
func pgConfigBinDir() string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
