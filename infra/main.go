// Command infra is the Pulumi program: it declares everything the sync needs in Google Cloud.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"vertexmetadata/infra/stack"
)

func main() { pulumi.Run(stack.Deploy) }
