// Package project puts the whole sandbox together: a project in a control plane, the services that the job touches behind endpoints that
// ask the control plane, what runs its jobs, and the clock that fires its triggers.
package project

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"vertexmetadata/sandbox/cloudrun"
	"vertexmetadata/sandbox/controlplane/api"
	"vertexmetadata/sandbox/dataplane"
	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/scheduler"
)

// Repository is the Artifact Registry repository that the project has.
const Repository = "app"

// Options change how the whole starts.
type Options struct {
	// Job is the local binary that every image of the project stands for.
	Job string
	// Image answers the local binary that an image reference stands for, and why there is none; nil is Job for every image.
	Image func(reference string) (binary string, err error)
	// Logger gets every request to the control plane, and those that it does not know as errors; nil is silent.
	Logger *slog.Logger
	// Now is the clock of the control plane and of its triggers; nil is the real one.
	Now func() time.Time
	// Env are further variables for every task, NAME=value.
	Env []string
	// Data changes what lies behind the endpoints. Its Authorize and Secrets are set here.
	Data dataplane.Options
}

// Project is the running whole.
type Project struct {
	Control   *api.Server
	Data      *dataplane.Plane
	Scheduler *scheduler.Scheduler
	// Address of the control plane, host:port.
	Address string

	bridge  *bridge
	mu      sync.Mutex
	logins  map[string]string // token of an account's logins; guarded by mu
	stop    context.CancelFunc
	closers []func()
}

// Start makes a project as somebody has it who is about to deploy: the database, the bucket, the data store and the secrets are
// there, and of the deployment nothing. ctx bounds the start only.
func Start(ctx context.Context, options Options) (_ *Project, err error) {
	p := &Project{logins: map[string]string{}, Control: api.New(api.Options{Logger: options.Logger, Now: options.Now})}
	defer func() {
		if err != nil {
			_ = p.Close()
		}
	}()
	options.Data.Authorize, options.Data.Secrets = p.Control.Authorize, p.Control
	if p.Data, err = dataplane.Start(ctx, options.Data); err != nil {
		return nil, err
	}
	location := cmp.Or(options.Data.Location, "global")
	p.bridge = newBridge(p.Data, location)
	p.Control.SetDataPlane(p.bridge)
	if err := p.fill(location, dataplane.ContentConfig(options.Data.Content).String()); err != nil {
		return nil, fmt.Errorf("make project %s: %w", dataplane.Project, err)
	}
	if options.Image == nil {
		options.Image = func(reference string) (string, error) {
			if _, err := os.Stat(options.Job); err != nil {
				return "", fmt.Errorf("find the binary for image %s: %w", reference, err)
			}
			return options.Job, nil
		}
	}
	cloudrun.New(p.Control, cloudrun.Options{
		Image:     options.Image,
		Sockets:   map[string]string{dataplane.Instance: p.Data.Source.Socket},
		Endpoints: p.endpoints(),
		Login:     p.login,
		Env:       options.Env,
	})
	running, stop := context.WithCancel(context.Background())
	p.stop = stop
	if p.Address, err = p.Control.Start(running, "127.0.0.1:0"); err != nil {
		return nil, err
	}
	p.Scheduler = scheduler.New(p.Control, scheduler.Options{Address: p.Address, Now: options.Now})
	return p, nil
}

func (p *Project) endpoints() cloudrun.Endpoints {
	return cloudrun.Endpoints{Storage: p.Data.Storage.Addr(), DiscoveryEngine: p.Data.Search.Addr(), SecretManager: p.Data.Secrets.Addr()}
}

// fill makes what the seed document supposes.
func (p *Project) fill(location, content string) error {
	p.Control.NewProject(dataplane.Project, dataplane.ProjectNumber)
	p.Control.NewInstance(dataplane.Project, dataplane.Region, dataplane.Instance[strings.LastIndex(dataplane.Instance, ":")+1:])
	errs := []error{
		p.Control.NewRepository(dataplane.Project, dataplane.Region, Repository),
		p.Control.NewBucket(dataplane.Project, dataplane.Bucket, dataplane.Region),
		p.Control.NewDataStore(dataplane.Project, location, dataplane.DataStoreID, content),
	}
	for _, secret := range p.secrets() {
		errs = append(errs, p.Control.NewSecret(dataplane.Project, secret.id, secret.value))
	}
	return errors.Join(errs...)
}

// secret is one of the secrets that the seed document supposes, and the variable of the job that has its name.
type secret struct{ id, value string }

func (p *Project) secrets() []secret {
	return []secret{
		{"gcp_project", dataplane.Instance}, // what the variable has held historically
		{"db_name", p.Data.Source.Database},
		{"db_user", p.Data.Source.User},
		{"gcs_bucket", dataplane.Bucket},
		{"project_id", dataplane.Project},
		{"secret_id", dataplane.SecretID},
		{"version_id", "latest"},
		{"gemini_api_key", "unused"},
		{"data_store_id", dataplane.DataStoreID},
		{dataplane.SecretID, p.Data.Source.Password},
	}
}

// SecretValue is what a secret holds that a stack names and this project lacks: what the job's variable needs, or else the
// database's password.
func (p *Project) SecretValue(_, variable string) string {
	if variable == "DATABASE_URL" {
		return p.Data.Source.URL
	}
	for _, known := range p.secrets() {
		if known.id == strings.ToLower(variable) {
			return known.value
		}
	}
	return p.Data.Source.Password
}

// DataStore is the data store that the control plane made, or had from the start; nil when there is none.
func (p *Project) DataStore(store api.DataStore) *discoveryengine.DataStore {
	p.Control.Lock() // which calls the bridge
	defer p.Control.Unlock()
	return p.bridge.stores[storeID(store)]
}

// AddDataStore makes a data store that is there before anything is deployed.
func (p *Project) AddDataStore(store api.DataStore) {
	p.Control.Lock()
	defer p.Control.Unlock()
	p.bridge.CreateDataStore(store)
}

// Close ends everything, running executions first, and leaves nothing.
func (p *Project) Close() error {
	p.Control.Close()
	if p.stop != nil {
		p.stop()
	}
	for _, end := range p.closers {
		end()
	}
	if p.Data != nil {
		return p.Data.Close()
	}
	return nil
}
