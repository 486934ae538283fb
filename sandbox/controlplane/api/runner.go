package api

import (
	"context"
	"time"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

// Runner runs the executions of Cloud Run jobs; sandbox/cloudrun is one.
type Runner interface {
	// Image says why an image cannot be run; nil when it can.
	Image(reference string) error
	// Run runs all tasks to their end and records what happens. It returns when no process of theirs is left. The error becomes
	// the execution's failure message.
	Run(ctx context.Context, e Execution, record *Record) error
}

// Execution is what a job declared at the moment when it was run.
type Execution struct {
	Name, Job, Project, Location string // Name is short: JOB-xxxxx
	Account                      string // e-mail address of the service account
	Image                        string
	Command, Args                []string
	Env                          []Variable
	Tasks, Parallelism           int // a parallelism of 0 is as many as there are tasks
	MaxRetries                   int // further attempts of a task that failed
	Timeout                      time.Duration
	CloudSQL                     []string // connection names of the instances mounted at /cloudsql
	Secrets                      []string // mount paths of volumes of secrets
}

// Variable is one environment variable: a value, or the version of a secret that holds it.
type Variable struct {
	Name, Value string
	Secret      string // projects/P/secrets/S/versions/V
}

// execution reads the stored resource.
func (s *Server) execution(stored object, vars map[string]string) Execution {
	task := fields.Child(stored, "template")
	container := fields.Items(task, "containers")[0]
	e := Execution{
		Name: engine.Last(fields.Text(stored, "name")), Job: vars["job"], Project: vars["project"], Location: vars["location"],
		Account: fields.Text(task, "serviceAccount"), Image: fields.Text(container, "image"),
		Command: fields.Texts(container, "command"), Args: fields.Texts(container, "args"),
		Tasks: fields.Whole(stored, "taskCount", 1), Parallelism: fields.Whole(stored, "parallelism", 0),
		MaxRetries: fields.Whole(task, "maxRetries", 0), Timeout: seconds(fields.Text(task, "timeout")),
	}
	for _, env := range fields.Items(container, "env") {
		v := Variable{Name: fields.Text(env, "name"), Value: fields.Text(env, "value")}
		if ref := fields.Child(env, "valueSource.secretKeyRef"); ref != nil {
			v.Secret = secretVersion(vars["project"], ref)
		}
		e.Env = append(e.Env, v)
	}
	for _, volume := range fields.Items(task, "volumes") {
		e.CloudSQL = append(e.CloudSQL, fields.Texts(volume, "cloudSqlInstance.instances")...)
		for _, mount := range fields.Items(container, "volumeMounts") {
			if fields.Child(volume, "secret") != nil && fields.Text(mount, "name") == fields.Text(volume, "name") {
				e.Secrets = append(e.Secrets, fields.Text(mount, "mountPath"))
			}
		}
	}
	return e
}
