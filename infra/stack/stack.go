// Package stack declares, for Pulumi, a Cloud Run Job that keeps Vertex AI Search in step with PostgreSQL, the
// Cloud Scheduler trigger that starts it, and every account, grant, API and image that the two need.
package stack

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// ComponentType is the type of the one component that all resources are children of.
const ComponentType = "vertex-metadata:index:System"

// System is the deployed whole, with what a person needs next as outputs.
type System struct {
	pulumi.ResourceState

	Image         pulumi.StringOutput // by digest
	Job           pulumi.StringOutput
	Trigger       pulumi.StringOutput
	JobAccount    pulumi.StringOutput // e-mail address
	RunnerAccount pulumi.StringOutput // e-mail address
	RunCommand    pulumi.StringOutput // starts the job once
	JobURL        pulumi.StringOutput
	LogsURL       pulumi.StringOutput
	DashboardURL  pulumi.StringOutput // empty without monitoring
}

// Deploy is the Pulumi program: the stack's settings in, the system and its outputs out.
func Deploy(ctx *pulumi.Context) error {
	settings, err := Load(ctx)
	if err != nil {
		return err
	}
	system, err := New(ctx, Namespace, settings)
	if err != nil {
		return err
	}
	for name, value := range system.outputs() {
		ctx.Export(name, value)
	}
	return nil
}

// New declares the system as one component, so that another program can have it too. Settings that came from
// elsewhere than Load are validated here.
func New(ctx *pulumi.Context, name string, settings Settings, opts ...pulumi.ResourceOption) (*System, error) {
	if err := settings.Validate(); err != nil {
		return nil, err
	}
	system := &System{}
	if err := ctx.RegisterComponentResource(ComponentType, name, system, opts...); err != nil {
		return nil, fmt.Errorf("register component %s: %w", name, err)
	}
	if settings.Adopt {
		warning := "adopt is true: what exists is taken over as it is and differences are ignored; set " + Namespace + ":adopt to false for the next up"
		if err := ctx.Log.Warn(warning, &pulumi.LogArgs{Resource: system}); err != nil {
			return nil, err
		}
	}
	d := &deployment{ctx: ctx, Settings: settings, parent: pulumi.Parent(system)}
	d.enableServices()
	d.createIdentities()
	d.provideRepository()
	d.settleGrants()
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

func (s *System) outputs() pulumi.Map {
	return pulumi.Map{
		"image": s.Image, "job": s.Job, "trigger": s.Trigger,
		"jobAccount": s.JobAccount, "runnerAccount": s.RunnerAccount, "runCommand": s.RunCommand,
		"jobUrl": s.JobURL, "logsUrl": s.LogsURL, "dashboardUrl": s.DashboardURL,
	}
}
