package secret

import (
	"context"
	"errors"
	"hash/crc32"
	"net"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"vertexmetadata/job/internal/refusal"
)

const (
	password = "korrekt-pferd-batterie"
	version  = "projects/p1/secrets/db/versions/latest"
)

// service is a Secret Manager with one secret.
type service struct {
	pb.UnimplementedSecretManagerServiceServer
	value    string
	damaged  bool
	refusals []error // one call each; the last one stays when forever
	forever  bool
	hang     bool
	calls    int
}

func (s *service) AccessSecretVersion(ctx context.Context, req *pb.AccessSecretVersionRequest) (*pb.AccessSecretVersionResponse, error) {
	s.calls++
	if s.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if len(s.refusals) > 0 {
		err := s.refusals[0]
		if !s.forever {
			s.refusals = s.refusals[1:]
		}
		return nil, err
	}
	if req.GetName() != version && req.GetName() != strings.Replace(version, "latest", "7", 1) {
		return nil, status.Errorf(codes.NotFound, "Secret [%s] not found.", req.GetName())
	}
	sum := int64(checksum(s.value))
	if s.damaged {
		sum++
	}
	return &pb.AccessSecretVersionResponse{Name: req.GetName(), Payload: &pb.SecretPayload{Data: []byte(s.value), DataCrc32C: &sum}}, nil
}

func start(t *testing.T, s *service) Config {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterSecretManagerServiceServer(server, s)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return Config{Project: "p1", Secret: "db", Version: "latest", Endpoint: listener.Addr().String(), Budget: 5 * time.Second}
}

func TestAccess(t *testing.T) {
	for _, tt := range []struct{ name, value, version string }{
		{"plain", password, "latest"},
		{"a byte order mark before it", "\uFEFF" + password, "latest"},
		{"line break at the end", password + "\n", "latest"},
		{"line breaks at the end", password + "\r\n\n", "7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := &service{value: tt.value, refusals: []error{status.Error(codes.Unavailable, "x"), status.Error(codes.ResourceExhausted, "x")}}
			cfg := start(t, srv)
			cfg.Version = tt.version
			got, err := Access(t.Context(), cfg)
			if err != nil || got != password {
				t.Errorf("%q, error %v", got, err)
			}
			if srv.calls != 3 {
				t.Errorf("%d calls, want 3", srv.calls)
			}
		})
	}
	spaces := &service{value: " p w "}
	if got, err := Access(t.Context(), start(t, spaces)); err != nil || got != " p w " {
		t.Errorf("spaces belong to a password: %q, error %v", got, err)
	}
}

func TestAccessFails(t *testing.T) {
	disabled, err := status.New(codes.PermissionDenied, "off").WithDetails(&errdetails.ErrorInfo{Reason: "SERVICE_DISABLED"})
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(code codes.Code, message string) *service {
		return &service{value: password, forever: true, refusals: []error{status.Error(code, message)}}
	}
	const again = " | wait for the next run, which tries again; check SECRETMANAGER_ENDPOINT if this stays"
	for _, tt := range []struct {
		name   string
		srv    *service
		change func(*Config)
		want   string
	}{
		{"absent", &service{}, func(c *Config) { c.Secret = "x" }, "access projects/p1/secrets/x/versions/latest: not found: Secret [projects/p1/secrets/x/versions/latest] not found | check PROJECT_ID, SECRET_ID and VERSION_ID"},
		{"denied", refuse(codes.PermissionDenied, "no\nway"), nil, "access " + version + ": access denied: no way | grant roles/secretmanager.secretAccessor on the secret to the account the job runs as"},
		{"API off", &service{forever: true, refusals: []error{disabled.Err()}}, nil, "access " + version + ": API disabled: off | run: gcloud services enable secretmanager.googleapis.com --project p1; if the project named is another one: gcloud auth application-default set-quota-project p1"},
		{"version off", refuse(codes.FailedPrecondition, "is in DISABLED state"), nil, "access " + version + ": secret version disabled: is in DISABLED state | enable the version (gcloud secrets versions enable), or set VERSION_ID to one that is"},
		{"unauthenticated", refuse(codes.Unauthenticated, "no token"), nil, "access " + version + ": not signed in: no token | give the job a service account, or run: gcloud auth application-default login"},
		{"away", refuse(codes.Unavailable, "down"), nil, "access " + version + ": the service is unavailable: down" + again},
		{"damaged", &service{value: password, damaged: true}, nil, "access " + version + ": checksum mismatch: the value is not what the service sent"},
		{"empty", &service{value: "\n"}, nil, "access " + version + ": value is empty | add a version with the database password"},
		{"a byte order mark alone", &service{value: "\uFEFF\r\n"}, nil, "access " + version + ": value is empty | add a version with the database password"},
		{"hangs", &service{hang: true}, nil, "access " + version + ": the service is unavailable: no answer within 400ms" + again},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := start(t, tt.srv)
			cfg.Budget = 400 * time.Millisecond
			if tt.change != nil {
				tt.change(&cfg)
			}
			got, err := Access(t.Context(), cfg)
			if err == nil || withHint(err) != tt.want {
				t.Errorf("error\n%v, want\n%s", err, tt.want)
			}
			if got != "" || err != nil && strings.Contains(err.Error(), password) {
				t.Errorf("value %q, error %v", got, err)
			}
		})
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("SIGTERM"))
	if _, err := Access(ctx, start(t, &service{value: password})); err == nil || err.Error() != "access "+version+": SIGTERM" {
		t.Errorf("cancelled: %v", err)
	}
	ctx, cancelLater := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, errors.New("out of time"))
	defer cancelLater()
	const want = "access " + version + ": the service is unavailable: down" + again
	if _, err := Access(ctx, start(t, refuse(codes.Unavailable, "down."))); err == nil || withHint(err) != want {
		t.Errorf("the caller's time is up while it retries:\n%v, want\n%s", err, want)
	}
}

// withHint is an error's text and what to do about it.
func withHint(err error) string {
	if hint := refusal.HintOf(err); hint != "" {
		return err.Error() + " | " + hint
	}
	return err.Error()
}

func checksum(value string) uint32 {
	return crc32.Checksum([]byte(value), crc32.MakeTable(crc32.Castagnoli))
}
