package stack

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/cloudrunv2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// provisioned is the label that the provider leaves on what it made or changed.
const provisioned = "goog-pulumi-provisioned"

// checkAdoption looks at the job before anything is taken over. The accounts carry no sign of whose they are, but the job does that
// runs as them: what another stack manages would be deleted with this one.
func (d *deployment) checkAdoption() {
	if !d.Adopt {
		return
	}
	d.try("what adopt takes over", func() error {
		job, err := cloudrunv2.LookupJob(d.ctx, &cloudrunv2.LookupJobArgs{
			Name: d.JobName, Location: pulumi.StringRef(d.Region), Project: pulumi.StringRef(d.Project),
		}, d.parent.(pulumi.InvokeOption))
		if err != nil {
			return fmt.Errorf("look up job %s in %s: %w; "+d.naming("{adopt} takes over a whole system that was set up by hand: set {jobName} to its job, or {adopt} to false"), d.JobName, d.Project, err)
		}
		if job.Labels[provisioned] != "" || job.EffectiveLabels[provisioned] != "" {
			return errors.New(d.naming(fmt.Sprintf("job %s in %s is managed by Pulumi already, as its label %s says: if by this stack, set {adopt} to false; if by another, "+
				"give this system names of its own with {jobName}, {triggerName}, {jobAccount} and {runnerAccount}", d.JobName, d.Project, provisioned)))
		}
		want := d.accountEmail(d.JobAccount)
		for _, execution := range job.Templates {
			for _, task := range execution.Templates {
				if task.ServiceAccount != want {
					return errors.New(d.naming(fmt.Sprintf("job %s in %s runs as %s, and not as %s; set {jobAccount} to the account that it has", d.JobName, d.Project, task.ServiceAccount, want)))
				}
			}
		}
		return nil
	})
}

// accountID is how IAM and Pulumi name an account in full.
func (a Args) accountID(id string) string {
	return fmt.Sprintf("projects/%s/serviceAccounts/%s", a.Project, a.accountEmail(id))
}

func (a Args) accountEmail(id string) string {
	return fmt.Sprintf("%s@%s.iam.gserviceaccount.com", id, accountDomain(a.Project))
}
