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
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

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
func (c *Config) name() (string, error) {
	c.Version, c.Budget = cmp.Or(c.Version, "latest"), cmp.Or(c.Budget, DefaultBudget)
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
	client, err := secretmanager.NewClient(ctx, cfg.options()...)
	if err != nil {
		return "", refusal.Explain("access", name, err, cfg.target())
	}
	defer client.Close()

	call, cancel := context.WithTimeout(ctx, cfg.Budget)
	defer cancel()
	var last error
	resp, err := client.AccessSecretVersion(call, &pb.AccessSecretVersionRequest{Name: name}, cfg.retry(&last))
	if err != nil {
		return "", explain(ctx, cfg, name, err, last)
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

func (c *Config) options() []option.ClientOption {
	opts := []option.ClientOption{option.WithTelemetryDisabled()}
	if c.Endpoint != "" {
		opts = append(opts, option.WithEndpoint(c.Endpoint), option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	}
	return opts
}

// retry repeats what may pass. It ends a little before the deadline, so that
// the last failure is reported and not that time ran out, and leaves in last what
// was retried.
func (c *Config) retry(last *error) gax.CallOption {
	end := time.Now().Add(c.Budget - c.Budget/20) // gax asks for the retryer only after the first failure
	return gax.WithRetry(func() gax.Retryer {
		return &retryer{end: end, last: last, Retryer: gax.OnCodes(
			[]codes.Code{codes.Unavailable, codes.ResourceExhausted},
			gax.Backoff{Initial: 200 * time.Millisecond, Max: 5 * time.Second, Multiplier: 2},
		)}
	})
}

type retryer struct {
	gax.Retryer
	end  time.Time
	last *error
}

func (r *retryer) Retry(err error) (time.Duration, bool) {
	pause, again := r.Retryer.Retry(err)
	if again {
		*r.last = err
	}
	return pause, again && time.Now().Add(pause).Before(r.end)
}

// explain names the remedy where a person must act. last is what was retried
// before, if anything.
func explain(ctx context.Context, cfg Config, name string, err, last error) error {
	switch {
	case ctx.Err() != nil && last != nil:
		return fmt.Errorf("access %s: %w; last failure: %s", name, context.Cause(ctx), refusal.Text(last))
	case ctx.Err() != nil:
		return fmt.Errorf("access %s: %w", name, context.Cause(ctx))
	case errors.Is(err, context.DeadlineExceeded) || status.Code(err) == codes.DeadlineExceeded:
		err = status.Error(codes.DeadlineExceeded, "no answer within "+cfg.Budget.String())
	}
	return refusal.Explain("access", name, err, cfg.target())
}

// target is what remedies name.
func (c *Config) target() refusal.Target {
	t := refusal.Target{Service: refusal.Secrets, Project: c.Project}
	if c.Endpoint != "" {
		t.StandIn = "SECRETMANAGER_ENDPOINT"
	}
	return t
}
