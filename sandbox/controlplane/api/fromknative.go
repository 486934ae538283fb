package api

import (
	"strconv"
	"strings"

	"vertexmetadata/sandbox/controlplane/fields"
)

const (
	annotation   = "run.googleapis.com/"
	sqlInstances = annotation + "cloudsql-instances"
)

// jobFromKnative turns a job of version 1 into one of version 2.
func jobFromKnative(from object) object {
	job := object{}
	annotations := fields.Child(from, "metadata.annotations")
	for name, at := range map[string]string{"client-name": "client", "client-version": "clientVersion", "launch-stage": "launchStage"} {
		if value, _ := annotations[annotation+name].(string); value != "" {
			job[at] = value
		}
	}
	copyUser(job, "labels", fields.Child(from, "metadata.labels"))
	copyUser(job, "annotations", annotations)
	execution := fields.Child(from, "spec.template.spec")
	task := object{}
	putNumber(job, "template.taskCount", execution, "taskCount")
	putNumber(job, "template.parallelism", execution, "parallelism")
	inner := fields.Child(execution, "template.spec")
	putNumber(task, "maxRetries", inner, "maxRetries")
	if timeout := fields.Whole(inner, "timeoutSeconds", 0); timeout > 0 {
		task["timeout"] = strconv.Itoa(timeout) + "s"
	}
	if account := fields.Text(inner, "serviceAccountName"); account != "" {
		task["serviceAccount"] = account
	}
	settings := fields.Child(from, "spec.template.metadata.annotations")
	copyUser(fields.Child(job, "template"), "labels", fields.Child(from, "spec.template.metadata.labels"))
	copyUser(fields.Child(job, "template"), "annotations", settings)
	if environment, _ := settings[annotation+"execution-environment"].(string); environment != "" {
		task["executionEnvironment"] = "EXECUTION_ENVIRONMENT_" + strings.ToUpper(environment)
	}
	var containers []any
	for _, container := range fields.Items(inner, "containers") {
		containers = append(containers, containerFromKnative(container))
	}
	task["containers"] = containers
	if value, _ := settings[sqlInstances].(string); value != "" {
		mountSQL(task, strings.Split(value, ","))
	}
	fields.Put(job, "template.template", task)
	return job
}

// mountSQL is what the annotation of version 1 means: the sockets of the instances at /cloudsql in every container.
func mountSQL(task object, instances []string) {
	named := []any{}
	for _, instance := range instances {
		named = append(named, strings.TrimSpace(instance))
	}
	task["volumes"] = []any{object{"name": "cloudsql", "cloudSqlInstance": object{"instances": named}}}
	for _, container := range fields.Items(task, "containers") {
		mounts, _ := container["volumeMounts"].([]any)
		container["volumeMounts"] = append(mounts, object{"name": "cloudsql", "mountPath": "/cloudsql"})
	}
}

func containerFromKnative(from object) object {
	container := object{}
	for _, name := range []string{"name", "image", "command", "args", "resources", "volumeMounts", "workingDir"} {
		if value := from[name]; value != nil {
			container[name] = fields.Clone(value)
		}
	}
	var env []any
	for _, v := range fields.Items(from, "env") {
		if ref := fields.Child(v, "valueFrom.secretKeyRef"); ref != nil {
			env = append(env, object{"name": v["name"], "valueSource": object{"secretKeyRef": object{"secret": ref["name"], "version": ref["key"]}}})
		} else {
			env = append(env, object{"name": v["name"], "value": fields.Text(v, "value")})
		}
	}
	if env != nil {
		container["env"] = env
	}
	return container
}

// copyUser copies labels or annotations, less those that the system keeps.
func copyUser(into object, name string, from object) {
	kept := object{}
	for key, value := range from {
		if !strings.Contains(key, "run.googleapis.com/") && !strings.HasPrefix(key, "cloud.googleapis.com/") && !strings.Contains(key, "knative.dev/") {
			kept[key] = value
		}
	}
	if len(kept) > 0 {
		into[name] = kept
	}
}

func putNumber(into object, at string, from object, name string) {
	if from[name] != nil {
		fields.Put(into, at, float64(fields.Whole(from, name, 0)))
	} else if steps := strings.Split(at, "."); len(steps) > 1 && into[steps[0]] == nil {
		into[steps[0]] = object{}
	}
}
