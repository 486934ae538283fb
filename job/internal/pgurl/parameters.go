package pgurl

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// parameter says what becomes of a parameter of the URL.
type parameter struct {
	use    use
	values []string // the allowed ones; empty: any
	remedy string   // of a refused one
}

type use uint8

const (
	passed  use = iota // pgconn knows it
	dropped            // libpq's own, without a meaning here
	refused            // libpq's own but not to be had here, or another tool's
)

// libpq's own parameters are taken, other tools' are named with what to use instead. What is in neither list goes to the
// server as a setting, as pgconn does it (search_path, work_mem, …). Names are in lower case.
// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
var parameters = map[string]parameter{
	"host": {}, "port": {}, "dbname": {}, "database": {}, "user": {}, "password": {}, "passfile": {}, "service": {}, "servicefile": {},
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

	"keepalives": {use: dropped}, "keepalives_idle": {use: dropped}, "keepalives_interval": {use: dropped}, "keepalives_count": {use: dropped},
	"tcp_user_timeout": {use: dropped}, "fallback_application_name": {use: dropped}, "client_encoding": {use: dropped}, "sslcompression": {use: dropped},
	"gsslib": {use: dropped}, "gssdelegation": {use: dropped}, "load_balance_hosts": {use: dropped},
	"gssencmode":               {use: dropped, values: []string{"disable", "prefer"}},
	"replication":              {use: dropped, values: []string{"false", "off", "no", "0"}},
	"ssl_min_protocol_version": {use: dropped, values: []string{"", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"}}, // see versions
	"ssl_max_protocol_version": {use: dropped, values: []string{"", "TLSv1.2", "TLSv1.3"}},
	"authtype":                 {use: dropped}, "tty": {use: dropped},

	"hostaddr":            {use: refused, remedy: "write the address in place of the host"},
	"sslcrl":              {use: refused, remedy: "leave it out: lists of revoked certificates are not supported"},
	"sslcrldir":           {use: refused, remedy: "leave it out: lists of revoked certificates are not supported"},
	"sslkeylogfile":       {use: refused, remedy: "leave it out"},
	"requirepeer":         {use: refused, remedy: "leave it out: it is not supported"},
	"scram_client_key":    {use: refused, remedy: "use a password"},
	"scram_server_key":    {use: refused, remedy: "use a password"},
	"oauth_issuer":        {use: refused, remedy: "use a password"},
	"oauth_client_id":     {use: refused, remedy: "use a password"},
	"oauth_client_secret": {use: refused, remedy: "use a password"},
	"oauth_scope":         {use: refused, remedy: "use a password"},
	"oauth_ca_file":       {use: refused, remedy: "use a password"},
	"requiressl":          {use: refused, remedy: "use sslmode=require"},

	// Prisma
	"schema":               {use: refused, remedy: searchPath},
	"connection_limit":     {use: refused, remedy: onePerTask},
	"pool_timeout":         {use: refused, remedy: onePerTask},
	"pgbouncer":            {use: refused, remedy: "leave it out, and connect past the pooler or pool by session"},
	"socket_timeout":       {use: refused, remedy: "leave it out and set STATEMENT_TIMEOUT"},
	"statement_cache_size": {use: refused, remedy: noCache},
	"sslaccept":            {use: refused, remedy: "use sslmode=require or sslmode=verify-full"},
	"sslidentity":          {use: refused, remedy: "use sslcert and sslkey"},
	// JDBC
	"currentschema":          {use: refused, remedy: searchPath},
	"applicationname":        {use: refused, remedy: "leave it out: the job names its sessions itself"},
	"logintimeout":           {use: refused, remedy: "use connect_timeout, in seconds"},
	"connecttimeout":         {use: refused, remedy: "use connect_timeout, in seconds"},
	"sockettimeout":          {use: refused, remedy: "leave it out and set STATEMENT_TIMEOUT"},
	"tcpkeepalive":           {use: refused, remedy: "leave it out: keepalives are always on"},
	"preparethreshold":       {use: refused, remedy: noCache},
	"sslfactory":             {use: refused, remedy: "use sslmode=require or sslmode=verify-full"},
	"targetservertype":       {use: refused, remedy: "use target_session_attrs"},
	"loadbalancehosts":       {use: refused, remedy: "use load_balance_hosts"},
	"readonly":               {use: refused, remedy: "leave it out: the session is read-only anyway"},
	"defaultrowfetchsize":    {use: refused, remedy: "leave it out: rows are streamed anyway"},
	"binarytransfer":         {use: refused, remedy: "leave it out"},
	"rewritebatchedinserts":  {use: refused, remedy: "leave it out"},
	"stringtype":             {use: refused, remedy: "leave it out"},
	"cloudsqlinstance":       {use: refused, remedy: "unset DATABASE_URL and set CLOUD_SQL_INSTANCE"},
	"socketfactory":          {use: refused, remedy: "unset DATABASE_URL and set CLOUD_SQL_INSTANCE"},
	"enableiamauth":          {use: refused, remedy: "unset DATABASE_URL and set CLOUD_SQL_INSTANCE and DB_IAM_AUTH"},
	"assumeminserverversion": {use: refused, remedy: "leave it out"},
	// node-postgres, Rails, Django, SQLAlchemy, lib/pq, pgx
	"uselibpqcompat":                {use: refused, remedy: "leave it out: libpq's meaning is the only one"},
	"pool":                          {use: refused, remedy: onePerTask},
	"pool_size":                     {use: refused, remedy: onePerTask},
	"max_overflow":                  {use: refused, remedy: onePerTask},
	"max_connections":               {use: refused, remedy: onePerTask},
	"pool_max_conns":                {use: refused, remedy: onePerTask},
	"pool_min_conns":                {use: refused, remedy: onePerTask},
	"conn_max_age":                  {use: refused, remedy: onePerTask},
	"idle_timeout":                  {use: refused, remedy: onePerTask},
	"timeout":                       {use: refused, remedy: "use connect_timeout, in seconds, or set STATEMENT_TIMEOUT"},
	"checkout_timeout":              {use: refused, remedy: onePerTask},
	"command_timeout":               {use: refused, remedy: "leave it out and set STATEMENT_TIMEOUT"},
	"query_timeout":                 {use: refused, remedy: "leave it out and set STATEMENT_TIMEOUT"},
	"prepared_statements":           {use: refused, remedy: noCache},
	"prepared_statement_cache_size": {use: refused, remedy: noCache},
	"default_query_exec_mode":       {use: refused, remedy: noCache},
	"statement_cache_capacity":      {use: refused, remedy: noCache},
	"description_cache_capacity":    {use: refused, remedy: noCache},
	"binary_parameters":             {use: refused, remedy: "leave it out"},
	"prefer_simple_protocol":        {use: refused, remedy: noCache},
	"async_fallback":                {use: refused, remedy: "leave it out"},
	"charset":                       {use: refused, remedy: "leave it out: text is always read as UTF-8"},
	"encoding":                      {use: refused, remedy: "leave it out: text is always read as UTF-8"},
	"reconnect":                     {use: refused, remedy: "leave it out: the next run connects again"},
	"ssl_ca":                        {use: refused, remedy: "use sslrootcert"},
	"ssl_mode":                      {use: refused, remedy: "use sslmode"},
	"sslca":                         {use: refused, remedy: "use sslrootcert"},
	"tls":                           {use: refused, remedy: "use sslmode"},
	"useunicode":                    {use: refused, remedy: "leave it out: text is always read as UTF-8"},
}

const (
	searchPath = "use options=-csearch_path%3DNAME"
	onePerTask = "leave it out: the job opens one connection"
	noCache    = "leave it out: the job runs each statement once"
)

// names spells another tool's parameters as the tool does.
var names = map[string]string{
	"currentschema": "currentSchema", "applicationname": "ApplicationName", "logintimeout": "loginTimeout", "connecttimeout": "connectTimeout",
	"sockettimeout": "socketTimeout", "tcpkeepalive": "tcpKeepAlive", "preparethreshold": "prepareThreshold", "targetservertype": "targetServerType",
	"loadbalancehosts": "loadBalanceHosts", "readonly": "readOnly", "defaultrowfetchsize": "defaultRowFetchSize", "binarytransfer": "binaryTransfer",
	"stringtype": "stringtype", "cloudsqlinstance": "cloudSqlInstance", "socketfactory": "socketFactory", "enableiamauth": "enableIamAuth",
	"useunicode": "useUnicode",
}

// judge reports whether a parameter is handed on.
func judge(name, value string) (keep bool, wrong *Problem) {
	p, known := parameters[name]
	if !known {
		p, known = parameters[strings.ToLower(name)]
		if known && p.use != refused {
			return false, &Problem{fmt.Sprintf(variable+"has a parameter %s in capitals", strings.ToLower(name)), "write it in lower case"}
		}
		name = strings.ToLower(name)
	}
	switch {
	case !known:
		return true, nil
	case p.use == refused:
		if spelt := names[name]; spelt != "" {
			name = spelt
		}
		return false, &Problem{fmt.Sprintf(variable+"has the parameter %s, which is not supported", name), naming(p.remedy, name)}
	case len(p.values) > 0 && !slices.Contains(p.values, value):
		remedy := cmp.Or(p.remedy, "set "+name+" to one of "+strings.Join(slices.DeleteFunc(slices.Clone(p.values), func(v string) bool { return v == "" }), ", "))
		return false, &Problem{fmt.Sprintf(variable+"has a value of %s that is not supported", name), remedy}
	}
	return p.use == passed, nil
}

// naming puts a parameter's name into its remedy, which may stand among others.
func naming(remedy, name string) string {
	if strings.HasPrefix(remedy, "use ") {
		return remedy + " in place of " + name
	}
	return strings.Replace(remedy, "leave it out", "leave "+name+" out", 1)
}
