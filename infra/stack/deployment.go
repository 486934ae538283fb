package stack

import (
	"fmt"
	"net/url"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/artifactregistry"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/cloudrunv2"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/cloudscheduler"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/serviceaccount"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// deployment is what the steps of New hand to each other. The first error stops every later step, so that the
// steps read as a list.
type deployment struct {
	Settings

	ctx    *pulumi.Context
	parent pulumi.ResourceOption
	err    error

	services                  map[string]pulumi.Resource   // by API
	members                   map[Principal]principal      // who grants go to
	repository                *artifactregistry.Repository // nil unless created here
	settling                  *settling                    // the wait for new grants
	grants                    []pulumi.Resource            // all that the job must wait for
	image                     pulumi.StringOutput          // by digest
	job                       *cloudrunv2.Job
	jobGrants                 []pulumi.Resource // on the job itself: the trigger waits for them
	trigger                   *cloudscheduler.Job
	metrics                   []pulumi.Resource   // what dashboard and alerts ask for
	dashboard                 pulumi.StringOutput // address, empty without monitoring
	jobAccount, runnerAccount *serviceaccount.Account
}

// principal is a member of IAM policies and the resource that brings it into being.
type principal struct {
	member pulumi.StringOutput
	from   pulumi.Resource
}

// try runs a step that may fail, unless an earlier one did.
func (d *deployment) try(what string, step func() error) {
	if d.err != nil {
		return
	}
	if err := step(); err != nil {
		d.err = fmt.Errorf("declare %s: %w", what, err)
	}
}

// after makes a resource a child of the component that waits for others. When it has to be replaced, the new one comes
// first: the provider would delete the old one first, and the job would be without its role, or gone, until the
// new one is there. The two never collide, for what makes these resources be replaced is part of their identity.
func (d *deployment) after(first ...pulumi.Resource) []pulumi.ResourceOption {
	opts := []pulumi.ResourceOption{d.parent, pulumi.DeleteBeforeReplace(false)}
	if len(first) > 0 {
		opts = append(opts, pulumi.DependsOn(first))
	}
	return opts
}

// adopting takes an existing resource over, in a project that was set up by hand. What the program would change
// is ignored until the next up, for Pulumi refuses to import what differs.
func (d *deployment) adopting(opts []pulumi.ResourceOption, id string, differs ...string) []pulumi.ResourceOption {
	if !d.Adopt {
		return opts
	}
	return append(opts, pulumi.Import(pulumi.ID(id)), pulumi.IgnoreChanges(differs))
}

// fill sets the outputs.
func (d *deployment) fill(system *System) {
	inProject := "?project=" + url.QueryEscape(d.Project)
	job := fmt.Sprintf("https://console.cloud.google.com/run/jobs/details/%s/%s", d.Region, d.JobName)
	system.Image = d.image
	system.Job = d.job.Name
	system.Trigger = d.trigger.Name
	system.JobAccount = d.jobAccount.Email
	system.RunnerAccount = d.runnerAccount.Email
	system.RunCommand = pulumi.Sprintf("gcloud run jobs execute %s --project %s --region %s --wait", d.job.Name, d.Project, d.Region)
	system.JobURL = pulumi.String(job + "/executions" + inProject).ToStringOutput()
	system.LogsURL = pulumi.String(job + "/logs" + inProject).ToStringOutput()
	system.DashboardURL = d.dashboard
}
