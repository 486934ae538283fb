package source

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
)

// impostor answers as somebody between the job and the database would: without TLS, or with a certificate of its own, and
// asking for the password in clear text. It keeps what it received.
type impostor struct {
	listener net.Listener
	cert     *tls.Certificate // nil: no TLS
	trusting bool             // it lets everybody in, without a password

	mu        sync.Mutex
	passwords []string
}

func newImpostor(t *testing.T, cert *tls.Certificate, trusting bool) *impostor {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	i := &impostor{listener: l, cert: cert, trusting: trusting}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go i.serve(conn)
		}
	}()
	return i
}

func (i *impostor) serve(conn net.Conn) {
	defer conn.Close()
	backend := pgproto3.NewBackend(conn, conn)
	message, err := backend.ReceiveStartupMessage()
	if _, asked := message.(*pgproto3.SSLRequest); asked {
		if i.cert == nil {
			_, _ = conn.Write([]byte("N"))
		} else {
			_, _ = conn.Write([]byte("S"))
			secured := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*i.cert}})
			backend = pgproto3.NewBackend(secured, secured)
		}
		_, err = backend.ReceiveStartupMessage()
	}
	if err != nil {
		return
	}
	if i.trusting {
		backend.Send(&pgproto3.AuthenticationOk{})
		backend.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		_ = backend.Flush()
		_, _ = backend.Receive() // the goodbye
		return
	}
	backend.Send(&pgproto3.AuthenticationCleartextPassword{})
	if backend.Flush() != nil || backend.SetAuthType(pgproto3.AuthTypeCleartextPassword) != nil {
		return
	}
	if answer, err := backend.Receive(); err == nil {
		if p, ok := answer.(*pgproto3.PasswordMessage); ok {
			i.mu.Lock()
			i.passwords = append(i.passwords, p.Password)
			i.mu.Unlock()
		}
	}
	backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28000", Message: "thank you"})
	_ = backend.Flush()
}

// connect connects by a URL whose host is somewhere else, but reaches the impostor.
func (i *impostor) connect(t *testing.T, url string) (*DB, error) {
	t.Helper()
	config := Config{URL: url}
	pg, err := config.parse()
	if err != nil {
		t.Fatal(err)
	}
	pg.LookupFunc = func(context.Context, string) ([]string, error) { return []string{"192.0.2.7"}, nil }
	pg.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", i.listener.Addr().String())
	}
	a := &attempt{config: config, pg: pg}
	a.watch()
	conn, err := a.connect(t.Context())
	if err != nil {
		return nil, a.failure(t.Context(), err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return &DB{conn: conn, proof: proof(pg)}, nil
}

// TestImpostor: nobody in between gets the password, and no error advises to make that possible.
func TestImpostor(t *testing.T) {
	cert, other := selfSigned(t), authorityFile(t, selfSigned(t))
	const away = `connect to database "d" as user "u" at host db.example:5432: `
	const clear = away + "the server asks for the password in a form that others on the network can read: set password_encryption = 'scram-sha-256' on the server, set the password again and use scram-sha-256 in pg_hba.conf, " +
		"or let the certificate be verified: sslmode=verify-full and sslrootcert in DATABASE_URL"
	for _, tt := range []struct {
		name, url string
		cert      *tls.Certificate
		want      string
		given     bool
	}{
		{"no sslmode, no TLS", "postgres://u:s3cr3t@db.example/d", nil, away + "the server does not speak TLS, which is required over the network unless DATABASE_URL says sslmode=disable: switch TLS on at the server (ssl = on)", false},
		{"required, no TLS", "postgres://u:s3cr3t@db.example/d?sslmode=require", nil, away + "the server does not speak TLS: switch TLS on at the server (ssl = on)", false},
		{"no sslmode, any certificate", "postgres://u:s3cr3t@db.example/d", cert, clear, false},
		{"disabled", "postgres://u:s3cr3t@db.example/d?sslmode=disable", nil, clear, false},
		{"preferred", "postgres://u:s3cr3t@db.example/d?sslmode=prefer", nil, clear, false},
		{"channel binding", "postgres://u:s3cr3t@db.example/d?sslmode=require&channel_binding=require", cert, clear, false},
		{"verified", "postgres://u:s3cr3t@db.example/d?sslmode=verify-full", cert, away + "the server's TLS certificate is not trusted: set sslrootcert in DATABASE_URL to its authority, and check the host name", false},
		{"verified, but for its name", "postgres://u:s3cr3t@db.example/d?sslmode=verify-ca&sslrootcert=" + other, cert, away + "the server's TLS certificate is not trusted: set sslrootcert in DATABASE_URL to its authority, and check the host name", false},
		{"this machine", "postgres://u:s3cr3t@localhost/d?sslmode=disable", nil, `connect to database "d" as user "u" at host localhost:5432: thank you: check the user (DB_USER, or DATABASE_URL) and the server's pg_hba.conf`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := newImpostor(t, tt.cert, false)
			_, err := i.connect(t, tt.url)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			i.mu.Lock()
			defer i.mu.Unlock()
			if given := len(i.passwords) > 0; given != tt.given {
				t.Errorf("it was told %q", i.passwords)
			}
		})
	}
}

