// Package stack declares, for Pulumi, a Cloud Run Job that keeps Vertex AI Search in sync with PostgreSQL, the
// Cloud Scheduler trigger that starts it, and every account, grant, API and image that the two need.
package stack

import (
	"fmt"
	"maps"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// ComponentType is the type of the one component that all resources are children of.
const ComponentType = "vertex-metadata:index:System"

// Deploy is the Pulumi program: the stack's settings in, the system and its outputs out.
func Deploy(ctx *pulumi.Context) error { return DeployBuilt(ctx, nil) }

// DeployBuilt is Deploy for an image that says what it was built from: build arguments under those of the settings.
func DeployBuilt(ctx *pulumi.Context, from map[string]string) error {
	args, err := Load(ctx)
	if err != nil {
		return err
	}
	if len(from) > 0 {
		from = maps.Clone(from)
		maps.Copy(from, args.ImageBuildArgs)
		args.ImageBuildArgs = from
	}
	system, err := New(ctx, Namespace, &args)
	if err != nil {
		return err
	}
	for name, value := range system.outputs() {
		ctx.Export(name, value)
	}
	return nil
}

// New declares the system as one component, so that another program can have it too, more than once.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*System, error) {
	if args == nil {
		args = &Args{}
	}
	a := args.complete(ctx, name)
	if err := a.validate(); err != nil {
		return nil, fmt.Errorf("declare %s: %w", name, err)
	}
	system := &System{}
	if err := ctx.RegisterComponentResource(ComponentType, name, system, opts...); err != nil {
		return nil, fmt.Errorf("register component %s: %w", name, err)
	}
	d := &deployment{ctx: ctx, name: name, Args: a, parent: pulumi.Parent(system), system: system, access: Access(a)}
	d.warn()
	d.retryUntilSettled()
	d.checkAdoption()
	d.enableServices()
	d.createIdentities()
	d.provideRepository()
	d.provideSecrets()
	d.provideBucket()
	d.provideSearch()
	d.provideDatabaseUser()
	d.grantAccess()
	d.provideImage()
	d.declareJob()
	d.grantAccessToJob()
	d.scheduleTrigger()
	d.watch()
	if d.err != nil {
		return nil, d.err
	}
	d.fill(system)
	if err := ctx.RegisterResourceOutputs(system, system.outputs()); err != nil {
		return nil, fmt.Errorf("register outputs of %s: %w", name, err)
	}
	return system, nil
}

// warn says what is no mistake but easily overlooked.
func (d *deployment) warn() {
	var warnings []string
	if d.Adopt {
		warnings = append(warnings, "what exists is taken over as it is and differences are ignored; set {adopt} to false for the next up")
	}
	if useful := max(len(d.Syncs), 1); d.Tasks > useful {
		warnings = append(warnings, fmt.Sprintf("{tasks} is %d, but there is work for %d; the others end at once as skipped", d.Tasks, useful))
	}
	if d.Monitoring && !d.Paused && !d.silenceShows() {
		warnings = append(warnings, fmt.Sprintf("there is no alert on missing runs: {schedule} %q pauses for longer than {alertAfter} %s; raise it where that is wanted", d.Schedule, Short(d.AlertAfter)))
	}
	if host := d.imageHost(); host != "" && !pulledFrom.MatchString(host) {
		warnings = append(warnings, fmt.Sprintf("Cloud Run pulls from gcr.io, docker.pkg.dev and docker.io alone, and will refuse an image of %s; put a remote repository of Artifact Registry before it", host))
	}
	for _, warning := range warnings {
		d.try("warning", func() error {
			return d.ctx.Log.Warn(d.naming(warning), &pulumi.LogArgs{Resource: d.system})
		})
	}
}
