package postgres

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// errCut ends a copy whose connection a fault switch cut.
var errCut = errors.New("connection cut by a fault switch")

// Proxy listens on 127.0.0.1 and hands every connection to the server's Unix socket. Standing between client
// and server, it can lose the network for tests.
type Proxy struct {
	listener net.Listener
	socket   string
	refuse   atomic.Bool
	cutAfter atomic.Int64 // bytes the server may still send before every connection is cut; below 0: no limit

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	wg    sync.WaitGroup
}

func startProxy(socket string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for PostgreSQL clients: %w", err)
	}
	p := &Proxy{listener: listener, socket: socket, conns: map[net.Conn]struct{}{}}
	p.cutAfter.Store(-1)
	p.wg.Go(p.accept)
	return p, nil
}

// Addr is the host:port that clients connect to.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Cut drops every open connection now, without a goodbye from the server.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		_ = conn.Close()
	}
}

// CutAfter drops every connection once the server has sent n more bytes, all connections together: in the
// middle of a large read, say. It acts once; new connections work again afterwards.
func (p *Proxy) CutAfter(n int64) { p.cutAfter.Store(n) }

// Refuse makes new connections fail until it is called with false. Open ones go on.
func (p *Proxy) Refuse(on bool) { p.refuse.Store(on) }

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		if p.refuse.Load() {
			_ = client.Close()
			continue
		}
		server, err := net.Dial("unix", p.socket)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.track(client, server)
		p.wg.Go(func() { p.copy(server, client, false) })
		p.wg.Go(func() { p.copy(client, server, true) })
	}
}

// copy moves bytes one way until either end closes, then closes both.
func (p *Proxy) copy(to, from net.Conn, fromServer bool) {
	var writer io.Writer = to
	if fromServer {
		writer = countdown{to, p}
	}
	_, err := io.Copy(writer, from)
	if errors.Is(err, errCut) {
		p.Cut()
	}
	_ = to.Close()
	_ = from.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, to)
	delete(p.conns, from)
}

func (p *Proxy) track(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		p.conns[conn] = struct{}{}
	}
}

func (p *Proxy) close() {
	_ = p.listener.Close()
	p.Cut()
	p.wg.Wait()
}

// countdown passes bytes on until the proxy's allowance is spent.
type countdown struct {
	to net.Conn
	p  *Proxy
}

func (c countdown) Write(data []byte) (int, error) {
	left := c.p.cutAfter.Load()
	if left < 0 {
		return c.to.Write(data)
	}
	if int64(len(data)) < left {
		c.p.cutAfter.CompareAndSwap(left, left-int64(len(data)))
		return c.to.Write(data)
	}
	c.p.cutAfter.Store(-1)
	n, err := c.to.Write(data[:left])
	if err == nil {
		err = errCut
	}
	return n, err
}
