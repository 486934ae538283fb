package project

import (
	"context"
	"net/http"
	"strings"
	"time"

	"cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"

	"vertexmetadata/sandbox/controlplane/api"
	"vertexmetadata/sandbox/dataplane"
	"vertexmetadata/sandbox/discoveryengine"
)

// bridge lets the data plane serve what the control plane makes. Its methods are called one at a time.
type bridge struct {
	data   *dataplane.Plane
	stores map[string]*discoveryengine.DataStore // by storeID
}

var _ api.DataPlane = (*bridge)(nil)

// databaseTimeout bounds one statement in PostgreSQL, during which the control plane answers nobody.
const databaseTimeout = 10 * time.Second

func storeID(s api.DataStore) string { return s.Project + "/" + s.Location + "/" + s.ID }

func newBridge(data *dataplane.Plane, location string) *bridge {
	own := storeID(api.DataStore{Project: dataplane.Project, Location: location, ID: dataplane.DataStoreID})
	return &bridge{data: data, stores: map[string]*discoveryengine.DataStore{own: data.DataStore}}
}

func (b *bridge) Objects() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// gcloud writes boundary='...', which is not what the standard calls a quoted string.
		r.Header.Set("Content-Type", strings.ReplaceAll(r.Header.Get("Content-Type"), "'", `"`))
		b.data.Storage.ServeHTTP(w, r)
	})
}

func (b *bridge) CreateBucket(name string) { b.data.Storage.CreateBucket(name) }

func (b *bridge) DeleteBucket(name string) bool {
	if len(b.data.Storage.List(name, "")) > 0 {
		return false
	}
	b.data.Storage.DeleteBucket(name)
	return true
}

// CreateDataStore makes a data store unless it is there: an update of its resource comes here too.
func (b *bridge) CreateDataStore(s api.DataStore) {
	if b.stores[storeID(s)] != nil {
		return
	}
	b.stores[storeID(s)] = b.data.Search.CreateDataStore(discoveryengine.StoreConfig{
		Project: s.Project, ProjectNumber: s.Number, Location: s.Location, ID: s.ID,
		Content: discoveryenginepb.DataStore_ContentConfig(discoveryenginepb.DataStore_ContentConfig_value[s.Content]),
	})
}

func (b *bridge) DeleteDataStore(s api.DataStore) {
	if store := b.stores[storeID(s)]; store != nil {
		b.data.Search.DeleteDataStore(store)
		delete(b.stores, storeID(s))
	}
}

// inDatabase does something in PostgreSQL if it is what stands for the instance.
func (b *bridge) inDatabase(instance string, do func(context.Context) error) error {
	if dataplane.Project+":"+dataplane.Region+":"+instance != dataplane.Instance || b.data.Postgres == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), databaseTimeout)
	defer cancel()
	return do(ctx)
}

func (b *bridge) CreateDatabase(instance, name string) error {
	return b.inDatabase(instance, func(ctx context.Context) error { return b.data.Postgres.EnsureDatabase(ctx, name) })
}

func (b *bridge) DeleteDatabase(instance, name string) error {
	return b.inDatabase(instance, func(ctx context.Context) error { return b.data.Postgres.DropDatabase(ctx, name) })
}

// CreateUser makes a role, or gives the one that is there another password; one that logs in by IAM has none here.
func (b *bridge) CreateUser(instance, name, password string) error {
	return b.inDatabase(instance, func(ctx context.Context) error {
		if err := b.data.Postgres.EnsureRole(ctx, name); err != nil || password == "" {
			return err
		}
		return b.data.Postgres.SetRolePassword(ctx, name, password)
	})
}

func (b *bridge) DeleteUser(instance, name string) error {
	return b.inDatabase(instance, func(ctx context.Context) error { return b.data.Postgres.DropRole(ctx, name) })
}
