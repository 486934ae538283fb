module vertexmetadata/infra

go 1.26

require (
	github.com/pulumi/pulumi-docker/sdk/v4 v4.10.0
	github.com/pulumi/pulumi-gcp/sdk/v8 v8.41.1
	github.com/pulumi/pulumi/sdk/v3 v3.260.0
)
