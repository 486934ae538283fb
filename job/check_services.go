package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"vertexmetadata/job/internal/bucket"
	"vertexmetadata/job/internal/column"
	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/datastore"
	"vertexmetadata/job/internal/layout"
	"vertexmetadata/job/internal/refusal"
)

// objectPermissions are what the job does in the bucket.
var objectPermissions = []string{"storage.objects.create", "storage.objects.get", "storage.objects.list", "storage.objects.delete"}

func checkBucket(ctx context.Context, cfg config.Config) []finding {
	b, err := openBucket(ctx, cfg)
	if err != nil {
		return []finding{{name: "bucket", err: err}}
	}
	defer b.Close()
	missing, err := b.CheckPermissions(ctx, objectPermissions...)
	if err == nil && len(missing) > 0 {
		err = &advisedError{
			fmt.Sprintf("gs://%s: the job's account lacks %s", cfg.Bucket, strings.Join(missing, ", ")), "grant it roles/storage.objectAdmin on the bucket",
		}
	}
	if err != nil {
		return []finding{{name: "bucket", err: err}, untried("objects", "needs the bucket")}
	}
	found := []finding{{name: "bucket", detail: "gs://" + cfg.Bucket}, probe(ctx, b, layout.New(cfg.Sync).Root())}
	if settings, err := b.Settings(ctx); err == nil { // a permission that the job need not have
		found[0].detail += describe(settings)
		found = append(found, policyFindings(settings)...)
	}
	if writers, err := b.Writers(ctx); err == nil && len(writers) > 0 { // likewise
		found = append(found, writersFinding(writers))
	}
	return found
}

// probe finds what no permission says: a key, billing, a policy of the bucket. It writes into the folder of the job's own
// objects.
func probe(ctx context.Context, b *bucket.Bucket, folder string) finding {
	f := finding{name: "objects", detail: "can be written, read, listed and deleted"}
	switch err := b.Probe(ctx, folder); {
	case errors.Is(err, bucket.ErrRetained):
		text, hint := refusal.Split(err)
		f.warning, f.detail, f.remedy = true, "can be written and read, but not deleted or replaced yet: "+text, hint
	case err != nil:
		f.err = err
	}
	return f
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

// policyFindings are the policies of a bucket that a run would meet.
func policyFindings(s bucket.Settings) (found []finding) {
	if s.Retention > 0 {
		found = append(found, finding{
			name: "retention", warning: true, detail: fmt.Sprintf("objects can be neither replaced nor deleted for %s", s.Retention),
			remedy: "set GCS_BUCKET to a bucket without a retention policy",
		})
	}
	if s.DefaultHold {
		found = append(found, finding{
			name: "hold", warning: true,
			detail: "new objects can be neither replaced nor deleted until somebody releases their hold",
			remedy: "run gcloud storage buckets update with --no-default-event-based-hold",
		})
	}
	return found
}

// writersFinding says who else may write what the job reads back.
func writersFinding(writers []string) finding {
	f := finding{name: "writers", detail: "by the bucket's own policy: " + strings.Join(writers, ", ")}
	if slices.ContainsFunc(writers, bucket.Public) {
		f.err = &advisedError{"everybody may write into the bucket (" + strings.Join(writers, ", ") + ")", "remove allUsers and allAuthenticatedUsers from its policy"}
	}
	return f
}

func (m *contentMatch) checkStore(ctx context.Context, cfg config.Config) []finding {
	store, err := openStore(ctx, cfg)
	var described datastore.Description
	if err == nil {
		defer store.Close()
		described, err = store.Describe(ctx)
		m.store = described.Content
	}
	found := []finding{{name: "data store", detail: cfg.DataStore + " in " + cfg.Location, err: err}}
	if err != nil {
		return append(found, untried("permissions", "needs the data store"))
	}
	if described.KMSKey != "" {
		found[0].detail += ", encrypted with " + described.KMSKey
	}
	if described.ACL {
		return append(found, finding{name: "permissions", err: &advisedError{
			cfg.DataStore + ": its documents have access control, and the job's have none, so nobody would find them",
			"create a data store without access control and set DATA_STORE_ID",
		}})
	}
	if m.schema, err = store.Schema(ctx, described); err != nil {
		m.schema = nil // a permission that the job need not have
	}
	for _, err = range store.IDs(ctx) {
		break // the first page proves the permission to read documents
	}
	if err == nil {
		_, err = store.FindImport(ctx, time.Now())
	}
	return append(found, finding{name: "permissions", detail: "documents and operations can be listed", err: err})
}

// schemaTypes are the types of a schema that take the values of a kind of column. JSON may be anything.
var schemaTypes = map[column.Kind][]string{
	column.Text:      {"string", "datetime", "geolocation"},
	column.Timestamp: {"string", "datetime"},
	column.Number:    {"number", "integer"},
	column.Bool:      {"boolean"},
	column.Numbers:   {"array"},
}

// schemaFindings compares the query's columns with the types that the data store's fields have: they cannot be changed, and
// documents with others are refused.
func schemaFindings(columns []column.Column, schema map[string]datastore.Field) []finding {
	var conflicts []error
	for _, c := range columns {
		field, wanted := schema[c.Name], schemaTypes[c.Kind]
		if field.Type != "" && wanted != nil && !slices.Contains(wanted, field.Type) {
			conflicts = append(conflicts, &advisedError{
				fmt.Sprintf("field %q is of type %s in the data store, and the query makes it a %s", c.Name, field.Type, wanted[0]),
				"cast the column in the query, rename it, or set DATA_STORE_ID to a new data store",
			})
		}
	}
	var found []finding
	for _, err := range conflicts {
		found = append(found, finding{name: "schema", err: err})
	}
	return found
}

// plainName are the names of fields that Google's own examples have. A dot separates the steps of a path in filters.
var plainName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`) })

// nameFindings warns of fields whose names nobody has seen to work.
func nameFindings(columns []column.Column) []finding {
	var odd []string
	for _, c := range columns {
		if !plainName().MatchString(c.Name) {
			odd = append(odd, fmt.Sprintf("%q", c.Name))
		}
	}
	if len(odd) == 0 {
		return nil
	}
	return []finding{{
		name: "names", warning: true, detail: "whether Vertex AI Search filters, sorts and returns fields of such names is not documented: " + strings.Join(odd, ", "),
		remedy: "use letters, digits, _ and - alone: rename the column with AS",
	}}
}

// standIns says which services are not Google's own: anybody who may set the environment of a run can read what it sends there.
func standIns(getenv func(string) string) []finding {
	var used []string
	for _, name := range []string{"STORAGE_EMULATOR_HOST", "DISCOVERYENGINE_ENDPOINT", "SECRETMANAGER_ENDPOINT"} {
		if strings.TrimSpace(getenv(name)) != "" {
			used = append(used, name)
		}
	}
	if len(used) == 0 {
		return nil
	}
	return []finding{{
		name: "stand-ins", warning: true,
		detail: strings.Join(used, ", ") + " set: these are not Google's services, and nothing sent to them is encrypted",
		remedy: "unset them to use the real ones",
	}}
}
