package source

import (
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// SQLSTATE codes that the code asks for. https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	codeInvalidPassword   = "28P01"
	codeSyntax            = "42601"
	codeNotSupported      = "0A000"
	codeLockNotAvailable  = "55P03"
	codeUntranslatable    = "22P05"
	codeInvalidEncoding   = "22021"
	codeInsufficientRight = "42501"
	codeNoTable           = "42P01"
	codeCanceled          = "57014"
)

// remedy says what a person does about an error of the server. Of the rows that fit, the first counts.
type remedy struct {
	codes  string // SQLSTATEs, or what they begin with; empty: any
	when   phase  // empty: whenever
	text   string // in the message; empty: whatever it says
	config bool   // trying again is useless before somebody acts
	advice string
}

// loginRemedies are for what the server says before the session is open.
var loginRemedies = []remedy{
	{codes: codeInvalidPassword, advice: "check the user (DB_USER) and the password (SECRET_ID and VERSION_ID), or DATABASE_URL"},
	{codes: "28000", text: "encryption", advice: "set sslmode=require in DATABASE_URL"},
	{codes: "28000", advice: "check the user (DB_USER, or DATABASE_URL) and the server's pg_hba.conf"},
	{codes: "3D000", advice: "check the database name (DB_NAME, or DATABASE_URL)"},
	{codes: codeInsufficientRight, advice: "grant the user CONNECT on the database"},
	{codes: "53300", advice: "the server has no free connection: the next run tries again; raise max_connections if this stays"},
	{codes: "57", advice: "the server is starting, stopping or recovering: the next run tries again"},
}

const (
	queryVariables = "(SYNC_QUERY or SYNC_QUERY_FILE)"
	nextRun        = "the next run tries again"
	readAgain      = "the next run reads again"
	tooLarge       = "a row is larger than PostgreSQL can send: leave the column out of the query, or cut it with left()"
)

// queryRemedies are for what the server says about a statement.
var queryRemedies = []remedy{
	{codes: "0A 22 42", when: opening, config: true, advice: "use PostgreSQL itself, and connect past a pooler that refuses settings"},

	// Permissions. The server's words come in its own language; what is not recognised gets the advice for all.
	{codes: codeInsufficientRight, text: "row-level security", config: true, advice: "set row_security = on for the user (ALTER ROLE … RESET row_security), or give it BYPASSRLS"},
	{codes: codeInsufficientRight, text: "for function", config: true, advice: "grant the user EXECUTE on it"},
	{codes: codeInsufficientRight, text: "for schema", config: true, advice: "grant the user USAGE on it, and SELECT on what the query reads in it"},
	{codes: codeInsufficientRight, text: "for type", config: true, advice: "grant the user USAGE on it"},
	{codes: codeInsufficientRight, text: "for foreign server", config: true, advice: "grant the user USAGE on it"},
	{codes: codeInsufficientRight, text: "could not open file", config: true, advice: "let the server's account read the file that the foreign table names"},
	{codes: codeInsufficientRight, config: true, advice: "grant the user SELECT on it (and USAGE on its schema)"},

	// The query.
	{codes: "42704", text: "user mapping", config: true, advice: "run CREATE USER MAPPING FOR the job's user SERVER … OPTIONS (…)"},
	{codes: codeNoTable + " 42703 42883", config: true, advice: "check the names in the query " + queryVariables + ", the database and the search_path"},
	{codes: "42P18", config: true, advice: "the query cannot have parameters"},
	{codes: "25006", config: true, advice: "the query may only read"},
	{codes: "42", config: true, advice: "correct the query " + queryVariables},

	// States that pass.
	{codes: codeLockNotAvailable, advice: "somebody holds a lock, such as that of ALTER TABLE: " + nextRun},
	{codes: "55000", text: "has not been populated", config: true, advice: "fill it with REFRESH MATERIALIZED VIEW"},
	{codes: "57014", text: "statement timeout", advice: "raise STATEMENT_TIMEOUT or make the query cheaper"},
	{codes: "57014", advice: "somebody cancelled the statement: " + readAgain},
	{codes: "57 40", advice: readAgain},

	// Foreign servers.
	{codes: "08 HV00N", advice: "check the foreign server that the query reads; " + nextRun},
	{codes: "HV00J", config: true, advice: "correct the options of the foreign table or server"},
	{codes: "HV", advice: "check the foreign table, its server and its user mapping"},

	{codes: "2F003", config: true, advice: "give the user mapping of the foreign server a password, or have a superuser set password_required 'false' in it"},
	{codes: "58P01", advice: "put the file where the server looks for it, or correct the options of the foreign table that names it"},
	{codes: "58", advice: "check the server's disk and file system; " + nextRun},

	// Limits of the server.
	{codes: "53100", advice: "free space on the server's disk"},
	{codes: "53200", advice: "give the server more memory, or make the query cheaper"},
	{codes: "53400", text: "temp_file_limit", advice: "raise temp_file_limit or work_mem for the user, or make the query cheaper"},
	{codes: "53", advice: "the server lacks a resource: " + nextRun + "; raise its limit if this stays"},
	{codes: "54000", advice: tooLarge},
	{codes: "XX000", text: "invalid memory alloc request size", advice: tooLarge},

	// Data.
	{codes: codeUntranslatable, when: preparing, config: true, advice: "the query has a character that the database's encoding lacks: correct the query " + queryVariables},
	{codes: codeUntranslatable, advice: "a text has a character that UTF-8 cannot express: repair it, or leave the row or the column out of the query"},
	{codes: codeInvalidEncoding, advice: "a text is not valid in the database's encoding: repair it, or leave the row or the column out of the query"},
	{codes: "22", when: preparing, config: true, advice: "a value written in the query does not fit: correct the query " + queryVariables},
	{codes: "22 23", advice: "a row holds what the query cannot work with: correct that row or the query " + queryVariables + ", or leave the row out"},
	{codes: "21000", advice: "a subquery of the query returned several rows: correct the query " + queryVariables},
	{codes: "P0", advice: "a function of the query raised it: correct the row or the function"},

	{advice: "look into the server's log, and check the query " + queryVariables},
}

func find(remedies []remedy, e *pgconn.PgError, when phase) remedy {
	for _, r := range remedies {
		isOf := func(code string) bool { return strings.HasPrefix(e.Code, code) }
		isCode := r.codes == "" || slices.ContainsFunc(strings.Fields(r.codes), isOf)
		if isCode && (r.when == "" || r.when == when) && strings.Contains(e.Message, r.text) {
			return r
		}
	}
	return remedy{}
}

// queryRemedy returns what to do, and whether it is the configuration that must change.
func queryRemedy(e *pgconn.PgError, when phase) (advice string, config bool) {
	if strings.HasPrefix(e.Where, "remote SQL command") && class(e.Code) == "42" {
		return "the foreign table does not fit its remote table: correct its definition (ALTER FOREIGN TABLE) or the remote's permissions", true
	}
	r := find(queryRemedies, e, when)
	return r.advice, r.config
}
