package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestCutLosesOpenConnections(t *testing.T) {
	conn := connect(t, server.TCPURL(""))
	server.Proxy().Cut()
	if _, err := conn.Exec(t.Context(), "SELECT 1"); err == nil {
		t.Error("a cut connection still answers")
	}
	if got := queryInt(t, server.TCPURL(""), "SELECT 1"); got != 1 {
		t.Error("a new connection does not work")
	}
}

func TestCutAfterLosesTheConnectionInTheMiddleOfARead(t *testing.T) {
	conn := connect(t, server.TCPURL(""))
	server.Proxy().CutAfter(1 << 20)
	rows, err := conn.Query(t.Context(), "SELECT repeat('x', 1000) FROM generate_series(1, 100000)")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for rows.Next() {
		n++
	}
	if rows.Err() == nil || n == 0 || n > 2000 {
		t.Errorf("read %d rows, then %v; want an error after about 1,000 rows", n, rows.Err())
	}
	if got := queryInt(t, server.TCPURL(""), "SELECT 1"); got != 1 {
		t.Error("a new connection does not work")
	}
}

func TestRefuse(t *testing.T) {
	server.Proxy().Refuse(true)
	_, err := pgx.Connect(t.Context(), server.TCPURL(""))
	server.Proxy().Refuse(false)
	if err == nil {
		t.Error("connected although refusing")
	}
	if got := queryInt(t, server.TCPURL(""), "SELECT 1"); got != 1 {
		t.Error("does not accept again")
	}
}
