// Command infra is the Pulumi program: it declares everything the sync needs in Google Cloud.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"vertexmetadata/infra/image"
	"vertexmetadata/infra/stack"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		from, err := image.Args("..") // the folder of the Dockerfile, from infra/, where the program runs
		if err != nil {
			return err
		}
		return stack.DeployBuilt(ctx, from)
	})
}
