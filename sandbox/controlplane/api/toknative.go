package api

import (
	"sort"
	"strconv"
	"strings"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

func metadata(s *Server, resource object) object {
	segments := strings.Split(fields.Text(resource, "name"), "/")
	labels := object{"cloud.googleapis.com/location": segments[3]}
	for key, value := range fields.Child(resource, "labels") {
		labels[key] = value
	}
	return object{
		"name": engine.Last(fields.Text(resource, "name")), "namespace": s.Project(segments[1]).Number, "uid": resource["uid"],
		"generation": float64(fields.Whole(resource, "generation", 1)), "resourceVersion": fields.Text(resource, "etag"),
		"creationTimestamp": resource["createTime"], "labels": labels, "annotations": object{},
	}
}

// knativeJob turns a job of version 2 into one of version 1.
func knativeJob(s *Server, job object) object {
	meta := metadata(s, job)
	annotations := meta["annotations"].(object)
	for name, value := range map[string]string{
		"client-name": fields.Text(job, "client"), "client-version": fields.Text(job, "clientVersion"), "launch-stage": fields.Text(job, "launchStage"),
		"creator": fields.Text(job, "creator"), "lastModifier": fields.Text(job, "lastModifier"),
	} {
		if value != "" {
			annotations[annotation+name] = value
		}
	}
	for key, value := range fields.Child(job, "annotations") {
		annotations[key] = value
	}
	settings, spec := taskToKnative(fields.Child(job, "template.template"))
	status := object{
		"observedGeneration": float64(fields.Whole(job, "generation", 1)), "executionCount": float64(fields.Whole(job, "executionCount", 0)),
		"conditions": []any{knativeCondition(fields.Child(job, "terminalCondition"))},
	}
	if latest := fields.Child(job, "latestCreatedExecution"); latest != nil {
		status["latestCreatedExecution"] = object{
			"name": latest["name"], "creationTimestamp": latest["createTime"], "completionTimestamp": latest["completionTime"],
		}
	}
	execution := object{"template": object{"spec": spec}, "taskCount": fields.Field(job, "template.taskCount")}
	if parallelism := fields.Field(job, "template.parallelism"); parallelism != nil {
		execution["parallelism"] = parallelism
	}
	return object{
		"apiVersion": "run.googleapis.com/v1", "kind": "Job", "metadata": meta, "status": status,
		"spec": object{"template": object{"metadata": object{"annotations": settings}, "spec": execution}},
	}
}

// taskToKnative answers the annotations and the spec of a task's template.
func taskToKnative(task object) (settings, spec object) {
	settings = object{annotation + "execution-environment": strings.ToLower(strings.TrimPrefix(fields.Text(task, "executionEnvironment"), "EXECUTION_ENVIRONMENT_"))}
	spec = object{
		"maxRetries": task["maxRetries"], "timeoutSeconds": strconv.Itoa(int(seconds(fields.Text(task, "timeout")).Seconds())),
		"serviceAccountName": task["serviceAccount"],
	}
	for _, volume := range fields.Items(task, "volumes") {
		if instances := fields.Texts(volume, "cloudSqlInstance.instances"); len(instances) > 0 {
			sort.Strings(instances)
			settings[sqlInstances] = strings.Join(instances, ",")
		}
	}
	var containers []any
	for _, from := range fields.Items(task, "containers") {
		container := fields.CloneObject(from)
		var env []any
		for _, v := range fields.Items(from, "env") {
			if ref := fields.Child(v, "valueSource.secretKeyRef"); ref != nil {
				env = append(env, object{"name": v["name"], "valueFrom": object{"secretKeyRef": object{"name": ref["secret"], "key": ref["version"]}}})
			} else {
				env = append(env, object{"name": v["name"], "value": v["value"]})
			}
		}
		if env != nil {
			container["env"] = env
		}
		var mounts []any
		for _, mount := range fields.Items(from, "volumeMounts") {
			if fields.Text(mount, "name") != "cloudsql" {
				mounts = append(mounts, mount)
			}
		}
		fields.Drop(container, "volumeMounts")
		if mounts != nil {
			container["volumeMounts"] = mounts
		}
		containers = append(containers, container)
	}
	spec["containers"] = containers
	return settings, spec
}

func knativeExecution(s *Server, execution object) object {
	settings, spec := taskToKnative(fields.Child(execution, "template"))
	meta := metadata(s, execution)
	meta["annotations"] = settings
	meta["labels"].(object)[annotation+"job"] = execution["job"]
	status := object{"observedGeneration": 1.0, "logUri": execution["logUri"], "startTime": execution["startTime"]}
	for _, name := range []string{"completionTime", "runningCount", "succeededCount", "failedCount", "cancelledCount", "retriedCount"} {
		if value := execution[name]; value != nil {
			status[name] = value
		}
	}
	var conditions []any
	for _, condition := range fields.Items(execution, "conditions") {
		conditions = append(conditions, knativeCondition(condition))
	}
	status["conditions"] = conditions
	inner := object{"taskCount": execution["taskCount"], "template": object{"spec": spec}}
	if parallelism := execution["parallelism"]; parallelism != nil {
		inner["parallelism"] = parallelism
	}
	return object{"apiVersion": "run.googleapis.com/v1", "kind": "Execution", "metadata": meta, "spec": inner, "status": status}
}

func knativeTask(s *Server, task object) object {
	meta := metadata(s, task)
	meta["labels"].(object)[annotation+"job"] = task["job"]
	meta["labels"].(object)[annotation+"execution"] = task["execution"]
	meta["labels"].(object)[annotation+"taskIndex"] = strconv.Itoa(fields.Whole(task, "index", 0))
	status := object{"observedGeneration": 1.0, "index": task["index"], "startTime": task["startTime"]}
	for _, name := range []string{"completionTime", "retried", "lastAttemptResult"} {
		if value := task[name]; value != nil {
			status[name] = fields.Clone(value)
		}
	}
	status["conditions"] = []any{knativeCondition(fields.Items(task, "conditions")[0])}
	_, spec := taskToKnative(task)
	return object{"apiVersion": "run.googleapis.com/v1", "kind": "Task", "metadata": meta, "spec": spec, "status": status}
}

// knativeCondition turns CONDITION_SUCCEEDED and its kind into True, False and Unknown.
func knativeCondition(from object) object {
	condition := object{"type": from["type"], "status": "Unknown", "lastTransitionTime": from["lastTransitionTime"]}
	switch fields.Text(from, "state") {
	case "CONDITION_SUCCEEDED":
		condition["status"] = "True"
	case "CONDITION_FAILED":
		condition["status"] = "False"
	}
	for name, at := range map[string]string{"message": "message", "executionReason": "reason"} {
		if value := from[name]; value != nil {
			condition[at] = value
		}
	}
	return condition
}
