package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vertexmetadata/sandbox/dataplane"
	"vertexmetadata/sandbox/project"
)

// TestConnector deploys a job that reaches the instance by Google's connector: it asks the Cloud SQL Admin API for the address and for
// certificates, and both ends prove who they are.
func TestConnector(t *testing.T) {
	findPulumi(t)
	t.Parallel()
	instance := newInstance(t)
	s := newSystem(t, func(o *project.Options) { o.Env = append(o.Env, instance.environment(t)...) })
	instance.system = s
	stack := newStack(t, s, map[string]string{"cloudSqlIpType": "private", "vpcNetwork": "default"})
	stack.must("up", "--yes", "--skip-preview")
	stack.must("preview", "--refresh", "--expect-no-changes")
	checkSyncs(t, s)
	if instance.connections.Load() == 0 {
		t.Error("the job reached the database by another way")
	}
	must(t, s.Control.Revoke(projectName, "roles/cloudsql.client", jobMember))
	checkFails(t, s, "roles/cloudsql.client")
}

// instance is a Cloud SQL instance as the connector sees it: an Admin API behind a proxy, and a port that takes TLS.
type instance struct {
	system      *system
	connections atomic.Int64
	authority   tls.Certificate
	proxy       *httptest.Server
}

// newInstance serves the port, which the connector's protocol fixes, and the proxy through which the job finds the API.
func newInstance(t *testing.T) *instance {
	t.Helper()
	i := &instance{}
	i.authority = i.certificate(t, "authority")
	pool := x509.NewCertPool()
	pool.AddCert(i.authority.Leaf)
	listener, err := net.Listen("tcp", "127.0.0.1:3307")
	must(t, err)
	port := tls.NewListener(listener, &tls.Config{
		Certificates: []tls.Certificate{i.certificate(t, dataplane.Project+":app")}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
	})
	t.Cleanup(func() { must(t, port.Close()) })
	go func() {
		for {
			conn, err := port.Accept()
			if err != nil {
				return // closed
			}
			i.connections.Add(1)
			go i.serve(conn)
		}
	}()
	i.proxy = httptest.NewServer(http.HandlerFunc(i.tunnel(t)))
	t.Cleanup(i.proxy.Close)
	return i
}

// serve joins a connection to the database's socket.
func (i *instance) serve(conn net.Conn) {
	defer conn.Close()
	database, err := net.Dial("unix", i.system.Data.Source.Socket)
	if err != nil {
		return // the job sees its connection end
	}
	defer database.Close()
	go func() { _, _ = io.Copy(database, conn) }()
	_, _ = io.Copy(conn, database)
}

// environment sends the job's calls to Google's APIs through the proxy, and makes it trust what stands for them.
func (i *instance) environment(t *testing.T) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "authority.pem")
	must(t, os.WriteFile(file, encode(i.authority.Certificate[0]), 0o600))
	return []string{"HTTPS_PROXY=" + i.proxy.URL, "SSL_CERT_FILE=" + file}
}

// tunnel answers CONNECT to the Admin API by being the API.
func (i *instance) tunnel(t *testing.T) http.HandlerFunc {
	identity := &tls.Config{Certificates: []tls.Certificate{i.certificate(t, "sqladmin.googleapis.com")}}
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "sqladmin.googleapis.com:443" {
			t.Errorf("the job called %s %s", r.Method, r.Host)
			http.Error(w, "no such host", http.StatusBadGateway)
			return
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		one := &oneListener{conn: make(chan net.Conn, 1), address: conn.LocalAddr()}
		one.conn <- tls.Server(conn, identity)
		_ = http.Serve(one, http.HandlerFunc(i.admin)) // ends with the listener's second Accept
	}
}

// admin is the Admin API as far as the connector asks it.
func (i *instance) admin(w http.ResponseWriter, r *http.Request) {
	const name = "projects/" + dataplane.Project + "/instances/app"
	w.Header().Set("Content-Type", "application/json")
	if err := i.system.Control.Allowed(jobMember, "cloudsql.instances.connect", "//sqladmin.googleapis.com/"+name); err != nil {
		w.WriteHeader(http.StatusForbidden)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": 403, "message": "boss::NOT_AUTHORIZED: Not authorized to access resource. Possibly missing permission cloudsql.instances.connect"}})
		return
	}
	switch path := strings.TrimPrefix(r.URL.Path, "/sql/v1beta4/"+name); path {
	case "/connectSettings":
		_ = json.NewEncoder(w).Encode(map[string]any{
			"backendType": "SECOND_GEN", "databaseVersion": "POSTGRES_15", "region": dataplane.Region,
			"serverCaCert": map[string]string{"cert": string(encode(i.authority.Certificate[0]))},
			"ipAddresses":  []map[string]string{{"type": "PRIVATE", "ipAddress": "127.0.0.1"}},
		})
	case ":generateEphemeralCert":
		var asked struct {
			PublicKey string `json:"public_key"`
		}
		_ = json.NewDecoder(r.Body).Decode(&asked)
		block, _ := pem.Decode([]byte(asked.PublicKey))
		if block == nil {
			http.Error(w, "no public key", http.StatusBadRequest)
			return
		}
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"ephemeralCert": map[string]string{"cert": string(encode(i.sign("client", key, i.authority.PrivateKey)))}})
	default:
		http.NotFound(w, r)
	}
}

// certificate makes a key and a certificate that the authority signs; the first one is the authority itself.
func (i *instance) certificate(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	signer := i.authority.PrivateKey
	if signer == nil {
		signer = key
	}
	der := i.sign(name, key.Public(), signer)
	leaf, err := x509.ParseCertificate(der)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// sign makes a certificate; nil where it cannot.
func (i *instance) sign(name string, key, signer any) []byte {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true,
	}
	parent := i.authority.Leaf
	if parent == nil {
		template.IsCA, template.KeyUsage, parent = true, x509.KeyUsageCertSign, template
	} else if !strings.Contains(name, ":") {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, signer)
	if err != nil {
		return nil
	}
	return der
}

func encode(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// oneListener accepts one connection.
type oneListener struct {
	conn    chan net.Conn
	address net.Addr
}

func (l *oneListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conn:
		return conn, nil
	default:
		return nil, net.ErrClosed
	}
}
func (l *oneListener) Close() error   { return nil }
func (l *oneListener) Addr() net.Addr { return l.address }
