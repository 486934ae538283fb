package stack

import (
	"strings"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/projects"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// The APIs of the system. The seed document enables Cloud Scheduler and takes the rest for granted.
const (
	apiArtifactRegistry = "artifactregistry.googleapis.com"
	apiDiscoveryEngine  = "discoveryengine.googleapis.com"
	apiIAM              = "iam.googleapis.com"
	apiKMS              = "cloudkms.googleapis.com"
	apiLogging          = "logging.googleapis.com"
	apiMonitoring       = "monitoring.googleapis.com"
	apiRun              = "run.googleapis.com"
	apiScheduler        = "cloudscheduler.googleapis.com"
	apiSecretManager    = "secretmanager.googleapis.com"
	apiSQLAdmin         = "sqladmin.googleapis.com"
	apiStorage          = "storage.googleapis.com"
	apiCompute          = "compute.googleapis.com"
)

// APIs lists what the settings need enabled.
func APIs(a Args) []string {
	apis := []string{
		apiArtifactRegistry, apiDiscoveryEngine, apiIAM, apiLogging, apiRun, apiScheduler,
		apiSecretManager, apiSQLAdmin, apiStorage,
	}
	if given(a.KMSKey) {
		apis = append(apis, apiKMS)
	}
	if a.Monitoring {
		apis = append(apis, apiMonitoring)
	}
	if given(a.VPCNetwork) {
		apis = append(apis, apiCompute)
	}
	return apis
}

// enableServices enables the APIs. They stay on at destroy: others in the project may have come to use them.
func (d *deployment) enableServices() {
	d.services = map[string]pulumi.Resource{}
	for _, api := range APIs(d.Args) {
		d.try("API "+api, func() error {
			name, renamed := d.named("api-"+shortName(api), shortName(api))
			opts := append(d.after(), renamed)
			if api == apiScheduler { // the one that the seed's commands enabled
				opts = d.adopting(opts, d.Project+"/"+api, "disableOnDestroy")
			}
			service, err := projects.NewService(d.ctx, name, &projects.ServiceArgs{
				Project:          pulumi.String(d.Project),
				Service:          pulumi.String(api),
				DisableOnDestroy: pulumi.Bool(false),
			}, opts...)
			d.services[api] = service
			return err
		})
	}
}

// shortName is an API's name without the domain that they all share.
func shortName(api string) string { return strings.TrimSuffix(api, ".googleapis.com") }
