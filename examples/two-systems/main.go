// Command two-systems declares two syncs in one stack, by the component that the vertex-metadata program itself is made of: posts and
// museums, each with a job, accounts, a schedule and a data store of its own. What they share is declared once and handed to both.
package main

import (
	"time"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/storage"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"vertexmetadata/infra/stack"
)

func main() { pulumi.Run(declare) }

func declare(ctx *pulumi.Context) error {
	project := config.Require(ctx, "gcp:project")
	const image = "asia-northeast1-docker.pkg.dev/my-images/jobs/create-vertex-metadata@sha256:" +
		"0000000000000000000000000000000000000000000000000000000000000000" // the digest that you promoted

	posts, err := system(ctx, project, "nature-posts", image, stack.Args{Schedule: "*/3 * * * *"})
	if err != nil {
		return err
	}
	museums, err := system(ctx, project, "nature-museums", image, stack.Args{
		Schedule: "0 * * * *", AlertAfter: 3 * time.Hour, DataStoreContent: "none",
		SyncQuery: "SELECT museum_id AS id, name, opening_hours FROM museums",
	})
	if err != nil {
		return err
	}
	ctx.Export("posts", posts.RunCommand)
	ctx.Export("museums", museums.RunCommand)
	return nil
}

// system adds to what differs between the two what both have, and a bucket that this program declares itself.
func system(ctx *pulumi.Context, project, name, image string, args stack.Args) (*stack.System, error) {
	bucket, err := storage.NewBucket(ctx, name, &storage.BucketArgs{
		Project: pulumi.String(project), Location: pulumi.String("asia-northeast1"), UniformBucketLevelAccess: pulumi.Bool(true),
	}, pulumi.RetainOnDelete(true))
	if err != nil {
		return nil, err
	}
	args.Project = project
	args.Image = pulumi.String(image)
	args.CloudSQLInstance, args.Database, args.DatabaseAuth = pulumi.String("app"), pulumi.String("nature"), "iam"
	args.Bucket = bucket.Name // only known once the bucket is there
	args.DataStore, args.CreateDataStore = pulumi.String(name), true
	args.IAMScope, args.Monitoring = "resource", true
	return stack.New(ctx, name, &args)
}
