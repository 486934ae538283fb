package cloudrun

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"vertexmetadata/sandbox/controlplane/api"
)

// environment is what the task's process gets: what the image has, what the job declares with secrets read now, what Cloud Run
// adds, and last where the sandbox's stand-ins for Google's services are.
func (x *execution) environment(index, attempt int) ([]string, error) {
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + x.dir}
	for _, v := range x.Env {
		value := v.Value
		if v.Secret != "" {
			var err error
			if value, err = x.record.Secret(v.Secret); err != nil {
				return nil, err
			}
		}
		env = append(env, v.Name+"="+value)
	}
	env = append(
		env,
		"CLOUD_RUN_JOB="+x.Job,
		"CLOUD_RUN_EXECUTION="+x.Name,
		"CLOUD_RUN_TASK_INDEX="+strconv.Itoa(index),
		"CLOUD_RUN_TASK_COUNT="+strconv.Itoa(x.Tasks),
		"CLOUD_RUN_TASK_ATTEMPT="+strconv.Itoa(attempt),
		"CLOUD_SQL_SOCKET_DIR="+x.sockets,
	)
	env = append(env, x.front.environment(x.options.Endpoints)...)
	return append(env, x.options.Env...), nil
}

// mountSQL makes the folder that stands for /cloudsql, with the sockets of the declared instances that the account may connect
// to. As in the cloud, the others are missed only when the job connects; the log then says why.
func (x *execution) mountSQL(plane *api.Server) error {
	x.sockets = filepath.Join(x.dir, "sql")
	for _, instance := range x.CloudSQL {
		project, name, ok := splitInstance(instance)
		if !ok {
			return fmt.Errorf("mount Cloud SQL instance %q: it must be project:region:instance", instance)
		}
		err := plane.Allowed(member(x.Account), "cloudsql.instances.connect", fmt.Sprintf("//sqladmin.googleapis.com/projects/%s/instances/%s", project, name))
		socket := x.options.Sockets[instance]
		if err == nil && socket == "" {
			err = fmt.Errorf("googleapi: Error 404: The Cloud SQL instance %s does not exist., instanceDoesNotExist", instance)
		}
		if err != nil {
			x.record.System(0, 0, "ERROR", "Cloud SQL connection failed. Please see https://cloud.google.com/sql/docs/mysql/connect-run for additional details: "+err.Error())
			continue
		}
		folder := filepath.Join(x.sockets, instance)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("make folder of Cloud SQL instance %s: %w", instance, err)
		}
		if err := os.Symlink(socket, filepath.Join(folder, ".s.PGSQL.5432")); err != nil {
			return fmt.Errorf("link socket of Cloud SQL instance %s: %w", instance, err)
		}
	}
	return nil
}

// splitInstance splits a connection name; the project may have a domain before a colon of its own.
func splitInstance(connection string) (project, name string, ok bool) {
	parts := strings.Split(connection, ":")
	if len(parts) < 3 {
		return "", "", false
	}
	return strings.Join(parts[:len(parts)-2], ":"), parts[len(parts)-1], true
}
