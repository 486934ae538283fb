package stack

import (
	"fmt"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/artifactregistry"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/cloudrunv2"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/cloudscheduler"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/serviceaccount"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// deployment is what the steps of New hand to each other. The first error stops every later step, so that the
// steps read as a list.
type deployment struct {
	Args

	ctx    *pulumi.Context
	name   string // of the component
	parent pulumi.ResourceOption
	system *System
	err    error

	access                    []Grant                      // the access table
	services                  map[string]pulumi.Resource   // by API
	members                   map[Principal]principal      // who grants go to
	repository                *artifactregistry.Repository // nil unless created here
	secrets                   map[string]madeSecret        // by id; what is created here
	stores                    []pulumi.Resource            // data stores that are created here
	settling                  *settling                    // what has not taken effect yet
	retry                     *pulumi.ErrorHook            // of everything
	noteGrant, noteAccount    *pulumi.ResourceHook         // of grants on secrets, of accounts
	grants                    []pulumi.Resource            // all that the job must wait for
	image                     pulumi.StringInput           // by digest
	job                       *cloudrunv2.Job
	jobGrants                 []pulumi.Resource // on the job itself: the trigger waits for them
	trigger                   *cloudscheduler.Job
	metrics                   []pulumi.Resource   // what dashboard and alerts ask for
	dashboard                 pulumi.StringOutput // address, empty without monitoring
	searchApps                pulumi.StringOutput // names, empty unless created here
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

// named is the name of a resource, from a key that no reworded text changes: two components in one stack have resources of their own.
// Earlier versions, which knew one component only, called it something else; by that it is found in a stack of theirs.
func (d *deployment) named(key, before string) (name string, renamed pulumi.ResourceOption) {
	if !d.loaded {
		return d.name + "-" + key, pulumi.Aliases(nil)
	}
	return d.name + "-" + key, pulumi.Aliases([]pulumi.Alias{{Name: pulumi.String(before)}})
}

// after makes a resource a child of the component that waits for others. When it has to be replaced, the new one comes
// first: the provider would delete the old one first, and the job would be without its role, or gone, until the
// new one is there. The two never collide, for what makes these resources be replaced is part of their identity.
func (d *deployment) after(first ...pulumi.Resource) []pulumi.ResourceOption {
	opts := []pulumi.ResourceOption{
		d.parent, pulumi.DeleteBeforeReplace(false), pulumi.ResourceHooks(&pulumi.ResourceHookBinding{OnError: []*pulumi.ErrorHook{d.retry}}),
	}
	if len(first) > 0 {
		opts = append(opts, pulumi.DependsOn(first))
	}
	return opts
}

// keeping is for what holds data: it stays in the cloud when the stack lets go of it.
func keeping(opts []pulumi.ResourceOption) []pulumi.ResourceOption {
	return append(opts, pulumi.RetainOnDelete(true))
}

// adopting takes an existing resource over, in a project that was set up by hand. What the program would change
// is ignored until the next up, for Pulumi refuses to import what differs.
func (d *deployment) adopting(opts []pulumi.ResourceOption, id string, differs ...string) []pulumi.ResourceOption {
	if !d.Adopt {
		return opts
	}
	return append(opts, pulumi.Import(pulumi.ID(id)), pulumi.IgnoreChanges(differs))
}
