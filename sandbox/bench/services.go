package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/secretmanager"
	"vertexmetadata/sandbox/storage"
)

// project is what everything in the stand-ins belongs to.
const project = "bench"

// The stand-ins for Google's services run in a process of their own, so that their processor time can be distinguished from
// the job's and from the bench's. The bench writes one request a line to its standard input and reads one reply a
// line from its standard output; it ends with its standard input.

// request asks the services for something; see service.do.
type request struct {
	Do   string `json:"do"`
	Name string `json:"name,omitempty"` // of a bucket and of the data store that belongs to it
}

// reply is what the services answer to every request.
type reply struct {
	Storage, Sink, DiscoveryEngine, SecretManager string // addresses

	CPU     time.Duration      // of the process since its start
	Traffic map[string]traffic // since the last reset, by what kind of object it was about
	Stores  map[string]discoveryengine.Stats
	Error   string
}

// traffic is what was asked of the bucket about one kind of object. A conditional read that finds nothing counts too.
type traffic struct {
	Reads, Writes, Other int
	In, Out              int64 // bytes into the bucket, out of it
}

func (t *traffic) add(r storage.Request) {
	switch r.Op {
	case storage.OpRead:
		t.Reads++
	case storage.OpInsert, storage.OpUploadStart, storage.OpRewrite, storage.OpCompose:
		t.Writes++
	default:
		t.Other++
	}
	t.In += r.BytesIn
	t.Out += r.BytesOut
}

// kindOf says what an object is by its name, as docs/PROTOCOL.md lists them.
func kindOf(object string) string {
	name := object[strings.LastIndexByte(object, '/')+1:]
	begins := func(with ...string) bool {
		return slices.ContainsFunc(with, func(w string) bool { return strings.HasPrefix(name, w) })
	}
	switch {
	case strings.Contains(object, "/ledger/"):
		return "ledger"
	case begins("data-", "metadata"):
		return "documents"
	case begins("upserted", "removed", "folded"):
		return "manifest"
	}
	return "other"
}

// service is the process with the stand-ins.
type service struct {
	storage *storage.Server
	engine  *discoveryengine.Server
	secrets *secretmanager.Server
	sink    *httptest.Server
	stores  map[string]*discoveryengine.DataStore
}

// serveServices is that process's main.
func serveServices(password string, in io.Reader, out io.Writer) error {
	s := &service{stores: map[string]*discoveryengine.DataStore{}}
	var err error
	if s.storage, err = storage.Start(storage.Options{}); err != nil {
		return err
	}
	defer s.storage.Close()
	if s.engine, err = discoveryengine.Start(discoveryengine.Options{Storage: s.storage}); err != nil {
		return err
	}
	defer s.engine.Close()
	store := secretmanager.NewStore()
	store.Add(project, "password", []byte(password))
	if s.secrets, err = secretmanager.Start(secretmanager.Options{Secrets: store}); err != nil {
		return err
	}
	defer s.secrets.Close()
	s.sink = httptest.NewServer(&sink{next: s.storage})
	defer s.sink.Close()

	encoder := json.NewEncoder(out)
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var r request
		answer := reply{}
		if err = json.Unmarshal(lines.Bytes(), &r); err == nil {
			err = s.do(r)
		}
		if err != nil {
			answer.Error = err.Error()
		}
		s.fill(&answer)
		if err := encoder.Encode(answer); err != nil {
			return err
		}
	}
	return nil
}

func (s *service) do(r request) error {
	switch r.Do {
	case "look":
	case "new": // an empty bucket and an empty data store
		if s.storage.BucketExists(r.Name) {
			s.storage.Empty(r.Name)
		} else {
			s.storage.CreateBucket(r.Name)
		}
		if old := s.stores[r.Name]; old != nil {
			s.engine.DeleteDataStore(old)
		}
		s.stores[r.Name] = s.engine.CreateDataStore(discoveryengine.StoreConfig{Project: project, ID: r.Name})
		s.storage.SetPolicy(r.Name, storage.Policy{})
	case "throttle": // one write a second to an object, as in Cloud Storage
		s.storage.SetPolicy(r.Name, storage.Policy{OneWriteASecond: true})
	case "drop":
		s.storage.Empty(r.Name)
		s.engine.DeleteDataStore(s.stores[r.Name])
		delete(s.stores, r.Name)
	case "hold": // imports are accepted and not worked on
		s.engine.Hold()
	case "release":
		s.engine.Release()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		return s.engine.Wait(ctx)
	case "reset":
		s.storage.ResetLog()
		for _, store := range s.stores {
			store.ResetStats()
		}
	default:
		return fmt.Errorf("unknown request %q", r.Do)
	}
	return nil
}

func (s *service) fill(a *reply) {
	a.Storage, a.Sink = s.storage.Addr(), strings.TrimPrefix(s.sink.URL, "http://")
	a.DiscoveryEngine, a.SecretManager = s.engine.Addr(), s.secrets.Addr()
	a.CPU = cpuOfSelf()
	a.Traffic = map[string]traffic{}
	for _, r := range s.storage.Log() {
		if r.Object == "" {
			continue // lists
		}
		t := a.Traffic[kindOf(r.Object)]
		t.add(r)
		a.Traffic[kindOf(r.Object)] = t
	}
	a.Stores = map[string]discoveryengine.Stats{}
	for name, store := range s.stores {
		a.Stores[name] = store.Stats()
	}
}

func cpuOfSelf() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// services is the bench's side of the process.
type services struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	addrs reply
}

// startServices starts this program anew as the process of the stand-ins.
func startServices(password string) (*services, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	s := &services{cmd: exec.Command(self, "-services")}
	s.cmd.Env = append(os.Environ(), "BENCH_PASSWORD="+password)
	s.cmd.Stderr = os.Stderr
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.out = bufio.NewReader(out)
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start services: %w", err)
	}
	s.addrs, err = s.do("look", "")
	return s, err
}

// do sends a request and returns the reply.
func (s *services) do(what, name string) (reply, error) {
	line, err := json.Marshal(request{Do: what, Name: name})
	if err != nil {
		return reply{}, err
	}
	if _, err := s.in.Write(append(line, '\n')); err != nil {
		return reply{}, fmt.Errorf("ask services to %s: %w", what, err)
	}
	answer, err := s.out.ReadBytes('\n')
	if err != nil {
		return reply{}, fmt.Errorf("ask services to %s: %w", what, err)
	}
	var r reply
	if err := json.Unmarshal(answer, &r); err != nil {
		return reply{}, fmt.Errorf("ask services to %s: %w", what, err)
	}
	if r.Error != "" {
		return r, errors.New(what + " " + name + ": " + r.Error)
	}
	return r, nil
}

func (s *services) close() {
	_ = s.in.Close() // ends it
	_ = s.cmd.Wait()
}

var _ http.Handler = (*sink)(nil)
