package controlplane

import (
	"context"
	"time"
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
	task := child(stored, "template")
	container := items(task, "containers")[0]
	e := Execution{
		Name: last(text(stored, "name")), Job: vars["job"], Project: vars["project"], Location: vars["location"],
		Account: text(task, "serviceAccount"), Image: text(container, "image"),
		Command: texts(container, "command"), Args: texts(container, "args"),
		Tasks: whole(stored, "taskCount", 1), Parallelism: whole(stored, "parallelism", 0),
		MaxRetries: whole(task, "maxRetries", 0), Timeout: seconds(text(task, "timeout")),
	}
	for _, env := range items(container, "env") {
		v := Variable{Name: text(env, "name"), Value: text(env, "value")}
		if ref := child(env, "valueSource.secretKeyRef"); ref != nil {
			v.Secret = secretVersion(vars["project"], ref)
		}
		e.Env = append(e.Env, v)
	}
	for _, volume := range items(task, "volumes") {
		e.CloudSQL = append(e.CloudSQL, texts(volume, "cloudSqlInstance.instances")...)
		for _, mount := range items(container, "volumeMounts") {
			if child(volume, "secret") != nil && text(mount, "name") == text(volume, "name") {
				e.Secrets = append(e.Secrets, text(mount, "mountPath"))
			}
		}
	}
	return e
}
