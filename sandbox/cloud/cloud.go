// Package cloud puts the whole sandbox together: a project in a control plane, the services that the job touches behind doors that
// ask the control plane, what runs its jobs, and the clock that fires its triggers.
package cloud

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"vertexmetadata/sandbox/cloudrun"
	"vertexmetadata/sandbox/controlplane"
	"vertexmetadata/sandbox/scheduler"
	"vertexmetadata/sandbox/world"
)

// Repository is the Artifact Registry repository that the project has.
const Repository = "app"

// Options change how the whole starts.
type Options struct {
	// Job is the local binary that every image of the project stands for.
	Job string
	// Image answers the local binary that an image reference stands for, and why there is none; nil is Job for every image.
	Image func(reference string) (binary string, err error)
	// Logger is told every request to the control plane, and those that it does not know as errors; nil is silent.
	Logger *slog.Logger
	// Now is the clock of the control plane and of its triggers; nil is the real one.
	Now func() time.Time
	// Env are further variables for every task, NAME=value.
	Env []string
	// World changes what lies behind the doors. Its Authorize, Secrets and Password are set here.
	World world.Options
}

// Cloud is the running whole.
type Cloud struct {
	Plane     *controlplane.Server
	World     *world.World
	Scheduler *scheduler.Scheduler
	// Address of the control plane, host:port.
	Address string

	stop context.CancelFunc
}

// Start makes a project as somebody has it who is about to deploy: the database, the bucket, the data store and the secrets are
// there, and of the deployment nothing. ctx bounds the start only.
func Start(ctx context.Context, options Options) (_ *Cloud, err error) {
	c := &Cloud{Plane: controlplane.New(controlplane.Options{Logger: options.Logger, Now: options.Now})}
	defer func() {
		if err != nil {
			_ = c.Close()
		}
	}()
	password := rand.Text()
	if err := c.fill(password); err != nil {
		return nil, fmt.Errorf("make project %s: %w", world.Project, err)
	}
	options.World.Authorize, options.World.Secrets, options.World.Password = c.Plane.Authorize, c.Plane, password
	if c.World, err = world.Start(ctx, options.World); err != nil {
		return nil, err
	}
	if options.Image == nil {
		options.Image = func(reference string) (string, error) {
			if _, err := os.Stat(options.Job); err != nil {
				return "", fmt.Errorf("find the binary for image %s: %w", reference, err)
			}
			return options.Job, nil
		}
	}
	cloudrun.New(c.Plane, cloudrun.Options{
		Image:   options.Image,
		Sockets: map[string]string{world.Instance: filepath.Join(c.World.Postgres.SocketDir(), ".s.PGSQL.5432")},
		Doors:   cloudrun.Doors{Storage: c.World.Storage.Addr(), DiscoveryEngine: c.World.Search.Addr(), SecretManager: c.World.Secrets.Addr()},
		Env:     options.Env,
	})
	running, stop := context.WithCancel(context.Background())
	c.stop = stop
	if c.Address, err = c.Plane.Start(running, "127.0.0.1:0"); err != nil {
		return nil, err
	}
	c.Scheduler = scheduler.New(c.Plane, scheduler.Options{Address: c.Address, Now: options.Now})
	return c, nil
}

// fill makes what the seed document supposes.
func (c *Cloud) fill(password string) error {
	c.Plane.NewProject(world.Project, world.ProjectNumber)
	errs := []error{
		c.Plane.NewRepository(world.Project, world.Region, Repository),
		c.Plane.NewBucket(world.Project, world.Bucket, world.Region),
	}
	for _, secret := range []struct{ id, value string }{
		{"gcp_project", world.Instance}, // what the variable has held historically
		{"db_name", world.Database},
		{"db_user", world.Role},
		{"gcs_bucket", world.Bucket},
		{"project_id", world.Project},
		{"secret_id", world.SecretID},
		{"version_id", "latest"},
		{"gemini_api_key", "unused"},
		{"data_store_id", world.DataStoreID},
		{world.SecretID, password},
	} {
		errs = append(errs, c.Plane.NewSecret(world.Project, secret.id, secret.value))
	}
	return errors.Join(errs...)
}

// Close ends everything, running executions first, and leaves nothing.
func (c *Cloud) Close() error {
	c.Plane.Close()
	if c.stop != nil {
		c.stop()
	}
	if c.World != nil {
		return c.World.Close()
	}
	return nil
}
