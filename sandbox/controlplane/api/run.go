package api

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

var (
	jobFormat      = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)
	instanceFormat = regexp.MustCompile(`^[^:]+(:[^:]+)?:[a-z]+-[a-z]+[0-9]+:[a-z][-a-z0-9]*$`)
)

const (
	jobsPattern = "projects/{project}/locations/{location}/jobs/{job}"
	executions  = jobsPattern + "/executions/{execution}"
)

// reservedVariables are set by Cloud Run Jobs itself; a job that declares one is refused.
var reservedVariables = map[string]bool{
	"CLOUD_RUN_JOB": true, "CLOUD_RUN_EXECUTION": true, "CLOUD_RUN_TASK_INDEX": true, "CLOUD_RUN_TASK_ATTEMPT": true, "CLOUD_RUN_TASK_COUNT": true,
}

// runKinds are Cloud Run jobs in version 2 of the API, which is also the form in which they are stored.
func (s *Server) runKinds() []*engine.Kind {
	v2 := []string{"v2"}
	return []*engine.Kind{
		{
			Service: "run", Versions: v2, Pattern: engine.NewPattern(jobsPattern), Title: "job", List: "jobs",
			Permission: "run.jobs", Policed: true, Format: jobFormat, Deferred: "type.googleapis.com/google.cloud.run.v2.Job",
			Stamps: []string{"uid", "generation", "createTime", "updateTime", "etag"},
			Outputs: []string{
				"creator", "lastModifier", "observedGeneration", "terminalCondition", "conditions", "executionCount",
				"latestCreatedExecution", "reconciling", "deleteTime", "expireTime",
			},
			NewID:    func(c *engine.Call) (string, error) { return c.HTTP.URL.Query().Get("jobId"), nil },
			Taken:    func(c *engine.Call) string { return fmt.Sprintf("Job %s already exists.", c.On) },
			Prepare:  s.prepareJob,
			Written:  func(c *engine.Call, _ string, job object) *engine.Error { return s.reconcile(c, job) },
			Removing: func(c *engine.Call, name string, _ object) error { s.cancelBelow(name); return nil },
			Verbs:    map[string]engine.Verb{"POST run": {Run: s.runJob}},
		},
		{
			Service: "run", Versions: v2, Pattern: engine.NewPattern(executions), Title: "execution", List: "executions", Newest: true,
			Permission: "run.executions", Fixed: true, Transient: true, Hidden: []string{runningOperation}, Deferred: "type.googleapis.com/google.cloud.run.v2.Execution",
			Handle: func(c *engine.Call) (any, error) {
				if c.HTTP.Method == "DELETE" && !c.Whole {
					s.cancelBelow(c.On)
					return c.Remove()
				}
				return c.Plain()
			},
			Verbs: map[string]engine.Verb{"POST cancel": {Permission: "run.executions.cancel", Run: func(c *engine.Call) (any, error) {
				found, err := c.Stored()
				if err != nil {
					return nil, err
				}
				s.cancelBelow(c.On)
				return c.Finished(c.Present(found.Resource), nil), nil
			}}},
		},
		{
			Service: "run", Versions: v2, Pattern: engine.NewPattern(executions + "/tasks/{task}"), Title: "task", List: "tasks",
			Permission: "run.tasks", Fixed: true, Transient: true,
		},
		{
			// Version 1 has the IAM of jobs under their v2 names.
			Service: "run", Versions: []string{"v1"}, Pattern: engine.NewPattern(jobsPattern), Title: "job",
			Permission: "run.jobs", Policed: true, Fixed: true,
		},
	}
}

func (s *Server) prepareJob(c *engine.Call, old, job object) error {
	fields.Put(job, "name", c.On)
	containers := fields.Items(job, "template.template.containers")
	if len(containers) == 0 {
		return engine.Invalid("Violation in CreateJobRequest.job.template.template.containers: must have at least one container.")
	}
	fields.OrElse(job, "launchStage", "GA")
	fields.OrElse(job, "template.taskCount", 1.0)
	task := fields.Child(job, "template.template")
	fields.OrElse(task, "maxRetries", 3.0)
	fields.OrElse(task, "timeout", "600s")
	fields.OrElse(task, "executionEnvironment", "EXECUTION_ENVIRONMENT_GEN2")
	fields.OrElse(task, "serviceAccount", c.Project(c.Vars["project"]).Number+"-compute@developer.gserviceaccount.com")
	for _, container := range containers {
		fields.OrElse(container, "resources.limits.cpu", "1000m")
		fields.OrElse(container, "resources.limits.memory", "512Mi")
		if err := checkContainer(container, fields.Items(task, "volumes")); err != nil {
			return err
		}
	}
	if err := checkTask(job, task); err != nil {
		return err
	}
	if err := s.actAs(c, fields.Text(task, "serviceAccount")); err != nil {
		return err
	}
	who := strings.TrimPrefix(c.Member, "serviceAccount:")
	if who == "" {
		who = "operator@sandbox"
	}
	if old == nil {
		fields.Put(job, "creator", who)
		fields.Put(job, "executionCount", 0.0)
	}
	fields.Put(job, "lastModifier", who)
	fields.Put(job, "observedGeneration", job["generation"])
	return nil
}

