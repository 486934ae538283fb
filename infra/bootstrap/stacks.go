package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/kms"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/projects"
	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/storage"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// stateBucket is the bucket of a stack's state.
func (s stack) stateBucket() string { return s.project + "-pulumi-" + s.name }

// state is where a stack's state is, and the key that encrypts the secrets in it.
type state struct {
	bucket *storage.Bucket
	key    *kms.CryptoKey
}

// provideStack creates for one stack: its state, and the three accounts that GitHub works on it with.
func (b *bootstrap) provideStack(s stack) error {
	kept, err := b.provideState(s)
	if err != nil {
		return err
	}
	reviewed := s != b.stacks[0]
	address := "gs://" + s.stateBucket()
	for _, part := range []struct {
		id, purpose string
		environment environment
		state, key  string // roles
		roles       []string
		pulls       bool
	}{
		{
			"deploy-" + s.name, "Deploys the stack " + s.name,
			environment{name: s.name, state: address, onBranch: true, reviewers: reviewed},
			"roles/storage.objectUser", "roles/cloudkms.cryptoKeyEncrypterDecrypter", slices.Concat(deployerRoles, b.settings.deployerRoles), true,
		},
		{ // It runs the code of pull requests.
			"preview-" + s.name, "Previews the stack " + s.name,
			environment{name: s.name + "-preview", state: address, reviewers: reviewed},
			"roles/storage.objectViewer", "roles/cloudkms.cryptoKeyDecrypter", nil, false,
		},
		{
			"audit-" + s.name, "Compares the stack " + s.name + " with the cloud",
			environment{name: s.name + "-audit", state: address, onBranch: true},
			"roles/storage.objectViewer", "roles/cloudkms.cryptoKeyDecrypter", auditorRoles, true,
		},
	} {
		account, err := b.account(s.project, part.id, part.purpose, part.environment)
		if err != nil {
			return err
		}
		if err := kept.allow(b.ctx, part.id, part.state, part.key, account.Member); err != nil {
			return err
		}
		if err := b.grant(s.project, part.id, part.roles, account.Member); err != nil {
			return err
		}
		if part.pulls {
			if err := b.images.allow(b.ctx, part.id, "roles/artifactregistry.reader", account.Member); err != nil {
				return err
			}
		}
	}
	return b.letRunPull(s)
}

// provideState creates bucket and key. Both are left behind when this program is destroyed: without them nothing knows any more
// what the stack has deployed.
func (b *bootstrap) provideState(s stack) (state, error) {
	services, err := b.enable(s.project, "storage", "cloudkms")
	if err != nil {
		return state{}, err
	}
	kept := pulumi.RetainOnDelete(true)
	bucket, err := storage.NewBucket(b.ctx, s.name+"-state", &storage.BucketArgs{
		Project:                  pulumi.String(s.project),
		Name:                     pulumi.String(s.stateBucket()),
		Location:                 pulumi.String(b.location),
		UniformBucketLevelAccess: pulumi.Bool(true),
		PublicAccessPrevention:   pulumi.String("enforced"),
		Versioning:               storage.BucketVersioningArgs{Enabled: pulumi.Bool(true)},
		LifecycleRules: storage.BucketLifecycleRuleArray{storage.BucketLifecycleRuleArgs{
			Action:    storage.BucketLifecycleRuleActionArgs{Type: pulumi.String("Delete")},
			Condition: storage.BucketLifecycleRuleConditionArgs{NumNewerVersions: pulumi.Int(50)},
		}},
	}, pulumi.DependsOn(services), kept)
	if err != nil {
		return state{}, err
	}
	ring, err := kms.NewKeyRing(b.ctx, s.name+"-pulumi", &kms.KeyRingArgs{
		Project: pulumi.String(s.project), Location: pulumi.String(b.location), Name: pulumi.String("pulumi-" + s.name),
	}, pulumi.DependsOn(services), kept)
	if err != nil {
		return state{}, err
	}
	key, err := kms.NewCryptoKey(b.ctx, s.name+"-secrets", &kms.CryptoKeyArgs{
		KeyRing: ring.ID(), Name: pulumi.String("secrets"), RotationPeriod: pulumi.String("7776000s"),
	}, kept)
	return state{bucket, key}, err
}

// allow grants a role on the state and one on its key.
func (s state) allow(ctx *pulumi.Context, who, onState, onKey string, member pulumi.StringInput) error {
	if _, err := storage.NewBucketIAMMember(ctx, who+"-state", &storage.BucketIAMMemberArgs{
		Bucket: s.bucket.Name, Role: pulumi.String(onState), Member: member,
	}); err != nil {
		return err
	}
	_, err := kms.NewCryptoKeyIAMMember(ctx, who+"-secrets", &kms.CryptoKeyIAMMemberArgs{
		CryptoKeyId: s.key.ID(), Role: pulumi.String(onKey), Member: member,
	})
	return err
}

// grant gives roles in a project. The one that gives roles is bound to those that a stack gives.
func (b *bootstrap) grant(project, who string, roles []string, member pulumi.StringInput) error {
	services, err := b.enable(project, "cloudresourcemanager")
	if err != nil {
		return err
	}
	for _, role := range roles {
		args := &projects.IAMMemberArgs{Project: pulumi.String(project), Role: pulumi.String(role), Member: member}
		if role == "roles/resourcemanager.projectIamAdmin" {
			args.Condition = projects.IAMMemberConditionArgs{
				Title:       pulumi.String("only-the-roles-of-the-stack"),
				Description: pulumi.String("Give and take no roles but those that the stack gives"),
				Expression: pulumi.String(fmt.Sprintf("api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly(['%s'])",
					strings.Join(slices.Concat(grantableRoles, b.settings.grantableRoles), "', '"))),
			}
		}
		if _, err := projects.NewIAMMember(b.ctx, who+"-"+strings.TrimPrefix(role, "roles/"), args, pulumi.DependsOn(services)); err != nil {
			return err
		}
	}
	return nil
}

// letRunPull lets Cloud Run of a stack's project pull from the repository, once a project. It pulls in the name of its own agent,
// not of the job's account.
func (b *bootstrap) letRunPull(s stack) error {
	if i := slices.IndexFunc(b.stacks, func(other stack) bool { return other.project == s.project }); b.stacks[i] != s {
		return nil
	}
	services, err := b.enable(s.project, "run", "serviceusage")
	if err != nil {
		return err
	}
	agent, err := projects.NewServiceIdentity(b.ctx, s.project+"-run-agent", &projects.ServiceIdentityArgs{
		Project: pulumi.String(s.project), Service: pulumi.String("run.googleapis.com"),
	}, pulumi.DependsOn(services))
	if err != nil {
		return err
	}
	return b.images.allow(b.ctx, s.project+"-run-agent", "roles/artifactregistry.reader", agent.Member)
}
