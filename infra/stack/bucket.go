package stack

import (
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/storage"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// provideBucket creates the bucket where it does not exist yet. The snapshot and the state of the sync are in it, so it stays when
// the stack lets go of it.
func (d *deployment) provideBucket() {
	if !d.CreateBucket {
		return
	}
	d.try("bucket", func() error {
		bucket, err := storage.NewBucket(d.ctx, d.name+"-bucket", &storage.BucketArgs{
			Project: pulumi.String(d.Project), Name: ptr(d.Bucket), Location: pulumi.String(d.Region), Labels: optionalMap(d.Labels),
			UniformBucketLevelAccess: pulumi.Bool(true), // what a condition on a grant needs, too
			PublicAccessPrevention:   pulumi.String("enforced"),
		}, keeping(d.after(d.services[apiStorage]))...)
		if err != nil {
			return err
		}
		d.Bucket = bucket.Name
		return nil
	})
}
