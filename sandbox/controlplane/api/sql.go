package api

import (
	"fmt"
	"net/http"
	"strings"

	"vertexmetadata/sandbox/controlplane/engine"
	"vertexmetadata/sandbox/controlplane/fields"
)

const instancePattern = "projects/{project}/instances/{instance}"

// sqlKinds are the databases and users of Cloud SQL. Instances are there or not: NewInstance makes one.
func (s *Server) sqlKinds() []*engine.Kind {
	versions := []string{"v1beta4", "v1"}
	absent := func(*engine.Call) string { return "The Cloud SQL instance does not exist." }
	return []*engine.Kind{
		{
			Service: "sqladmin", Versions: versions, Pattern: engine.NewPattern(instancePattern), Title: "Cloud SQL instance", List: "items",
			Permission: "cloudsql.instances", Fixed: true, Absent: absent,
		},
		{
			Service: "sqladmin", Versions: versions, Pattern: engine.NewPattern(instancePattern + "/databases/{database}"), Title: "database",
			List: "items", Permission: "cloudsql.databases", Replace: true, Answer: sqlOperation, Handle: inInstance,
			NewID:  func(c *engine.Call) (string, error) { return fields.Text(c.Body, "name"), nil },
			Absent: func(c *engine.Call) string { return "Database " + c.Vars["database"] + " does not exist." },
			Prepare: func(c *engine.Call, _, database object) error {
				describeSQL(c, database, "sql#database", c.Vars["database"])
				fields.OrElse(database, "charset", "UTF8")
				fields.OrElse(database, "collation", "en_US.UTF8")
				return nil
			},
			Written: func(c *engine.Call, _ string, _ object) *engine.Error {
				return s.inData(func(d DataPlane) error { return d.CreateDatabase(c.Vars["instance"], c.Vars["database"]) })
			},
			Removing: func(c *engine.Call, _ string, _ object) error {
				return orNil(s.inData(func(d DataPlane) error { return d.DeleteDatabase(c.Vars["instance"], c.Vars["database"]) }))
			},
		},
		{
			Service: "sqladmin", Versions: versions, Pattern: engine.NewPattern(instancePattern + "/users/{user}"), Title: "user",
			List: "items", Permission: "cloudsql.users", Replace: true, Answer: sqlOperation, Handle: handleUsers, Hidden: []string{"password"},
			NewID:   func(c *engine.Call) (string, error) { return fields.Text(c.Body, "name"), nil },
			Absent:  func(c *engine.Call) string { return "User " + c.Vars["user"] + " does not exist." },
			Prepare: s.prepareUser,
			Written: func(c *engine.Call, _ string, user object) *engine.Error {
				return s.inData(func(d DataPlane) error {
					return d.CreateUser(c.Vars["instance"], c.Vars["user"], fields.Text(user, "password"))
				})
			},
			Removing: func(c *engine.Call, _ string, _ object) error {
				return orNil(s.inData(func(d DataPlane) error { return d.DeleteUser(c.Vars["instance"], c.Vars["user"]) }))
			},
		},
	}
}

// inData does something in the data plane, if there is one.
func (s *Server) inData(do func(DataPlane) error) *engine.Error {
	if s.data == nil {
		return nil
	}
	return backend(do(s.data))
}

// orNil is an error that is nil when there is none: a nil *Error in an error is not.
func orNil(err *engine.Error) error {
	if err == nil {
		return nil
	}
	return err
}

// inInstance refuses what lies in an instance that is not there.
func inInstance(c *engine.Call) (any, error) {
	if c.Find("sqladmin/projects/"+c.Vars["project"]+"/instances/"+c.Vars["instance"]) == nil {
		return nil, engine.NotFound("The Cloud SQL instance does not exist.")
	}
	return c.Plain()
}

