package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"vertexmetadata/job/internal/bucket"
	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/layout"
	"vertexmetadata/job/internal/refusal"
)

// objectPermissions are what the job does in the bucket.
var objectPermissions = []string{"storage.objects.create", "storage.objects.get", "storage.objects.list", "storage.objects.delete"}

func checkBucket(ctx context.Context, cfg config.Config) []finding {
	b, err := openBucket(ctx, cfg)
	if err != nil {
		return []finding{failed("bucket", err)}
	}
	defer b.Close()
	missing, err := b.CheckPermissions(ctx, objectPermissions...)
	if err == nil && len(missing) > 0 {
		err = &refusal.Advice{
			Text:   fmt.Sprintf("gs://%s: the job's account lacks %s", cfg.Bucket, strings.Join(missing, ", ")),
			Remedy: "grant it roles/storage.objectAdmin on the bucket",
		}
	}
	if err != nil {
		return []finding{failed("bucket", err), untried("objects", "needs the bucket")}
	}
	settings, _ := b.Settings(ctx) // a permission that the job need not have
	found := []finding{fine("bucket", "gs://"+cfg.Bucket+describe(settings)), probe(ctx, b, layout.New(cfg.Sync.Name).Root())}
	if settings.Retention > 0 {
		found = append(found, warning("retention", fmt.Sprintf("objects can be neither replaced nor deleted for %s", settings.Retention),
			"set GCS_BUCKET to a bucket without a retention policy"))
	}
	if settings.DefaultHold {
		found = append(found, warning("hold", "new objects can be neither replaced nor deleted until somebody releases their hold",
			"run: gcloud storage buckets update gs://"+cfg.Bucket+" --no-default-event-based-hold"))
	}
	writers, err := b.Writers(ctx)
	names := strings.Join(writers, ", ")
	switch {
	case err != nil || len(writers) == 0: // another permission that the job need not have
	case slices.ContainsFunc(writers, bucket.Public):
		found = append(found, failed("writers", &refusal.Advice{
			Text: "everybody may write into the bucket (" + names + ")", Remedy: "remove allUsers and allAuthenticatedUsers from its policy",
		}))
	default:
		found = append(found, fine("writers", "by the bucket's own policy: "+names))
	}
	return found
}

// probe finds what no permission says: a key, billing, a policy of the bucket. It writes into the folder of the job's own
// objects.
func probe(ctx context.Context, b *bucket.Bucket, folder string) finding {
	err := b.Probe(ctx, folder)
	if errors.Is(err, bucket.ErrRetained) {
		text, remedy := refusal.Split(err)
		return warning("objects", "can be written and read, but not deleted or replaced yet: "+text, remedy)
	}
	return tried("objects", "can be written, read, listed and deleted", err)
}

// describe is what is worth to know of a bucket beside its name.
func describe(s bucket.Settings) (text string) {
	if s.Location != "" {
		text += " in " + s.Location
	}
	if s.KMSKey != "" {
		text += ", encrypted with " + s.KMSKey
	}
	if s.SoftDelete > 0 {
		text += fmt.Sprintf(", deleted objects are kept (and billed) for %s", s.SoftDelete)
	}
	return text
}
