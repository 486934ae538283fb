// Package secret reads the database password from Secret Manager.
package secret

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"regexp"
	"strings"
	"time"

	secretmanager "cloud.google.com/go/secretmanager/apiv1"
	pb "cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"

	"vertexmetadata/job/internal/refusal"
)

// DefaultBudget is how long Access may take, its retries included.
const DefaultBudget = 20 * time.Second

// Config names one version of a secret. Project and Secret must be set.
type Config struct {
	Project  string        // project id or number
	Secret   string        // secret id
	Version  string        // number, alias or latest (the default)
	Endpoint string        // host:port of a stand-in, spoken to in plaintext without credentials; default: the service
	Budget   time.Duration // default: DefaultBudget
}

// part is what one step of a resource name may consist of.
var part = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]*$`)

// name is the version's resource name.
func (c Config) name() (string, error) {
	c.Version = cmp.Or(c.Version, "latest")
	var problems []error
	for _, p := range []struct{ field, value, remedy string }{
		{"project", c.Project, "set PROJECT_ID to a project's id or number"},
		{"secret", c.Secret, "set SECRET_ID to the id alone, without the path before it"},
		{"version", c.Version, "set VERSION_ID to a number or to latest"},
	} {
		if !part.MatchString(p.value) {
			problems = append(problems, fmt.Errorf("%s %q: %s", p.field, p.value, p.remedy))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return "", fmt.Errorf("access secret: %w", err)
	}
	return fmt.Sprintf("projects/%s/secrets/%s/versions/%s", c.Project, c.Secret, c.Version), nil
}

// Access returns the secret's value, without line breaks at its end, which
// secrets that were made with a shell often have. Errors name the resource and
// the remedy, never anything of the value.
func Access(ctx context.Context, cfg Config) (string, error) {
	name, err := cfg.name()
	if err != nil {
		return "", err
	}
	api := refusal.Caller{Target: refusal.Target{Service: refusal.Secrets, Project: cfg.Project}, Address: cfg.Endpoint, Budget: cmp.Or(cfg.Budget, DefaultBudget)}
	if cfg.Endpoint != "" {
		api.StandIn = "SECRETMANAGER_ENDPOINT"
	}
	client, err := secretmanager.NewClient(ctx, api.Options()...)
	if err != nil {
		return "", api.Explain(ctx, "access", name, err)
	}
	defer client.Close()
	call, cancel, retry := api.Bounded(ctx, codes.Unavailable, codes.ResourceExhausted)
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
	value := strings.TrimRight(string(data), "\r\n")
	if value == "" {
		return "", fmt.Errorf("access %s: value is empty: add a version with the database password", name)
	}
	return value, nil
}
