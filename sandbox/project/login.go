package project

import (
	"context"
	"strings"

	"vertexmetadata/sandbox/dataplane"
)

// login answers the token with which an account logs in to the database: as a Cloud SQL instance that takes IAM logins does, it lets
// in the users of type CLOUD_IAM_SERVICE_ACCOUNT whose account may cloudsql.instances.login. An account has one token, for its
// executions may overlap.
func (p *Project) login(account string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.logins[account] == "" {
		p.logins[account] = p.Control.Token("serviceAccount:" + account)
	}
	token := p.logins[account]
	instance := "projects/" + dataplane.Project + "/instances/" + dataplane.Instance[strings.LastIndex(dataplane.Instance, ":")+1:]
	name := strings.TrimSuffix(account, ".gserviceaccount.com")
	user := p.Control.Resource("sqladmin", instance+"/users/"+name)
	if user == nil || user["type"] != "CLOUD_IAM_SERVICE_ACCOUNT" || p.Data.Postgres == nil {
		return token, nil
	}
	password := token
	if p.Control.Allowed("serviceAccount:"+account, "cloudsql.instances.login", "//sqladmin.googleapis.com/"+instance) != nil {
		password = "" // it has no right to log in, or no longer
	}
	ctx, cancel := context.WithTimeout(context.Background(), databaseTimeout)
	defer cancel()
	return token, p.Data.Postgres.SetRolePassword(ctx, name, password)
}
