package api

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

// Suppose makes what a plan takes for granted and this project lacks: the APIs, secrets, buckets and repositories that its grants
// and its job name and that it does not create itself. value returns what a secret holds, from the secret's id and the
// variable of the job that reads it, which is empty for one that only a grant names.
func (s *Server) Suppose(project string, plan []byte, value func(secret, variable string) string) error {
	resources, err := readPlan(plan)
	if err != nil {
		return err
	}
	declared := map[string]bool{}
	for _, r := range resources {
		for _, name := range []string{"secretId", "repositoryId", "name", "bucket", "accountId"} {
			if !strings.Contains(strings.ToLower(r.Type), "iammember") {
				declared[r.Type+" "+fields.Text(r.Inputs, name)] = true
			}
		}
	}
	variables, versions := secretsOf(resources)
	for _, r := range resources {
		in := r.Inputs
		home := fields.Text(in, "project")
		if home != "" && s.Resource("cloudresourcemanager", "projects/"+home) == nil {
			s.NewProject(home, fmt.Sprintf("9%011d", len(s.Names("cloudresourcemanager"))))
		}
		if home == "" {
			home = project
		}
		switch r.Type {
		case "gcp:secretmanager/secretIamMember:SecretIamMember":
			secret := engine.Last(fields.Text(in, "secretId"))
			if declared["gcp:secretmanager/secret:Secret "+secret] {
				break
			}
			if s.Resource("secretmanager", "projects/"+home+"/secrets/"+secret) == nil {
				err = s.NewSecret(home, secret, value(secret, variables[secret]))
			}
			for n := 1; n < versions[secret] && err == nil; n++ { // one was there or is new
				err = s.AddSecretVersion(home, secret, value(secret, variables[secret]))
			}
		case "gcp:storage/bucketIAMMember:BucketIAMMember":
			bucket := fields.Text(in, "bucket")
			if !declared["gcp:storage/bucket:Bucket "+bucket] && s.Resource("storage", "b/"+bucket) == nil {
				err = s.NewBucket(project, bucket, "asia-northeast1")
			}
		case "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember":
			id, location := engine.Last(fields.Text(in, "repository")), fields.Text(in, "location")
			name := fmt.Sprintf("projects/%s/locations/%s/repositories/%s", project, location, id)
			if !declared["gcp:artifactregistry/repository:Repository "+id] && s.Resource("artifactregistry", name) == nil {
				err = s.NewRepository(project, location, id)
			}
		case "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember":
			err = s.supposeKey(fields.Text(in, "cryptoKeyId"))
		case "gcp:sql/user:User":
			if id := fields.Text(in, "instance"); s.Resource("sqladmin", "projects/"+home+"/instances/"+id) == nil {
				s.NewInstance(home, "asia-northeast1", id)
			}
		case "gcp:cloudrunv2/job:Job":
			err = s.supposeJob(home, in, declared, value)
		}
		if err != nil {
			return fmt.Errorf("make what %s needs: %w", r.Name, err)
		}
	}
	return nil
}

// supposeJob makes what a job names: the secrets that it mounts, and the repository of its image.
func (s *Server) supposeJob(home string, job object, declared map[string]bool, value func(secret, variable string) string) error {
	for _, container := range fields.Items(job, "template.template.containers") {
		for _, env := range fields.Items(container, "envs") {
			secret := fields.Text(env, "valueSource.secretKeyRef.secret")
			if secret == "" || strings.Contains(secret, "/") || declared["gcp:secretmanager/secret:Secret "+secret] {
				continue // another project's, which a grant names too
			}
			if s.Resource("secretmanager", "projects/"+home+"/secrets/"+secret) == nil {
				if err := s.NewSecret(home, secret, value(secret, fields.Text(env, "name"))); err != nil {
					return err
				}
			}
		}
		image := googleImage.FindStringSubmatch(fields.Text(container, "image"))
		if image == nil || declared["gcp:artifactregistry/repository:Repository "+image[3]] ||
			s.Resource("artifactregistry", fmt.Sprintf("projects/%s/locations/%s/repositories/%s", image[2], image[1], image[3])) != nil {
			continue
		}
		if err := s.NewRepository(image[2], image[1], image[3]); err != nil {
			return err
		}
	}
	return nil
}

// googleImage is an image of Artifact Registry: its location, project and repository.
var googleImage = regexp.MustCompile(`^([a-z0-9-]+)-docker\.pkg\.dev/([^/]+)/([^/]+)/`)

// supposeKey makes a KMS key, named in full, and what it lies in.
func (s *Server) supposeKey(name string) error {
	ring, key, ok := strings.Cut(name, "/cryptoKeys/")
	if !ok || s.Resource("cloudkms", name) != nil {
		return nil
	}
	rings, id, _ := strings.Cut(ring, "/keyRings/")
	project := strings.Split(rings, "/")[1]
	requests := []string{
		"/serviceusage/v1/projects/" + project + "/services/cloudkms.googleapis.com:enable",
		"/cloudkms/v1/" + rings + "/keyRings?keyRingId=" + id,
		"/cloudkms/v1/" + ring + "/cryptoKeys?cryptoKeyId=" + key,
	}
	if s.Resource("cloudkms", ring) != nil {
		requests = append(requests[:1], requests[2])
	}
	for _, path := range requests {
		if _, err := s.Request("POST", path, object{}); err != nil {
			return err
		}
	}
	return nil
}

func readPlan(plan []byte) ([]planned, error) {
	var declared struct {
		Resources []planned `json:"resources"`
	}
	if err := json.Unmarshal(plan, &declared); err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	return declared.Resources, nil
}

// secretsOf are the variables of the jobs that read each secret, and the newest version by number that they ask for.
func secretsOf(resources []planned) (variables map[string]string, versions map[string]int) {
	variables, versions = map[string]string{}, map[string]int{}
	for _, r := range resources {
		if r.Type != "gcp:cloudrunv2/job:Job" {
			continue
		}
		for _, container := range fields.Items(r.Inputs, "template.template.containers") {
			for _, env := range fields.Items(container, "envs") {
				if secret := engine.Last(fields.Text(env, "valueSource.secretKeyRef.secret")); secret != "" {
					variables[secret] = fields.Text(env, "name")
					versions[secret] = max(versions[secret], fields.Whole(env, "valueSource.secretKeyRef.version", 1))
				}
			}
		}
	}
	return variables, versions
}
