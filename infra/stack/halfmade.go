package stack

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/organizations"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// clearHalfMade removes the job that a refused creation left behind. Cloud Run takes the job, finds that its account may not read
// the secrets yet, and reports a failure with the job in place: the next attempt would find the name taken. That it is ours follows
// from the message, which is the provider's for a creation that was begun.
func (d *deployment) clearHalfMade(failed *pulumi.ErrorHookArgs) error {
	if failed.FailedOperation != "create" || failed.Type != "gcp:cloudrunv2/job:Job" || !strings.Contains(failed.Errors[0], "waiting to create Job") {
		return nil
	}
	client, err := organizations.GetClientConfig(d.ctx, d.parent.(pulumi.InvokeOption))
	if err != nil {
		return fmt.Errorf("remove the job that was made in part: %w", err)
	}
	base := providerConfig(d.ctx, "cloudRunV2CustomEndpoint")
	if base == "" {
		base = "https://run.googleapis.com/v2/"
	}
	ctx, cancel := context.WithTimeout(d.ctx.Context(), time.Minute)
	defer cancel()
	if err := deleteJob(ctx, strings.TrimSuffix(base, "/")+"/"+d.jobID(), client.AccessToken); err != nil {
		return fmt.Errorf("remove the job that was made in part: %w; delete it by hand and run pulumi up again", err)
	}
	return nil
}

// deleteJob deletes a job and waits until it is no longer there.
func deleteJob(ctx context.Context, url, token string) error {
	for method := http.MethodDelete; ; method = http.MethodGet {
		request, err := http.NewRequestWithContext(ctx, method, url, nil)
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
		_ = response.Body.Close() // all that counts of it was read
		switch {
		case response.StatusCode == http.StatusNotFound:
			return nil
		case err != nil:
			return err
		case response.StatusCode != http.StatusOK:
			return fmt.Errorf("%s %s: %s: %s", method, url, response.Status, firstLine(string(body)))
		}
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
}
