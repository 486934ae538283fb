// Command bootstrap is a Pulumi program for what a repository needs once, before GitHub can deploy from it: a place for the
// state and a key for its secrets, a registry for the images, and accounts that the repository's workflows can become without
// a key of their own.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() { pulumi.Run(deploy) }

// deploy declares all of it and says what to do with it.
func deploy(ctx *pulumi.Context) error {
	b, err := declare(ctx)
	if err != nil {
		return err
	}
	for name, value := range b.outputs() {
		ctx.Export(name, value)
	}
	return nil
}

func declare(ctx *pulumi.Context) (*bootstrap, error) {
	s, err := load(ctx)
	if err != nil {
		return nil, err
	}
	b := &bootstrap{ctx: ctx, settings: s, services: map[string]pulumi.Resource{}}
	if err := b.federate(); err != nil {
		return nil, err
	}
	if err := b.provideImages(); err != nil {
		return nil, err
	}
	for _, stack := range s.stacks {
		if err := b.provideStack(stack); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// bootstrap is what was declared so far.
type bootstrap struct {
	ctx *pulumi.Context
	settings

	services map[string]pulumi.Resource // by project and API
	pool     pulumi.StringOutput        // full name of the identity pool
	provider pulumi.StringOutput        // full name of the identity provider
	images   images

	environments []environment
}

// environment is one of GitHub's: a name, the account that a job in it becomes, and where the state of its stack is.
type environment struct {
	name      string
	account   pulumi.StringOutput
	state     string // empty: it deploys no stack
	onBranch  bool   // only what is on the branch may use it
	reviewers bool   // somebody has to approve
}
