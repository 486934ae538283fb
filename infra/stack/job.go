package stack

import (
	"fmt"
	"time"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/cloudrunv2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// declareJob declares the Cloud Run Job. It waits for every grant: Cloud Run looks up the secrets, as the job's
// account, when the job is created.
func (d *deployment) declareJob() {
	d.try("job "+d.JobName, func() (err error) {
		first := append([]pulumi.Resource{d.services[apiRun], d.services[apiSecretManager], d.services[apiSQLAdmin]}, d.grants...)
		opts := append(d.after(first...), pulumi.IgnoreChanges([]string{"client", "clientVersion"})) // gcloud leaves its mark there
		if d.Adopt {
			opts = d.adopting(d.after(first...), d.jobID(), "client", "clientVersion", "deletionProtection", "labels", "template")
		}
		opts = append(opts, pulumi.Protect(d.DeletionProtection))
		d.job, err = cloudrunv2.NewJob(d.ctx, d.JobName, &cloudrunv2.JobArgs{
			Project:            pulumi.String(d.Project),
			Location:           pulumi.String(d.Region),
			Name:               pulumi.String(d.JobName),
			Labels:             optionalMap(d.Labels),
			DeletionProtection: pulumi.Bool(d.DeletionProtection),
			Template:           d.executionTemplate(),
		}, append(opts, d.settling.ofJob()...)...)
		return err
	})
}

func (d *deployment) executionTemplate() *cloudrunv2.JobTemplateArgs {
	return &cloudrunv2.JobTemplateArgs{
		Labels:      optionalMap(d.Labels),
		TaskCount:   pulumi.Int(d.Tasks),
		Parallelism: optionalInt(d.Parallelism),
		Template: &cloudrunv2.JobTemplateTemplateArgs{
			ServiceAccount: d.jobAccount.Email,
			MaxRetries:     pulumi.Int(d.MaxRetries),
			Timeout:        pulumi.String(seconds(d.Timeout)),
			EncryptionKey:  optional(d.KMSKey),
			VpcAccess:      d.vpcAccess(),
			Containers: cloudrunv2.JobTemplateTemplateContainerArray{&cloudrunv2.JobTemplateTemplateContainerArgs{
				Image: d.image,
				Envs:  d.environment(),
				Resources: &cloudrunv2.JobTemplateTemplateContainerResourcesArgs{
					Limits: pulumi.StringMap{"cpu": pulumi.String(d.CPU), "memory": pulumi.String(d.Memory)},
				},
				VolumeMounts: cloudrunv2.JobTemplateTemplateContainerVolumeMountArray{
					&cloudrunv2.JobTemplateTemplateContainerVolumeMountArgs{
						Name: pulumi.String("cloudsql"), MountPath: pulumi.String("/cloudsql"),
					},
				},
			}},
			// Google gives the volume and its mount these names whatever one calls them; any other is a
			// difference for ever.
			Volumes: cloudrunv2.JobTemplateTemplateVolumeArray{&cloudrunv2.JobTemplateTemplateVolumeArgs{
				Name: pulumi.String("cloudsql"),
				CloudSqlInstance: &cloudrunv2.JobTemplateTemplateVolumeCloudSqlInstanceArgs{
					Instances: pulumi.StringArray{pulumi.String(d.CloudSQLInstance)},
				},
			}},
		},
	}
}

// environment is what the job finds in its environment, secrets first, each part in the order of the names.
func (d *deployment) environment() (envs cloudrunv2.JobTemplateTemplateContainerEnvArray) {
	mounts := d.mounts()
	for _, name := range sortedKeys(mounts) {
		envs = append(envs, &cloudrunv2.JobTemplateTemplateContainerEnvArgs{
			Name: pulumi.String(name),
			ValueSource: &cloudrunv2.JobTemplateTemplateContainerEnvValueSourceArgs{
				SecretKeyRef: &cloudrunv2.JobTemplateTemplateContainerEnvValueSourceSecretKeyRefArgs{
					Secret: pulumi.String(mounts[name].secret), Version: pulumi.String(mounts[name].version),
				},
			},
		})
	}
	plain := d.plainEnvironment()
	for _, name := range sortedKeys(plain) {
		envs = append(envs, &cloudrunv2.JobTemplateTemplateContainerEnvArgs{
			Name: pulumi.String(name), Value: pulumi.String(plain[name]),
		})
	}
	return envs
}

func (s Settings) plainEnvironment() map[string]string {
	plain := map[string]string{"CLOUD_SQL_INSTANCE": s.CloudSQLInstance, "GCP_LOCATION": s.DataStoreLocation}
	if s.SyncQuery != "" {
		plain["SYNC_QUERY"] = s.SyncQuery
	}
	for name, value := range s.Env {
		plain[name] = value
	}
	return plain
}

func (d *deployment) vpcAccess() cloudrunv2.JobTemplateTemplateVpcAccessPtrInput {
	if d.VPCNetwork == "" {
		return nil
	}
	return &cloudrunv2.JobTemplateTemplateVpcAccessArgs{
		Egress: pulumi.String(map[string]string{
			"private-ranges-only": "PRIVATE_RANGES_ONLY", "all-traffic": "ALL_TRAFFIC",
		}[d.VPCEgress]),
		NetworkInterfaces: cloudrunv2.JobTemplateTemplateVpcAccessNetworkInterfaceArray{
			&cloudrunv2.JobTemplateTemplateVpcAccessNetworkInterfaceArgs{
				Network: pulumi.String(d.VPCNetwork), Subnetwork: optional(d.VPCSubnetwork),
			},
		},
	}
}

// jobID is how Cloud Run and Pulumi name the job in full.
func (s Settings) jobID() string {
	return fmt.Sprintf("projects/%s/locations/%s/jobs/%s", s.Project, s.Region, s.JobName)
}

// seconds writes a duration as Google's APIs do.
func seconds(d time.Duration) string { return fmt.Sprintf("%ds", int(d.Seconds())) }

// An input that is not set is left out: an empty one would show in every plan.
func optional(value string) pulumi.StringPtrInput {
	if value == "" {
		return nil
	}
	return pulumi.String(value)
}

func optionalInt(value int) pulumi.IntPtrInput {
	if value == 0 {
		return nil
	}
	return pulumi.Int(value)
}

func optionalMap(values map[string]string) pulumi.StringMapInput {
	if len(values) == 0 {
		return nil
	}
	return pulumi.ToStringMap(values)
}
