package source

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"vertexmetadata/job/internal/column"
	"vertexmetadata/job/internal/pgurl"
	"vertexmetadata/job/internal/refusal"
)

// Finding is one thing that a person should know before a run trips over it.
type Finding struct {
	Name    string // what was looked at, in a word or two
	Text    string // what was found
	Remedy  string // what to do; empty where nothing needs doing
	Warning bool   // a run would succeed, and yet somebody should look
	Err     error  // with which a run would fail; Text and Remedy are its own
}

func failing(name string, err error) Finding {
	text, remedy := refusal.Split(err)
	return Finding{Name: name, Text: text, Remedy: remedy, Err: err}
}

// Examine looks at what the query reads and at the session's role, and reads its rows for a while: all that a run would only find out
// in the middle. Its findings are in the order in which a person reads them.
func (db *DB) Examine(ctx context.Context) ([]Finding, error) {
	columns, err := db.Columns(ctx)
	if err != nil {
		return nil, err
	}
	found := []Finding{db.encryption()}
	for _, look := range []func(context.Context) ([]Finding, error){db.rights, db.RowSecurity} {
		more, err := look(ctx)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	found = append(found, columnFindings(columns)...)
	return append(found, db.sample(ctx)), nil
}

// encryption says whether somebody in between could read along.
func (db *DB) encryption() Finding {
	f := Finding{Name: "encryption"}
	host, _, _ := net.SplitHostPort(db.conn.Conn().RemoteAddr().String())
	switch conn, encrypted := db.conn.Conn().(*tls.Conn); {
	case db.config.connector():
		f.Text = "encrypted, both sides proved by certificates (Cloud SQL connector)"
	case encrypted && db.proof == "":
		f.Text = fmt.Sprintf("encrypted (%s), but the server's certificate is not verified", tls.VersionName(conn.ConnectionState().Version))
		f.Remedy, f.Warning = "set sslmode=verify-full and sslrootcert in DATABASE_URL, or channel_binding=require", true
	case encrypted:
		f.Text = fmt.Sprintf("encrypted (%s), the server is verified by %s", tls.VersionName(conn.ConnectionState().Version), db.proof)
	case db.conn.Conn().RemoteAddr().Network() == "unix":
		f.Text = "over a Unix socket, which does not leave this machine"
	case pgurl.Local(host):
		f.Text = "over a loopback address, which does not leave this machine"
	default:
		f.Text, f.Remedy, f.Warning = "not encrypted", "set sslmode=verify-full in DATABASE_URL", true
	}
	return f
}

// proof is how a server over TLS proves that it is the one meant, empty if it need not.
func proof(pg *pgconn.Config) string {
	switch addresses := pgurl.Addresses(pg); {
	case pg.ChannelBinding == "require":
		return "channel binding"
	case !slices.ContainsFunc(addresses, func(f pgconn.FallbackConfig) bool { return !pgurl.Verifies(f.TLSConfig) }):
		return "its certificate"
	}
	return ""
}

// Vertex AI Search takes at most two fields of vectors, of at most 768 numbers.
// https://cloud.google.com/generative-ai-app-builder/docs/bring-embeddings
const (
	mostDimensions = 768
	mostVectors    = 2
)

// columnFindings are about what the data store makes of a column.
func columnFindings(columns []column.Column) (found []Finding) {
	var wide, vectors []string
	for _, c := range columns {
		if c.Wide {
			wide = append(wide, fmt.Sprintf("%q (%s)", c.Name, c.Type))
		}
		if c.Vector {
			vectors = append(vectors, fmt.Sprintf("%q", c.Name))
		}
		if c.Dimensions > mostDimensions {
			found = append(found, Finding{
				Name: "vectors", Warning: true,
				Text:   fmt.Sprintf("column %q has %d dimensions, and Vertex AI Search takes at most %d", c.Name, c.Dimensions, mostDimensions),
				Remedy: fmt.Sprintf("shorten them, as in subvector(%s, 1, %d)", quoteName(c.Name), mostDimensions),
			})
		}
	}
	if len(vectors) > mostVectors {
		found = append(found, Finding{
			Name: "vectors", Warning: true, Remedy: "leave one out of the query",
			Text: fmt.Sprintf("columns %s are vectors, and Vertex AI Search takes at most %d fields of them", strings.Join(vectors, ", "), mostVectors),
		})
	}
	if len(wide) > 0 {
		found = append(found, Finding{
			Name: "numbers", Warning: true, Remedy: "select such a column ::text where its last digits matter",
			Text: fmt.Sprintf("columns that can hold numbers beyond 2^53, whose last digits the data store rounds: %s", strings.Join(wide, ", ")),
		})
	}
	return found
}