func checkTask(job, task object) error {
	if n := fields.Whole(job, "template.taskCount", 0); n < 1 || n > 10000 {
		return engine.Invalid("Violation in CreateJobRequest.job.template.task_count: must be between 1 and 10000.")
	}
	if n := fields.Whole(task, "maxRetries", 0); n < 0 || n > 10 {
		return engine.Invalid("Violation in CreateJobRequest.job.template.template.max_retries: must be between 0 and 10.")
	}
	timeout, err := time.ParseDuration(fields.Text(task, "timeout"))
	if err != nil || timeout < time.Second || timeout > 168*time.Hour {
		return engine.Invalid("Violation in CreateJobRequest.job.template.template.timeout: %q must be between 1s and 604800s.", fields.Text(task, "timeout"))
	}
	for _, volume := range fields.Items(task, "volumes") {
		for _, instance := range fields.Texts(volume, "cloudSqlInstance.instances") {
			if !instanceFormat.MatchString(instance) {
				return engine.Invalid("Invalid Cloud SQL instance %q: it must be PROJECT:REGION:INSTANCE.", instance)
			}
		}
	}
	return nil
}

func checkContainer(container object, volumes []object) error {
	if fields.Text(container, "image") == "" {
		return engine.Invalid("Violation in CreateJobRequest.job.template.template.containers[0].image: must be set.")
	}
	seen := map[string]bool{}
	for _, env := range fields.Items(container, "env") {
		name := fields.Text(env, "name")
		switch {
		case name == "" || strings.Contains(name, "="):
			return engine.Invalid("Invalid environment variable name %q.", name)
		case reservedVariables[name]:
			return engine.Invalid("The following reserved env names were provided: %s. These values are automatically set by the system.", name)
		case seen[name]:
			return engine.Invalid("Duplicate environment variable name %q.", name)
		}
		seen[name] = true
		if ref := fields.Child(env, "valueSource.secretKeyRef"); ref != nil {
			fields.OrElse(ref, "version", "latest")
		}
	}
	declared := map[string]bool{}
	for _, volume := range volumes {
		declared[fields.Text(volume, "name")] = true
	}
	for _, mount := range fields.Items(container, "volumeMounts") {
		name := fields.Text(mount, "name")
		if !declared[name] {
			return engine.Invalid("volume_mounts: no volume with the name %q.", name)
		}
		if isSQL := name == "cloudsql"; isSQL && fields.Text(mount, "mountPath") != "/cloudsql" {
			return engine.Invalid("A Cloud SQL volume must be mounted at /cloudsql.")
		}
	}
	return nil
}

// reconcile does what Cloud Run does after it stored a job: it looks for the image and tries the secrets. A job that fails here
// exists all the same, and says why it is not ready.
func (s *Server) reconcile(c *engine.Call, job object) *engine.Error {
	task := fields.Child(job, "template.template")
	failed := s.checkKey(c, fields.Text(task, "encryptionKey"))
	for _, container := range fields.Items(task, "containers") {
		if failed == nil {
			failed = s.checkImage(fields.Text(container, "image"))
		}
		if failed == nil && s.runner != nil {
			if err := s.runner.Image(fields.Text(container, "image")); err != nil {
				failed = engine.NotFound("Image '%s' not found. %v", fields.Text(container, "image"), err)
			}
		}
		for _, env := range fields.Items(container, "env") {
			if failed == nil && fields.Child(env, "valueSource.secretKeyRef") != nil {
				failed = s.checkSecret(c, secretVersion(c.Vars["project"], fields.Child(env, "valueSource.secretKeyRef")), fields.Text(task, "serviceAccount"))
			}
		}
	}
	for _, volume := range fields.Items(task, "volumes") {
		if secret := fields.Child(volume, "secret"); failed == nil && secret != nil {
			failed = s.checkSecret(c, secretVersion(c.Vars["project"], object{"secret": secret["secret"], "version": "latest"}), fields.Text(task, "serviceAccount"))
		}
	}
	condition := object{"type": "Ready", "state": "CONDITION_SUCCEEDED", "lastTransitionTime": c.Timestamp()}
	if failed != nil {
		condition["state"], condition["message"] = "CONDITION_FAILED", failed.Message
	}
	fields.Put(job, "terminalCondition", condition)
	return failed
}

func (s *Server) checkSecret(c *engine.Call, version, account string) *engine.Error {
	_, _, err := s.accessVersion("serviceAccount:"+account, version)
	if err == nil {
		return nil
	}
	return s.secretError(err, version, account)
}

// secretError is how Cloud Run words what Secret Manager refused.
func (s *Server) secretError(err error, version, account string) *engine.Error {
	version = s.numbered(version)
	if known, ok := err.(*engine.Error); ok && known.Status == "PERMISSION_DENIED" {
		return engine.Failure(500, "INTERNAL", "Permission denied on secret: %s for Revision service account %s. The service account used must be "+
			"granted the 'Secret Manager Secret Accessor' role (roles/secretmanager.secretAccessor) at the secret, project or higher level.",
			version, account)
	}
	return engine.Failure(500, "INTERNAL", "Secret %s was not found", version)
}

// secretVersion is the full name of the version that a reference means; a secret may be named alone or in full.
func secretVersion(project string, ref object) string {
	secret, version := fields.Text(ref, "secret"), fields.Text(ref, "version")
	if version == "" {
		version = "latest"
	}
	if strings.HasPrefix(secret, "projects/") {
		return secret + "/versions/" + version
	}
	return fmt.Sprintf("projects/%s/secrets/%s/versions/%s", project, secret, version)
}

// seconds reads a duration as the APIs write it: 900s.
func seconds(value string) time.Duration {
	n, _ := strconv.ParseFloat(strings.TrimSuffix(value, "s"), 64)
	return time.Duration(n * float64(time.Second))
}
