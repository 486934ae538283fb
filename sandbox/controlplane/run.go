package controlplane

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
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
func runKinds() []*kind {
	v2 := []string{"v2"}
	return []*kind{
		{
			service: "run", versions: v2, pattern: newPattern(jobsPattern), title: "job", list: "jobs",
			permission: "run.jobs", policed: true, format: jobFormat, deferred: "type.googleapis.com/google.cloud.run.v2.Job",
			stamps: []string{"uid", "generation", "createTime", "updateTime", "etag"},
			outputs: []string{
				"creator", "lastModifier", "observedGeneration", "terminalCondition", "conditions", "executionCount",
				"latestCreatedExecution", "reconciling", "deleteTime", "expireTime",
			},
			newID:    func(c *call) (string, error) { return c.http.URL.Query().Get("jobId"), nil },
			prepare:  prepareJob,
			written:  func(c *call, _ string, job object) *Error { return c.reconcile(job) },
			removing: func(c *call, name string, _ object) error { c.cancelBelow(name); return nil },
			verbs:    map[string]verb{"POST run": {run: runJob}},
		},
		{
			service: "run", versions: v2, pattern: newPattern(executions), title: "execution", list: "executions", newest: true,
			permission: "run.executions", fixed: true, shown: func(_ *Server, execution object) object {
				drop(execution, runningOperation)
				return execution
			}, deferred: "type.googleapis.com/google.cloud.run.v2.Execution",
			handle: func(c *call) (any, error) {
				if c.http.Method == "DELETE" && !c.whole {
					c.cancelBelow(c.on)
					return c.remove()
				}
				return c.plain()
			},
			verbs: map[string]verb{"POST cancel": {"run.executions.cancel", func(c *call) (any, error) {
				found, err := c.stored()
				if err != nil {
					return nil, err
				}
				c.cancelBelow(c.on)
				return c.finished(c.present(found.resource), nil), nil
			}}},
		},
		{
			service: "run", versions: v2, pattern: newPattern(executions + "/tasks/{task}"), title: "task", list: "tasks",
			permission: "run.tasks", fixed: true,
		},
		{
			// Version 1 has the IAM of jobs under their v2 names.
			service: "run", versions: []string{"v1"}, pattern: newPattern(jobsPattern), title: "job",
			permission: "run.jobs", policed: true, fixed: true,
		},
	}
}

func prepareJob(c *call, old, job object) error {
	put(job, "name", c.on)
	containers := items(job, "template.template.containers")
	if len(containers) == 0 {
		return invalid("Violation in CreateJobRequest.job.template.template.containers: must have at least one container.")
	}
	orElse(job, "launchStage", "GA")
	orElse(job, "template.taskCount", 1.0)
	task := child(job, "template.template")
	orElse(task, "maxRetries", 3.0)
	orElse(task, "timeout", "600s")
	orElse(task, "executionEnvironment", "EXECUTION_ENVIRONMENT_GEN2")
	orElse(task, "serviceAccount", c.project(c.vars["project"]).number+"-compute@developer.gserviceaccount.com")
	for _, container := range containers {
		orElse(container, "resources.limits.cpu", "1000m")
		orElse(container, "resources.limits.memory", "512Mi")
		if err := checkContainer(container, items(task, "volumes")); err != nil {
			return err
		}
	}
	if err := checkTask(job, task); err != nil {
		return err
	}
	if err := c.actAs(text(task, "serviceAccount")); err != nil {
		return err
	}
	who := strings.TrimPrefix(c.member, "serviceAccount:")
	if who == "" {
		who = "operator@sandbox"
	}
	if old == nil {
		put(job, "creator", who)
		put(job, "executionCount", 0.0)
	}
	put(job, "lastModifier", who)
	put(job, "observedGeneration", job["generation"])
	return nil
}

func checkTask(job, task object) error {
	if n := whole(job, "template.taskCount", 0); n < 1 || n > 10000 {
		return invalid("Violation in CreateJobRequest.job.template.task_count: must be between 1 and 10000.")
	}
	if n := whole(task, "maxRetries", 0); n < 0 || n > 10 {
		return invalid("Violation in CreateJobRequest.job.template.template.max_retries: must be between 0 and 10.")
	}
	timeout, err := time.ParseDuration(text(task, "timeout"))
	if err != nil || timeout < time.Second || timeout > 168*time.Hour {
		return invalid("Violation in CreateJobRequest.job.template.template.timeout: %q must be between 1s and 604800s.", text(task, "timeout"))
	}
	for _, volume := range items(task, "volumes") {
		for _, instance := range texts(volume, "cloudSqlInstance.instances") {
			if !instanceFormat.MatchString(instance) {
				return invalid("Invalid Cloud SQL instance %q: it must be PROJECT:REGION:INSTANCE.", instance)
			}
		}
	}
	return nil
}

