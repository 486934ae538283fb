package pgurl

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"vertexmetadata/job/internal/refusal"
)

// parameter is one of libpq's own that is taken.
type parameter struct {
	dropped bool     // it has no meaning here, or pgconn does not know it
	values  []string // the allowed ones; empty: any
	remedy  string   // for a value that is not taken, where it is not to choose one of these
}

// parameters are libpq's own that are taken. What is neither here nor in refused goes to the server as a setting, as pgconn
// does it (search_path, work_mem, …).
// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
var parameters = map[string]parameter{
	"host": {}, "port": {}, "dbname": {}, "database": {}, "user": {}, "password": {}, "passfile": {}, "servicefile": {},
	"service":          {remedy: "write host, database and user in place of service, or correct servicefile"},
	"application_name": {}, "options": {}, "connect_timeout": {}, "timezone": {}, "search_path": {}, "work_mem": {}, "role": {},
	"sslcert": {}, "sslkey": {}, "sslpassword": {}, "sslrootcert": {}, "krbsrvname": {}, "krbspn": {}, "require_auth": {},
	"sslmode":              {values: []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}},
	"ssl":                  {values: []string{"true"}, remedy: "use sslmode in place of ssl"},
	"sslsni":               {values: []string{"0", "1"}},
	"sslnegotiation":       {values: []string{"postgres", "direct"}},
	"sslcertmode":          {values: []string{"disable", "allow", "require"}},
	"channel_binding":      {values: []string{"disable", "prefer", "require"}},
	"target_session_attrs": {values: []string{"any", "read-write", "read-only", "primary", "standby", "prefer-standby"}},
	"min_protocol_version": {values: []string{"3.0", "3.2", "latest"}},
	"max_protocol_version": {values: []string{"3.0", "3.2", "latest"}},

	"keepalives": {dropped: true}, "keepalives_idle": {dropped: true}, "keepalives_interval": {dropped: true}, "keepalives_count": {dropped: true},
	"tcp_user_timeout": {dropped: true}, "fallback_application_name": {dropped: true}, "client_encoding": {dropped: true}, "sslcompression": {dropped: true},
	"gsslib": {dropped: true}, "gssdelegation": {dropped: true}, "load_balance_hosts": {dropped: true}, "authtype": {dropped: true}, "tty": {dropped: true},
	"gssencmode":               {dropped: true, values: []string{"disable", "prefer"}},
	"replication":              {dropped: true, values: []string{"false", "off", "no", "0"}},
	"ssl_min_protocol_version": {dropped: true, values: []string{"", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"}}, // see versions; empty: no limit
	"ssl_max_protocol_version": {dropped: true, values: []string{"", "TLSv1.2", "TLSv1.3"}},
}

// refused are the parameters that are not to be had here, by what to do instead: some of libpq's, and those of Prisma, JDBC,
// node-postgres, Rails, Django, SQLAlchemy, lib/pq and pgx, as each tool spells them.
var refused = map[string]string{
	"write the address in place of the host":                        "hostaddr",
	"use a password":                                                "scram_client_key scram_server_key oauth_issuer oauth_client_id oauth_client_secret oauth_scope oauth_ca_file",
	"use options=-csearch_path%3DNAME":                              "schema currentSchema",
	"use connect_timeout, in seconds":                               "loginTimeout connectTimeout",
	"use connect_timeout, in seconds, or set STATEMENT_TIMEOUT":     "timeout",
	"use load_balance_hosts":                                        "loadBalanceHosts",
	"use sslcert and sslkey":                                        "sslidentity",
	"use sslmode":                                                   "ssl_mode tls",
	"use sslmode=require":                                           "requiressl",
	"use sslmode=require or sslmode=verify-full":                    "sslaccept sslfactory",
	"use sslrootcert":                                               "ssl_ca sslca",
	"use target_session_attrs":                                      "targetServerType",
	"leave it out":                                                  "sslkeylogfile requirepeer binaryTransfer rewriteBatchedInserts stringtype assumeMinServerVersion binary_parameters async_fallback",
	"leave it out and set STATEMENT_TIMEOUT":                        "socket_timeout socketTimeout command_timeout query_timeout",
	"leave it out, and connect past the pooler or pool by session":  "pgbouncer",
	"leave it out: keepalives are always on":                        "tcpKeepAlive",
	"leave it out: libpq's meaning is the only one":                 "uselibpqcompat",
	"leave it out: lists of revoked certificates are not supported": "sslcrl sslcrldir",
	"leave it out: rows are streamed anyway":                        "defaultRowFetchSize",
	"leave it out: text is always read as UTF-8":                    "charset encoding useUnicode",
	"leave it out: the job names its sessions itself":               "ApplicationName",
	"leave it out: the job opens one connection":                    "connection_limit pool_timeout pool pool_size max_overflow max_connections pool_max_conns pool_min_conns conn_max_age idle_timeout checkout_timeout",
	"leave it out: the job runs each statement once":                "statement_cache_size prepareThreshold prepared_statements prepared_statement_cache_size default_query_exec_mode statement_cache_capacity description_cache_capacity prefer_simple_protocol",
	"leave it out: the next run connects again":                     "reconnect",
	"leave it out: the session is read-only anyway":                 "readOnly",
	"unset DATABASE_URL and set CLOUD_SQL_INSTANCE":                 "cloudSqlInstance socketFactory",
	"unset DATABASE_URL and set CLOUD_SQL_INSTANCE and DB_IAM_AUTH": "enableIamAuth",
}

// refusals are the advice for each refused parameter, by its name in lower case.
var refusals = sync.OnceValue(func() map[string]*refusal.Advice {
	all := map[string]*refusal.Advice{}
	for remedy, names := range refused {
		for name := range strings.FieldsSeq(names) {
			all[strings.ToLower(name)] = problem(fmt.Sprintf("has the parameter %s, which is not supported", name), naming(remedy, name))
		}
	}
	return all
})

// naming puts a parameter's name into its remedy, which may stand among others.
func naming(remedy, name string) string {
	if strings.HasPrefix(remedy, "use ") {
		return remedy + " in place of " + name
	}
	return strings.Replace(remedy, "leave it out", "leave "+name+" out", 1)
}

// judge reports whether a parameter is handed on.
func judge(name, value string) (keep bool, wrong *refusal.Advice) {
	lower := strings.ToLower(name)
	if advice := refusals()[lower]; advice != nil {
		return false, advice
	}
	switch p, known := parameters[lower]; {
	case known && name != lower:
		return false, problem(fmt.Sprintf("has a parameter %s in capitals", lower), "write it in lower case")
	case len(p.values) > 0 && !slices.Contains(p.values, value):
		return false, problem(fmt.Sprintf("has a value of %s that is not supported", name), cmp.Or(p.remedy, "set "+name+" to one of "+strings.TrimPrefix(strings.Join(p.values, ", "), ", ")))
	default:
		return !p.dropped, nil
	}
}
