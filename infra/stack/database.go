package stack

import (
	"strings"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/sql"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// createsUser says that the role is made here: with IAM, unless an existing one is named.
func (a Args) createsUser() bool {
	return a.CreateDatabaseUser || a.iamLogin() && !given(a.DatabaseUser) && given(a.CloudSQLInstance)
}

// provideDatabaseUser creates the role that the job logs in as. It stays when the stack lets go of it: PostgreSQL drops no role
// that anything was granted to.
func (d *deployment) provideDatabaseUser() {
	if !d.createsUser() {
		return
	}
	d.try("database user", func() error {
		args := &sql.UserArgs{
			Project:  ptr(derive(d.CloudSQLInstance, sqlProject)),
			Instance: derive(d.CloudSQLInstance, sqlName),
			Name:     ptr(d.databaseUser()),
		}
		first := []pulumi.Resource{d.services[apiSQLAdmin]}
		if d.iamLogin() {
			args.Type, first = pulumi.String("CLOUD_IAM_SERVICE_ACCOUNT"), append(first, d.jobAccount)
		} else {
			args.Password = ptr(d.SecretValues[d.passwordSecret()])
		}
		user, err := sql.NewUser(d.ctx, d.name+"-database-user", args, keeping(d.after(first...))...)
		d.grants = append(d.grants, user)
		return err
	})
}

// databaseGrant is the SQL that lets the role read what the query reads, which the owner of the tables has to run; empty where the
// role's name is in a secret.
func (d *deployment) databaseGrant() pulumi.StringOutput {
	user := d.databaseUser()
	if !given(user) || d.byURL() {
		return pulumi.String("").ToStringOutput()
	}
	return derive(user, func(user string) string {
		role := `"` + strings.ReplaceAll(user, `"`, `""`) + `"`
		if d.SyncQuery == "" && len(d.Syncs) == 0 && d.Env["SYNC_QUERY"] == "" {
			return "GRANT USAGE ON SCHEMA public TO " + role + "; GRANT SELECT ON posts, images TO " + role + ";"
		}
		return "GRANT USAGE ON SCHEMA public TO " + role + "; GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + role + "; -- or only on what the query reads"
	}).ToStringOutput()
}
