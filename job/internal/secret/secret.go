// Package secret reads the database password from Secret Manager.
package secret

import (
	"cmp"
	"context"
	"fmt"
	"hash/crc32"
	"strings"
	"time"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	pb "cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"vertexmetadata/job/internal/refusal"
)

// Config names one version of a secret, by parts that package config has checked.
type Config struct {
	Project  string        // project id or number
	Secret   string        // secret id
	Version  string        // number, alias or latest
	Endpoint string        // host:port of a stand-in; default: the service
	Budget   time.Duration // default: refusal.Budget
}

// Access returns the secret's value, without line breaks at its end, which secrets that were made with a shell often have,
// and without a byte order mark before it, which is an editor's. Errors name the resource and
// the remedy, never anything of the value.
func Access(ctx context.Context, cfg Config) (string, error) {
	name := fmt.Sprintf("projects/%s/secrets/%s/versions/%s", cfg.Project, cfg.Secret, cfg.Version)
	api := refusal.Caller{Target: refusal.Target{Service: refusal.Secrets, Project: cfg.Project}, Address: cfg.Endpoint, Budget: cmp.Or(cfg.Budget, refusal.Budget)}
	if cfg.Endpoint != "" {
		api.StandIn = "SECRETMANAGER_ENDPOINT"
	}
	client, err := secretmanager.NewClient(ctx, api.Options()...)
	if err != nil {
		return "", api.Explain(ctx, "access", name, err)
	}
	defer client.Close()
	call, cancel, retry := api.Bounded(ctx)
	defer cancel()
	resp, err := client.AccessSecretVersion(call, &pb.AccessSecretVersionRequest{Name: name}, retry)
	if err != nil {
		return "", api.Explain(ctx, "access", name, err)
	}
	data := resp.GetPayload().GetData()
	if sum := resp.GetPayload().DataCrc32C; sum != nil {
		if got := int64(crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))); got != *sum {
			return "", fmt.Errorf("access %s: checksum mismatch: the value is not what the service sent", name)
		}
	}
	value := strings.TrimRight(strings.TrimPrefix(string(data), "\uFEFF"), "\r\n")
	if value == "" {
		return "", &refusal.Advice{Text: "access " + name + ": value is empty", Remedy: "add a version with the database password", Config: true}
	}
	return value, nil
}
