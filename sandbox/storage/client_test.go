package storage_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"

	gcs "cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"vertexmetadata/sandbox/storage"
)

func start(t *testing.T) *storage.Server {
	t.Helper()
	s, err := storage.Start(storage.Options{Buckets: []string{bucket}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func connect(t *testing.T, s *storage.Server, options ...option.ClientOption) *gcs.Client {
	t.Helper()
	options = append(options, option.WithEndpoint(s.Endpoint()), option.WithoutAuthentication(), gcs.WithDisabledClientMetrics())
	client, err := gcs.NewClient(t.Context(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func write(t *testing.T, o *gcs.ObjectHandle, text string) int64 {
	t.Helper()
	w := o.NewWriter(t.Context())
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.Attrs().Generation
}

func writeOnce(o *gcs.ObjectHandle, text string) error {
	w := o.NewWriter(context.Background())
	_, err := io.WriteString(w, text)
	return errors.Join(err, w.Close())
}

func read(t *testing.T, o *gcs.ObjectHandle) []byte {
	t.Helper()
	r, err := o.NewReader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func readOnce(o *gcs.ObjectHandle) error {
	r, err := o.NewReader(context.Background())
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	return err
}

type condition func(live int64) gcs.Conditions

func insertIf(c condition) func(*gcs.ObjectHandle, int64) error {
	return func(o *gcs.ObjectHandle, live int64) error { return writeOnce(o.If(c(live)), "third") }
}

func deleteIf(c condition) func(*gcs.ObjectHandle, int64) error {
	return func(o *gcs.ObjectHandle, live int64) error { return o.If(c(live)).Delete(context.Background()) }
}

func patchIf(c condition) func(*gcs.ObjectHandle, int64) error {
	return func(o *gcs.ObjectHandle, live int64) error {
		return second(o.If(c(live)).Update(context.Background(), gcs.ObjectAttrsToUpdate{ContentType: "text/plain"}))
	}
}

func readIf(c condition) func(*gcs.ObjectHandle, int64) error {
	return func(o *gcs.ObjectHandle, live int64) error { return readOnce(o.If(c(live))) }
}

func second[T any](_ T, err error) error { return err }

// status is the HTTP status in an error: 0 for none, -1 for an error without one.
func status(err error) int {
	var api *googleapi.Error
	switch {
	case err == nil:
		return 0
	case errors.As(err, &api):
		return api.Code
	case errors.Is(err, gcs.ErrObjectNotExist):
		return http.StatusNotFound
	}
	return -1
}

func random(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data)
	return data
}
