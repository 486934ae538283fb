package source

import (
	"context"
	"net"

	"cloud.google.com/go/cloudsqlconn"
	"github.com/jackc/pgx/v5/pgconn"
)

// dialer returns a dial function that goes through Google's connector in place of the mounted socket, and what closes it.
// The connector encrypts, and proves the server's identity, by certificates of the Cloud SQL Admin API. They are fetched
// when they are needed: the processor of a job is not its own between two requests.
func (c Config) dialer(ctx context.Context) (pgconn.DialFunc, func(), error) {
	options := []cloudsqlconn.Option{
		cloudsqlconn.WithLazyRefresh(),
		cloudsqlconn.WithUserAgent(DefaultApplicationName),
		cloudsqlconn.WithDefaultDialOptions(ipTypes[c.IPType]),
	}
	if c.IAM {
		options = append(options, cloudsqlconn.WithIAMAuthN())
	}
	dialer, err := cloudsqlconn.NewDialer(ctx, append(options, c.connectorExtra...)...)
	if err != nil {
		return nil, nil, &Error{
			Op: "connect to instance " + c.Instance, Reason: err.Error(), Err: err,
			Remedy: "give the job a service account with roles/cloudsql.client, or run: gcloud auth application-default login",
		}
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return dialer.Dial(ctx, c.Instance) }
	return dial, func() { _ = dialer.Close() }, nil
}

var ipTypes = map[string]cloudsqlconn.DialOption{
	"private": cloudsqlconn.WithPrivateIP(),
	"psc":     cloudsqlconn.WithPSC(),
	"public":  cloudsqlconn.WithPublicIP(),
}
