package cloudrun

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSockets(t *testing.T) {
	for _, test := range []struct {
		name    string
		sockets map[string]string
		revoke  bool
		want    []string
		log     string // in the system's log
	}{
		{"granted", map[string]string{instance: "/run/pg/.s.PGSQL.6000"}, false, []string{"1 false", instance + " /run/pg/.s.PGSQL.6000 <nil>"}, ""},
		{"no grant", map[string]string{instance: "/run/pg/.s.PGSQL.6000"}, true, []string{"0 true"}, "Permission 'cloudsql.instances.connect' denied on resource 'projects/p1-demo/instances/db'"},
		{"no instance", nil, false, []string{"0 true"}, "The Cloud SQL instance " + instance + " does not exist."},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCloud(t, "list the sockets", Options{Sockets: test.sockets}, nil)
			if test.revoke {
				if err := c.Revoke("//cloudresourcemanager.googleapis.com/projects/p1-demo", "roles/cloudsql.client", "serviceAccount:"+account); err != nil {
					t.Fatal(err)
				}
			}
			if _, failure := c.run(); failure != nil {
				t.Fatal(failure)
			}
			if diff := cmp.Diff(test.want, c.output("stdout")); diff != "" {
				t.Error(diff)
			}
			if log := strings.Join(c.output("varlog"), "\n"); !strings.Contains(log, test.log) || test.log == "" && log != "" {
				t.Errorf("the log says %q", log)
			}
		})
	}
}

// TestDoors: what arrives at a endpoint carries the token of the job's account.
func TestDoors(t *testing.T) {
	var c *cloud
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		allowed := c.Authorize(token, "cloudsql.instances.connect", "projects/p1-demo/instances/db")
		refused := c.Authorize(token, "storage.objects.get", "projects/_/buckets/b/objects/o")
		_, _ = fmt.Fprint(w, r.URL.Path, " ", allowed == nil, " ", refused)
	}))
	defer endpoint.Close()
	c = newCloud(t, "ask the endpoints", Options{Endpoints: Endpoints{Storage: endpoint.Listener.Addr().String()}}, nil)
	if _, failure := c.run(); failure != nil {
		t.Fatal(failure)
	}
	want := []string{"/whoami true Permission 'storage.objects.get' denied on resource 'b/b/o/o' (or it may not exist). " + account + " lacks it."}
	if diff := cmp.Diff(want, c.output("stdout")); diff != "" {
		t.Error(diff)
	}
}