func checkContainer(container object, volumes []object) error {
	if text(container, "image") == "" {
		return invalid("Violation in CreateJobRequest.job.template.template.containers[0].image: must be set.")
	}
	seen := map[string]bool{}
	for _, env := range items(container, "env") {
		name := text(env, "name")
		switch {
		case name == "" || strings.Contains(name, "="):
			return invalid("Invalid environment variable name %q.", name)
		case reservedVariables[name]:
			return invalid("The following reserved env names were provided: %s. These values are automatically set by the system.", name)
		case seen[name]:
			return invalid("Duplicate environment variable name %q.", name)
		}
		seen[name] = true
		if ref := child(env, "valueSource.secretKeyRef"); ref != nil {
			orElse(ref, "version", "latest")
		}
	}
	declared := map[string]bool{}
	for _, volume := range volumes {
		declared[text(volume, "name")] = true
	}
	for _, mount := range items(container, "volumeMounts") {
		name := text(mount, "name")
		if !declared[name] {
			return invalid("volume_mounts: no volume with the name %q.", name)
		}
		if isSQL := name == "cloudsql"; isSQL && text(mount, "mountPath") != "/cloudsql" {
			return invalid("A Cloud SQL volume must be mounted at /cloudsql.")
		}
	}
	return nil
}

// reconcile does what Cloud Run does after it stored a job: it looks for the image and tries the secrets. A job that fails here
// exists all the same, and says why it is not ready.
func (c *call) reconcile(job object) *Error {
	task := child(job, "template.template")
	failed := c.checkKey(text(task, "encryptionKey"))
	for _, container := range items(task, "containers") {
		if failed == nil {
			failed = c.checkImage(text(container, "image"))
		}
		if failed == nil && c.runner != nil {
			if err := c.runner.Image(text(container, "image")); err != nil {
				failed = notFound("Image '%s' not found. %v", text(container, "image"), err)
			}
		}
		for _, env := range items(container, "env") {
			if failed == nil && child(env, "valueSource.secretKeyRef") != nil {
				failed = c.checkSecret(secretVersion(c.vars["project"], child(env, "valueSource.secretKeyRef")), text(task, "serviceAccount"))
			}
		}
	}
	for _, volume := range items(task, "volumes") {
		if secret := child(volume, "secret"); failed == nil && secret != nil {
			failed = c.checkSecret(secretVersion(c.vars["project"], object{"secret": secret["secret"], "version": "latest"}), text(task, "serviceAccount"))
		}
	}
	condition := object{"type": "Ready", "state": "CONDITION_SUCCEEDED", "lastTransitionTime": c.timestamp()}
	if failed != nil {
		condition["state"], condition["message"] = "CONDITION_FAILED", failed.Message
	}
	put(job, "terminalCondition", condition)
	return failed
}

func (c *call) checkSecret(version, account string) *Error {
	_, _, err := c.accessVersion("serviceAccount:"+account, version)
	if err == nil {
		return nil
	}
	return c.secretError(err, version, account)
}

// secretError is how Cloud Run words what Secret Manager refused.
func (s *Server) secretError(err error, version, account string) *Error {
	segments := strings.SplitN(version, "/", 3)
	if p := s.project(segments[1]); p != nil {
		version = "projects/" + p.number + "/" + segments[2]
	}
	if known, ok := err.(*Error); ok && known.Status == "PERMISSION_DENIED" {
		return failure(500, "INTERNAL", "Permission denied on secret: %s for Revision service account %s. The service account used must be "+
			"granted the 'Secret Manager Secret Accessor' role (roles/secretmanager.secretAccessor) at the secret, project or higher level.",
			version, account)
	}
	return failure(500, "INTERNAL", "Secret %s was not found", version)
}

// secretVersion is the full name of the version that a reference means; a secret may be named alone or in full.
func secretVersion(project string, ref object) string {
	secret, version := text(ref, "secret"), text(ref, "version")
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
