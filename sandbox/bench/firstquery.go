package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// instance is the Cloud SQL connection name under which the job finds the watched socket.
const instance = project + ":local:db"

// firstQuery starts the job and returns how long it took until PostgreSQL got its first query.
func (b *bench) firstQuery() (time.Duration, error) {
	dir, err := os.MkdirTemp("/tmp", "first")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := os.Mkdir(filepath.Join(dir, instance), 0o700); err != nil {
		return 0, err
	}
	listener, err := net.Listen("unix", filepath.Join(dir, instance, ".s.PGSQL.5432"))
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	w := &watch{socket: filepath.Join(b.db.SocketDir(), ".s.PGSQL.5432")}
	go w.accept(listener)
	j := b.base.with("CLOUD_SQL_INSTANCE="+instance, "CLOUD_SQL_SOCKET_DIR="+dir, "DB_NAME=few", "DB_USER=app", "SECRET_ID=password",
		"GCS_BUCKET=few", "DATA_STORE_ID=few", "RESCAN_INTERVAL=1h")
	start := time.Now()
	if _, err := j.run(); err != nil {
		return 0, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen.IsZero() {
		return 0, fmt.Errorf("measure the first query: PostgreSQL got none")
	}
	return w.seen.Sub(start), nil
}

// watch stands between client and server and notes when the first query passes.
type watch struct {
	socket string
	mu     sync.Mutex
	seen   time.Time
}

func (w *watch) accept(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go w.serve(client)
	}
}

func (w *watch) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", w.socket)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	}()
	_ = w.forward(server, bufio.NewReader(client))
}

// forward passes the client's messages on. The first has no type; after it, 'Q' and 'P' begin a query.
// https://www.postgresql.org/docs/current/protocol-message-formats.html
func (w *watch) forward(server io.Writer, client *bufio.Reader) error {
	for first := true; ; first = false {
		head := 5
		if first {
			head = 4
		}
		begin, err := client.Peek(head)
		if err != nil {
			return err
		}
		if !first && (begin[0] == 'Q' || begin[0] == 'P') {
			w.note()
		}
		length := int64(binary.BigEndian.Uint32(begin[head-4:])) + int64(head) - 4
		if _, err := io.CopyN(server, client, length); err != nil {
			return err
		}
	}
}

func (w *watch) note() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen.IsZero() {
		w.seen = time.Now()
	}
}
