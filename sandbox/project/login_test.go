package project

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"vertexmetadata/sandbox/dataplane"
)

// TestLogin: a user of the instance's type for accounts logs in with the account's token while IAM lets it, and no longer.
func TestLogin(t *testing.T) {
	p, err := Start(t.Context(), Options{Data: dataplane.Options{Empty: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	const account, user = "reader-account@" + dataplane.Project + ".iam.gserviceaccount.com", "reader-account@" + dataplane.Project + ".iam"
	for _, request := range []struct {
		path string
		body map[string]any
	}{
		{"/iam/v1/projects/demo-project/serviceAccounts", map[string]any{"accountId": "reader-account"}},
		{"/sqladmin/sql/v1beta4/projects/demo-project/instances/app/users", map[string]any{"name": user, "type": "CLOUD_IAM_SERVICE_ACCOUNT"}},
	} {
		if _, err := p.Control.Request("POST", request.path, request.body); err != nil {
			t.Fatal(err)
		}
	}
	const resource = "//cloudresourcemanager.googleapis.com/projects/" + dataplane.Project
	for _, step := range []struct {
		name   string
		change func(resource, role, member string) error
		want   bool
	}{{"without the role", nil, false}, {"with it", p.Control.Grant, true}, {"without it again", p.Control.Revoke, false}} {
		if step.change != nil {
			if err := step.change(resource, "roles/cloudsql.instanceUser", "serviceAccount:"+account); err != nil {
				t.Fatal(err)
			}
		}
		token, err := p.login(account)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := pgx.Connect(t.Context(), p.Data.Postgres.URLAs(user, token, ""))
		if (err == nil) != step.want {
			t.Errorf("login %s: %v, want %v", step.name, err, step.want)
		}
		if conn != nil {
			conn.Close(t.Context())
		}
	}
}

// TestPassword: a user of the instance logs in with the password that it was given last.
func TestPassword(t *testing.T) {
	p, err := Start(t.Context(), Options{Data: dataplane.Options{Empty: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	const users = "/sqladmin/sql/v1beta4/projects/demo-project/instances/app/users"
	for _, step := range []struct{ method, path, password, refused string }{
		{"POST", users, "first", "second"},
		{"PUT", users + "?name=reader", "second", "first"},
	} {
		if _, err := p.Control.Request(step.method, step.path, map[string]any{"name": "reader", "password": step.password}); err != nil {
			t.Fatal(err)
		}
		for password, want := range map[string]bool{step.password: true, step.refused: false} {
			conn, err := pgx.Connect(t.Context(), p.Data.Postgres.URLAs("reader", password, ""))
			if (err == nil) != want {
				t.Errorf("login with %s after %s: %v, want %v", password, step.method, err, want)
			}
			if conn != nil {
				conn.Close(t.Context())
			}
		}
	}
}