// TestVerifiedServers: check warns of a server that need not prove who it is, and of no other.
func TestVerifiedServers(t *testing.T) {
	cert := selfSigned(t)
	i := newImpostor(t, cert, true)
	for parameters, want := range map[string]string{
		"":                 "encrypted (TLS 1.3), but the server's certificate is not verified",
		"?sslmode=require": "encrypted (TLS 1.3), but the server's certificate is not verified",
		"?sslmode=verify-ca&sslrootcert=" + authorityFile(t, cert):   "encrypted (TLS 1.3), the server is verified by its certificate",
		"?sslmode=require&sslrootcert=" + authorityFile(t, cert):     "encrypted (TLS 1.3), the server is verified by its certificate",
		"?sslmode=verify-full&sslrootcert=" + authorityFile(t, cert): "encrypted (TLS 1.3), the server is verified by its certificate",
	} {
		db, err := i.connect(t, "postgres://u:p@db.example/d"+parameters)
		if err != nil {
			t.Errorf("%s: %v", parameters, err)
			continue
		}
		if f := db.encryption(); f.Text != want || f.Warning != (f.Remedy != "") || f.Warning != strings.Contains(want, "not") {
			t.Errorf("%s: got %+v", parameters, f)
		}
	}
	for parameters, want := range map[string]string{"": "", "?channel_binding=require": "channel binding", "?sslmode=disable": "", "?sslmode=prefer": "", "?sslmode=verify-full": "its certificate"} {
		pg, err := (Config{URL: "postgres://u:p@db.example,db2.example/d" + parameters}).parse()
		if err != nil || proof(pg) != want {
			t.Errorf("%s: got %q, %v", parameters, proof(pg), err)
		}
	}
}

