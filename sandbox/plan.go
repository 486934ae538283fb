package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"vertexmetadata/sandbox/controlplane/api"
	"vertexmetadata/sandbox/controlplane/fields"
	"vertexmetadata/sandbox/dataplane"
)

// stackPlan is the plan of a stack, as infra/plan prints it with -json, with the names of the sandbox in place of its own.
type stackPlan struct {
	text  []byte
	stack string
	// job and trigger are the resource names of the Cloud Run Job and of its Cloud Scheduler job.
	job, trigger string
	// content is the kind of the sandbox's data store, as dataplane.Options has it.
	content string
	// store is the data store that the job feeds, the first of several: one that the stack creates or SYNCS names, or the sandbox's.
	store api.DataStore
	// existing are the data stores that SYNCS names and the stack does not create.
	existing []api.DataStore
	// login is the database user of a job that logs in by IAM. It needs SELECT on the tables once it is created.
	login string
	// env are variables that the sandbox's database and data store need whatever the stack says.
	env []string
}

// jobType is the resource that runs.
const jobType = "gcp:cloudrunv2/job:Job"

// readPlan reads a plan and puts the sandbox's project, Cloud SQL instance, bucket and data store in place of those that it names
// and does not create.
func readPlan(text []byte) (*stackPlan, error) {
	var plan struct {
		Stack     string `json:"stack"`
		Resources []struct {
			Type   string        `json:"type"`
			Inputs fields.Object `json:"inputs"`
		} `json:"resources"`
	}
	if err := json.Unmarshal(text, &plan); err != nil {
		return nil, fmt.Errorf("read plan: %w: write it with go run ./infra/plan -stack NAME -json", err)
	}
	var job, trigger fields.Object
	store := newStore(dataplane.DataStoreID, "")
	created := map[string]bool{}
	for _, r := range plan.Resources {
		switch r.Type {
		case jobType:
			job = r.Inputs
		case "gcp:cloudscheduler/job:Job":
			trigger = r.Inputs
		case "gcp:storage/bucket:Bucket":
			created[fields.Text(r.Inputs, "name")] = true
		case "gcp:discoveryengine/dataStore:DataStore":
			created[fields.Text(r.Inputs, "dataStoreId")] = true
			store = newStore(fields.Text(r.Inputs, "dataStoreId"), fields.Text(r.Inputs, "location"))
		}
	}
	if job == nil || trigger == nil {
		return nil, errors.New("read plan: it has no Cloud Run Job with a trigger: write it with go run ./infra/plan -stack NAME -json")
	}
	p := &stackPlan{text: text, stack: plan.Stack, store: store}
	for _, container := range fields.Items(job, "template.template.containers") {
		for _, env := range fields.Items(container, "envs") {
			if fields.Text(env, "name") == "SYNCS" {
				if err := p.readSyncs(fields.Text(env, "value"), created); err != nil {
					return nil, err
				}
			}
		}
	}
	for _, volume := range fields.Items(job, "template.template.volumes") {
		for _, instance := range fields.Texts(volume, "cloudSqlInstance.instances") {
			p.replace(instance, dataplane.Instance)
			// Conditions and database users name it without project and region.
			short, own := afterColon(instance), afterColon(dataplane.Instance)
			p.replace("instances/"+short, "instances/"+own)
			p.text = regexp.MustCompile(`("instance":\s*)"`+regexp.QuoteMeta(short)+`"`).ReplaceAll(p.text, []byte(`${1}"`+own+`"`))
		}
	}
	for _, container := range fields.Items(job, "template.template.containers") {
		envs := fields.Items(container, "envs")
		p.login = cmp.Or(p.login, login(envs))
		for _, env := range envs {
			p.own(fields.Text(env, "name"), fields.Text(env, "value"), created)
		}
	}
	for _, r := range plan.Resources {
		bucket := fields.Text(r.Inputs, "bucket")
		if writes := fields.Text(r.Inputs, "role"); r.Type == "gcp:storage/bucketIAMMember:BucketIAMMember" && !created[bucket] &&
			(writes == "roles/storage.objectUser" || writes == "roles/storage.objectAdmin") {
			p.replace(bucket, dataplane.Bucket)
		}
	}
	p.replace(fields.Text(job, "project"), dataplane.Project)
	p.job = fmt.Sprintf("projects/%s/locations/%s/jobs/%s", dataplane.Project, fields.Text(job, "location"), fields.Text(job, "name"))
	p.trigger = fmt.Sprintf("projects/%s/locations/%s/jobs/%s", dataplane.Project, fields.Text(trigger, "region"), fields.Text(trigger, "name"))
	return p, nil
}

// newStore is a data store of the sandbox's project.
func newStore(id, location string) api.DataStore {
	return api.DataStore{Project: dataplane.Project, Number: dataplane.ProjectNumber, Location: cmp.Or(location, "global"), ID: id}
}

// readSyncs finds the data stores of several syncs.
func (p *stackPlan) readSyncs(value string, created map[string]bool) error {
	var syncs []struct {
		DataStore string `json:"data_store"`
		Location  string `json:"location"`
	}
	if err := json.Unmarshal([]byte(value), &syncs); err != nil {
		return fmt.Errorf("read plan: SYNCS of the job: %w", err)
	}
	for i, s := range syncs {
		if s.DataStore == "" {
			continue // that of DATA_STORE_ID
		}
		store := newStore(s.DataStore, s.Location)
		if !created[s.DataStore] {
			p.existing = append(p.existing, store)
		}
		if i == 0 {
			p.store = store
		}
	}
	return nil
}

// login is the user of a job that logs in by IAM, with the sandbox's project in it.
func login(envs []fields.Object) string {
	variables := map[string]string{}
	for _, env := range envs {
		variables[fields.Text(env, "name")] = fields.Text(env, "value")
	}
	if variables["DB_IAM_AUTH"] != "true" {
		return ""
	}
	account, _, _ := strings.Cut(variables["DB_USER"], "@")
	return account + "@" + dataplane.Project + ".iam"
}

// afterColon is the instance in a connection name.
func afterColon(text string) string { return text[strings.LastIndex(text, ":")+1:] }

// own lets a plain variable of the job name what the sandbox has, unless the stack creates what it names.
func (p *stackPlan) own(name, value string, created map[string]bool) {
	if value == "" || created[value] {
		return
	}
	switch name {
	case "GCS_BUCKET":
		p.replace(value, dataplane.Bucket)
	case "DATA_STORE_ID":
		p.env = append(p.env, name+"="+dataplane.DataStoreID)
	case "GCP_LOCATION":
		p.env = append(p.env, name+"=global")
	case "DB_NAME":
		p.env = append(p.env, name+"="+dataplane.Database)
	case "DB_USER":
		p.env = append(p.env, name+"="+cmp.Or(p.login, dataplane.Role))
	}
}

// replace puts one name in place of another wherever it stands whole.
func (p *stackPlan) replace(name, other string) {
	if name == "" || name == other {
		return
	}
	// A name ends where no letter, digit, dash or underscore follows, so that a project "shop" leaves "shop-images" alone.
	whole := regexp.MustCompile(`(^|[^A-Za-z0-9_-])` + regexp.QuoteMeta(name) + `([^A-Za-z0-9_-]|$)`)
	if p.store.ID == name {
		p.store.ID = other
	}
	for i := range p.existing {
		if p.existing[i].ID == name {
			p.existing[i].ID = other
		}
	}
	for range 2 { // neighbours share the character between them
		p.text = whole.ReplaceAll(p.text, []byte("${1}"+strings.ReplaceAll(other, "$", "$$")+"${2}"))
	}
}
