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
		name, renamed := d.named("job", d.JobName)
		first := append([]pulumi.Resource{d.services[apiRun], d.services[apiSecretManager], d.services[apiSQLAdmin]}, d.grants...)
		first = append(first, d.stores...)
		opts := append(d.after(first...), renamed, pulumi.Protect(d.DeletionProtection))
		opts = append(opts, d.awaitSecrets()...)
		if d.Adopt {
			opts = d.adopting(opts, d.jobID(), "client", "clientVersion", "deletionProtection", "labels", "template")
		} else {
			opts = append(opts, pulumi.IgnoreChanges([]string{"client", "clientVersion"})) // gcloud leaves its mark there
		}
		d.job, err = cloudrunv2.NewJob(d.ctx, name, &cloudrunv2.JobArgs{
			Project:            pulumi.String(d.Project),
			Location:           pulumi.String(d.Region),
			Name:               pulumi.String(d.JobName),
			Labels:             optionalMap(d.Labels),
			DeletionProtection: pulumi.Bool(d.DeletionProtection),
			Template:           d.executionTemplate(),
		}, opts...)
		return err
	})
}

func (d *deployment) executionTemplate() *cloudrunv2.JobTemplateArgs {
	container := &cloudrunv2.JobTemplateTemplateContainerArgs{
		Image: d.image,
		// Said although the image says it too: a promoted image may be an older one, which has no command of its own.
		Args: pulumi.StringArray{pulumi.String("sync")},
		Envs: d.environment(),
		Resources: &cloudrunv2.JobTemplateTemplateContainerResourcesArgs{
			Limits: pulumi.StringMap{"cpu": pulumi.String(d.CPU), "memory": pulumi.String(d.Memory)},
		},
	}
	task := &cloudrunv2.JobTemplateTemplateArgs{
		ServiceAccount: d.jobAccount.Email,
		MaxRetries:     pulumi.Int(*d.MaxRetries),
		Timeout:        pulumi.String(seconds(d.Timeout)),
		EncryptionKey:  ptr(d.KMSKey),
		VpcAccess:      d.vpcAccess(),
		Containers:     cloudrunv2.JobTemplateTemplateContainerArray{container},
	}
	if d.socket() {
		// Google gives the volume and its mount these names whatever one calls them; any other is a
		// difference for ever.
		container.VolumeMounts = cloudrunv2.JobTemplateTemplateContainerVolumeMountArray{
			&cloudrunv2.JobTemplateTemplateContainerVolumeMountArgs{Name: pulumi.String("cloudsql"), MountPath: pulumi.String("/cloudsql")},
		}
		task.Volumes = cloudrunv2.JobTemplateTemplateVolumeArray{&cloudrunv2.JobTemplateTemplateVolumeArgs{
			Name: pulumi.String("cloudsql"),
			CloudSqlInstance: &cloudrunv2.JobTemplateTemplateVolumeCloudSqlInstanceArgs{
				Instances: pulumi.StringArray{d.CloudSQLInstance},
			},
		}}
	}
	return &cloudrunv2.JobTemplateArgs{
		Labels:      optionalMap(d.Labels),
		TaskCount:   pulumi.Int(d.Tasks),
		Parallelism: optionalInt(d.Parallelism),
		Template:    task,
	}
}

func (d *deployment) vpcAccess() cloudrunv2.JobTemplateTemplateVpcAccessPtrInput {
	if !given(d.VPCNetwork) {
		return nil
	}
	return &cloudrunv2.JobTemplateTemplateVpcAccessArgs{
		Egress: pulumi.String(map[string]string{
			"private-ranges-only": "PRIVATE_RANGES_ONLY", "all-traffic": "ALL_TRAFFIC",
		}[d.VPCEgress]),
		NetworkInterfaces: cloudrunv2.JobTemplateTemplateVpcAccessNetworkInterfaceArray{
			&cloudrunv2.JobTemplateTemplateVpcAccessNetworkInterfaceArgs{Network: ptr(d.VPCNetwork), Subnetwork: ptr(d.VPCSubnetwork)},
		},
	}
}

// jobID is how Cloud Run and Pulumi name the job in full.
func (a Args) jobID() string {
	return fmt.Sprintf("projects/%s/locations/%s/jobs/%s", a.Project, a.Region, a.JobName)
}

// seconds writes a duration as Google's APIs do.
func seconds(d time.Duration) string { return fmt.Sprintf("%ds", int(d.Seconds())) }

// An input that is not set is left out: an empty one would show in every plan.
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