// TestPeers: with several addresses, the one that answered is named.
func TestPeers(t *testing.T) {
	live := server.Proxy().Addr()
	url := strings.Replace(server.TCPURL("app"), "@"+live, "@127.0.0.1:1,"+strings.Replace(live, "127.0.0.1", "localhost", 1), 1)
	db := open(t, Config{URL: url, Query: "SELECT 1 AS id"})
	_, port, _ := net.SplitHostPort(live)
	if want := fmt.Sprintf(`database "app" as user "app" at host localhost:%s`, port); db.String() != want {
		t.Errorf("got %s, want %s", db, want)
	}
	_, err := Open(t.Context(), Config{URL: "postgres://u:p@127.0.0.1:1,127.0.0.1:2/d"})
	const want = `connect to database "d" as user "u" at host 127.0.0.1:1 or host 127.0.0.1:2: connection refused: check host and port, and that the database is up`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestPasswordsBeyondASCII: every password that psql can log in with works, by URL and by instance.
func TestPasswordsBeyondASCII(t *testing.T) {
	dir, err := server.InstanceSocketDir("p:r:passwords")
	if err != nil {
		t.Fatal(err)
	}
	run(t, server.AdminURL(""), "CREATE ROLE typist LOGIN")
	for _, password := range []string{"ｐａｓｓ１２３", "ﬁsh", "x²", "passⅣ", "grün", "gru\u0308n", "日本語", "a\u00adb", "a\u00a0b", "a\u3000b", "\U0001F338", "plain", "ｐ'\"\\"} {
		admin, err := pgx.Connect(t.Context(), server.AdminURL(""))
		if err != nil {
			t.Fatal(err)
		}
		_, err = admin.Exec(t.Context(), "ALTER ROLE typist PASSWORD '"+strings.ReplaceAll(password, "'", "''")+"'")
		_ = admin.Close(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for name, config := range map[string]Config{
			"URL":      {URL: server.URLAs("typist", password, "app")},
			"instance": {SocketDir: dir, Instance: "p:r:passwords", Database: "app", User: "typist", Password: password},
			"token":    {SocketDir: dir, Instance: "p:r:passwords", Database: "app", User: "typist", Token: func(context.Context) (string, error) { return password, nil }},
		} {
			db, err := Open(t.Context(), config)
			if err != nil {
				t.Errorf("%q by %s: %v", password, name, err)
				continue
			}
			db.Close(t.Context())
		}
		if _, err := Open(t.Context(), Config{URL: server.URLAs("typist", password+"x", "app")}); err == nil || strings.Contains(err.Error(), password) {
			t.Errorf("a wrong password: %v", err)
		}
	}
}

// TestEnvironmentOfLibpq: PG… variables do no harm with an instance.
func TestEnvironmentOfLibpq(t *testing.T) {
	dir, err := server.InstanceSocketDir("p:r:environment")
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"PGSERVICE": "prod", "PGTARGETSESSIONATTRS": "standby", "PGCONNECT_TIMEOUT": "abc", "PGREQUIREAUTH": "none", "PGHOST": "elsewhere", "PGOPTIONS": "-c work_mem=1MB",
		"PGSSLMODE": "verify-full", "PGPASSWORD": "wrong", "PGUSER": "nobody", "PGDATABASE": "nowhere", "PGPORT": "1", "PGAPPNAME": "theirs",
	} {
		t.Setenv(name, value)
	}
	db := open(t, Config{SocketDir: dir, Instance: "p:r:environment", Database: "app", User: server.User(), Password: server.Password(), Query: "SELECT current_setting('application_name') AS id"})
	if got := scan(t, db); got[0][0] != "vertex-metadata" {
		t.Errorf("got %v", got)
	}
	_, err = Open(t.Context(), Config{URL: server.URL("")})
	if err == nil || !strings.Contains(err.Error(), "of the environment") {
		t.Errorf("got %v", err)
	}
}

// TestCustomSettings: the server's words about an unknown setting stay out of the error: the name may be part of a
// password.
func TestCustomSettings(t *testing.T) {
	_, err := Open(t.Context(), Config{URL: server.TCPURL("app") + "&hunter2=geheim"})
	e, ok := err.(*Error)
	if !ok || !e.Config || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "geheim") || !strings.Contains(err.Error(), "the server refuses a parameter of DATABASE_URL (SQLSTATE 42704)") {
		t.Errorf("got %v", err)
	}
}

// TestOriginOfSettings: what is asked for too much, or is no setting, is named by where it comes from.
func TestOriginOfSettings(t *testing.T) {
	for _, tt := range []struct{ variable, value, parameter, want string }{
		{"PGOPTIONS", "-c nonsense=1", "", "the server refuses PGOPTIONS of the environment (SQLSTATE 42704): leave out what is neither libpq's nor a setting of PostgreSQL; behind a pooler, leave out settings"},
		{"PGTZ", "Mars/X", "", "the server refuses PGTZ of the environment (SQLSTATE 22023): leave out what is neither libpq's nor a setting of PostgreSQL; behind a pooler, leave out settings"},
		{"PGTZ", "UTC", "&options=-cnonsense%3D1", "the server refuses a parameter of DATABASE_URL or PGTZ of the environment (SQLSTATE 42704): leave out what is neither libpq's nor a setting of PostgreSQL; behind a pooler, leave out settings"},
		{"PGOPTIONS", "-c nonsense=1", "&options=-cwork_mem%3D1MB&timezone=Mars/X", "the server refuses a parameter of DATABASE_URL (SQLSTATE 22023): leave out what is neither libpq's nor a setting of PostgreSQL; behind a pooler, leave out settings; beside DATABASE_URL counts what the environment says: PGOPTIONS"},
		{"PGREQUIREAUTH", "gss", "", "the server does not offer what PGREQUIREAUTH of the environment asks for: let the server offer it, or correct PGREQUIREAUTH of the environment"},
		{"PGAPPNAME", "", "&target_session_attrs=standby", "the server does not offer what target_session_attrs in DATABASE_URL asks for: let the server offer it, or correct target_session_attrs in DATABASE_URL"},
	} {
		t.Run(tt.variable+tt.parameter, func(t *testing.T) {
			t.Setenv(tt.variable, tt.value)
			_, err := Open(t.Context(), Config{URL: server.TCPURL("app") + tt.parameter})
			if err == nil || !strings.HasSuffix(err.Error(), ": "+tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}
