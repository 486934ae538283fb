package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// adminUser is the superuser that initdb makes. Its password is random per server.
const adminUser = "postgres"

// initdbArgs make the same cluster on every machine. They are part of the template's key.
var initdbArgs = []string{"--username=" + adminUser, "--encoding=UTF8", "--no-locale", "--auth=reject", "--no-sync", "--no-instructions"}

// makeCluster fills dir with a fresh data directory owned by the server's user. initdb takes seconds, so its
// result is kept in the user's cache folder and copied from then on; without a usable cache initdb simply
// runs each time.
func makeCluster(ctx context.Context, bin string, as account, dir string) error {
	template := templateDir(ctx, bin)
	if template != "" {
		err := copyTree(template, dir, as)
		if err == nil {
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("copy cluster template %s: %w", template, err)
		}
	}
	if err := initdb(ctx, bin, as, dir); err != nil {
		return err
	}
	if template != "" {
		saveTemplate(dir, template)
	}
	return nil
}

// templateDir names the cached cluster of this server version, or is empty where there is no cache folder.
func templateDir(ctx context.Context, bin string) string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	version, err := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return ""
	}
	key := sha256.Sum256([]byte(bin + "\x00" + string(version) + "\x00" + strings.Join(initdbArgs, "\x00")))
	return filepath.Join(cache, "vertex-metadata-sandbox", "postgres-"+hex.EncodeToString(key[:8]))
}

func initdb(ctx context.Context, bin string, as account, dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if err := as.own(dir); err != nil {
		return fmt.Errorf("give %s to the server's user: %w", dir, err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), append([]string{"--pgdata=" + dir}, initdbArgs...)...)
	as.prepare(cmd)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("run initdb in %s: %w: %s", dir, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// saveTemplate copies a fresh cluster into the cache. The rename makes it appear whole or not at all when
// several processes do this at once. A cache that cannot be written costs time, not correctness, so errors
// only mean that the next start runs initdb again.
func saveTemplate(dir, template string) {
	parent := filepath.Dir(template)
	if os.MkdirAll(parent, 0o700) != nil {
		return
	}
	part, err := os.MkdirTemp(parent, "part-")
	if err != nil {
		return
	}
	defer os.RemoveAll(part)
	whole := filepath.Join(part, "data")
	if copyTree(dir, whole, account{}) == nil {
		_ = os.Rename(whole, template)
	}
}

// copyTree copies folders and regular files, which is all a fresh cluster has, and gives them to as.
func copyTree(from, to string, as account) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		if entry.IsDir() {
			err = os.Mkdir(target, 0o700)
		} else {
			err = copyFile(path, target)
		}
		if err != nil {
			return err
		}
		return as.own(target)
	})
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