// handleUsers finds the user whom an update or delete names by a parameter.
func handleUsers(c *engine.Call) (any, error) {
	if method := c.HTTP.Method; c.Whole && (method == http.MethodDelete || method == http.MethodPut) {
		c.Vars["user"], c.Whole = c.HTTP.URL.Query().Get("name"), false
		c.On = c.Kind.Pattern.Fill(c.Vars)
	}
	return inInstance(c)
}

func (s *Server) prepareUser(c *engine.Call, _, user object) error {
	name, kind := c.Vars["user"], fields.Text(user, "type")
	switch {
	case name == "":
		return engine.Invalid("Invalid request: User name is empty.")
	case kind == "CLOUD_IAM_SERVICE_ACCOUNT" && strings.HasSuffix(name, ".gserviceaccount.com"):
		return engine.Invalid("Invalid request: Database username for Cloud IAM service account should be created without \".gserviceaccount.com\" suffix.")
	case kind == "CLOUD_IAM_SERVICE_ACCOUNT" && s.account(name+".gserviceaccount.com") == nil:
		return engine.Invalid("Invalid request: Provided CLOUD_IAM_SERVICE_ACCOUNT: %s.gserviceaccount.com, does not exist.", name)
	}
	describeSQL(c, user, "sql#user", name)
	if user["host"] == nil {
		user["host"] = ""
	}
	return nil
}

func describeSQL(c *engine.Call, resource object, kind, name string) {
	resource["kind"], resource["name"], resource["instance"], resource["project"] = kind, name, c.Vars["instance"], c.Vars["project"]
	resource["etag"] = engine.RandomHex(16)
	resource["selfLink"] = "https://sqladmin.googleapis.com/sql/v1beta4/" + c.On
}

// sqlOperation answers a change as Cloud SQL does, with an operation in a form of its own.
func sqlOperation(c *engine.Call, _ object) (any, error) {
	verb := map[string]string{http.MethodPost: "CREATE_", http.MethodDelete: "DELETE_"}[c.HTTP.Method]
	if verb == "" {
		verb = "UPDATE_"
	}
	id := engine.UUID()
	op := object{
		"kind": "sql#operation", "name": id, "status": "DONE", "operationType": verb + strings.ToUpper(c.Kind.Title),
		"targetId": c.Vars["instance"], "targetProject": c.Vars["project"], "insertTime": c.Timestamp(), "startTime": c.Timestamp(),
		"endTime": c.Timestamp(), "user": "operator@sandbox",
	}
	c.KeepOperation("projects/"+c.Vars["project"]+"/operations/"+id, op)
	return fields.CloneObject(op), nil
}

// NewInstance makes a Cloud SQL instance that takes logins with IAM.
func (s *Server) NewInstance(project, region, id string) {
	s.Lock()
	defer s.Unlock()
	name := fmt.Sprintf("projects/%s/instances/%s", project, id)
	s.Keep(s.KindOf("sqladmin", instancePattern), name, object{
		"kind": "sql#instance", "name": id, "project": project, "region": region, "state": "RUNNABLE", "databaseVersion": "POSTGRES_15",
		"connectionName": project + ":" + region + ":" + id, "backendType": "SECOND_GEN", "instanceType": "CLOUD_SQL_INSTANCE",
		"selfLink": "https://sqladmin.googleapis.com/sql/v1beta4/" + name, "etag": engine.RandomHex(16), "createTime": s.Timestamp(),
		"ipAddresses": []any{object{"type": "PRIMARY", "ipAddress": "127.0.0.1"}},
		"settings": object{
			"kind": "sql#settings", "tier": "db-custom-1-3840", "activationPolicy": "ALWAYS", "edition": "ENTERPRISE", "settingsVersion": "1",
			"availabilityType": "ZONAL", "pricingPlan": "PER_USE", "dataDiskType": "PD_SSD", "dataDiskSizeGb": "10",
			"databaseFlags":   []any{object{"name": "cloudsql.iam_authentication", "value": "on"}},
			"ipConfiguration": object{"ipv4Enabled": true},
		},
	})
}
