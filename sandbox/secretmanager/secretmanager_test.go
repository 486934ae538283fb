package secretmanager_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	client "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"vertexmetadata/sandbox/secretmanager"
)

func start(t *testing.T) (*secretmanager.Store, *secretmanager.Server, func(name string) (string, string, error)) {
	t.Helper()
	store := secretmanager.NewStore()
	store.AddProject("demo", "123456")
	s, err := secretmanager.Start(secretmanager.Options{Secrets: store})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	c, err := client.NewClient(t.Context(), option.WithEndpoint(s.Addr()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return store, s, func(name string) (string, string, error) {
		r, err := c.AccessSecretVersion(context.Background(), &secretmanagerpb.AccessSecretVersionRequest{Name: name})
		return string(r.GetPayload().GetData()), r.GetName(), err
	}
}

func TestAccess(t *testing.T) {
	store, _, access := start(t)
	store.Add("demo", "password", []byte("first"))
	store.Add("123456", "password", []byte("second\n"))
	store.Add("demo", "password", []byte("third"))
	store.Add("demo", "off", []byte("x"))
	if err := errors.Join(store.Disable("demo", "off", 1), store.Destroy("demo", "password", 1)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, version string
		data, full    string
		code          codes.Code
		text          string
	}{
		{"by id", "projects/demo/secrets/password/versions/2", "second\n", "projects/123456/secrets/password/versions/2", codes.OK, ""},
		{"by number, latest", "projects/123456/secrets/password/versions/latest", "third", "projects/123456/secrets/password/versions/3", codes.OK, ""},
		{"destroyed", "projects/demo/secrets/password/versions/1", "", "", codes.FailedPrecondition, "Secret Version [projects/123456/secrets/password/versions/1] is in DESTROYED state."},
		{"disabled", "projects/demo/secrets/off/versions/latest", "", "", codes.FailedPrecondition, "Secret Version [projects/123456/secrets/off/versions/1] is in DISABLED state."},
		{"absent version", "projects/demo/secrets/password/versions/4", "", "", codes.NotFound, "Secret Version [projects/123456/secrets/password/versions/4] not found."},
		{"absent secret", "projects/demo/secrets/x/versions/latest", "", "", codes.NotFound, "Secret [projects/123456/secrets/x] not found or has no versions."},
		{"malformed", "projects/demo/secrets/password", "", "", codes.InvalidArgument, "does not match the expected format"},
	} {
		t.Run(test.name, func(t *testing.T) {
			data, full, err := access(test.version)
			if status.Code(err) != test.code || err != nil && !strings.Contains(err.Error(), test.text) {
				t.Errorf("error %v, want %v %q", err, test.code, test.text)
			}
			if data != test.data || full != test.full {
				t.Errorf("%q of %s, want %q of %s", data, full, test.data, test.full)
			}
		})
	}
}

func TestVersionsChange(t *testing.T) {
	store, _, access := start(t)
	store.Add("demo", "password", []byte("first"))
	const latest = "projects/demo/secrets/password/versions/latest"
	if err := store.Disable("demo", "password", 1); err != nil {
		t.Fatal(err)
	}
	if _, _, err := access(latest); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("disabled: %v", err)
	}
	if err := store.Enable("demo", "password", 1); err != nil {
		t.Fatal(err)
	}
	if data, _, err := access(latest); err != nil || data != "first" {
		t.Errorf("enabled: %q, %v", data, err)
	}
	if n := store.Add("demo", "password", []byte("second")); n != 2 {
		t.Errorf("second version is %d", n)
	}
	if data, _, err := access(latest); err != nil || data != "second" {
		t.Errorf("rotated: %q, %v", data, err)
	}
	if err := errors.Join(store.Destroy("demo", "password", 2)); err != nil {
		t.Fatal(err)
	}
	if err := store.Enable("demo", "password", 2); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("enabling a destroyed version: %v", err)
	}
	if !store.Delete("demo", "password") || store.Delete("demo", "password") {
		t.Error("Delete does not report what was there")
	}
}

func TestAuthorizeAndFaults(t *testing.T) {
	store, s, access := start(t)
	store.Add("demo", "password", []byte("first"))
	const name = "projects/demo/secrets/password/versions/1"
	s.Inject(secretmanager.Fault{Method: "AccessSecretVersion", Code: codes.Internal, Message: "oops"})
	if _, _, err := access(name); status.Code(err) != codes.Internal {
		t.Errorf("fault: %v", err)
	}
	s.SetAuthorize(func(_, permission, resource string) error {
		return errors.New("Permission '" + permission + "' denied for resource '" + resource + "' (or it may not exist).")
	})
	_, _, err := access(name)
	const want = "Permission 'secretmanager.versions.access' denied for resource '" + name + "' (or it may not exist)."
	if status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want UNAUTHENTICATED, since there was no token, with %q", err, want)
	}
	if got := s.Calls()["AccessSecretVersion"]; got != 2 {
		t.Errorf("%d calls, want 2", got)
	}
}
