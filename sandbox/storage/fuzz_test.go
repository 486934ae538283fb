package storage

import (
	"net/http"
	"net/url"
	"testing"
)

// What comes in comes from clients: no request may end the server, and what is understood is whole.

func FuzzParseRequest(f *testing.F) {
	for _, seed := range []struct{ method, path, query string }{
		{"GET", "/storage/v1/b", ""},
		{"GET", "/storage/v1/b/shelf/o/a%2Fb", "alt=media"},
		{"POST", "/storage/v1/b/shelf/o/a/rewriteTo/b/shelf/o/b%2Fc", ""},
		{"POST", "/storage/v1/b/shelf/o/a/compose", ""},
		{"POST", "/upload/storage/v1/b/shelf/o", "uploadType=resumable&name=x"},
		{"PUT", "/upload/storage/v1/b/shelf/o", "upload_id=1&name=x"},
		{"GET", "/shelf/a%2Fb", ""},
		{"GET", "//%zz/", "%"},
	} {
		f.Add(seed.method, seed.path, seed.query)
	}
	f.Fuzz(func(t *testing.T, method, path, query string) {
		r := &http.Request{Method: method, URL: &url.URL{Path: path, RawPath: path, RawQuery: query}, Header: http.Header{}}
		req, known := parseRequest(r)
		if known && req.Op == "" {
			t.Errorf("%s %s is known, but not as what", method, path)
		}
		if known && req.Object != "" && req.Bucket == "" {
			t.Errorf("%s %s is about object %q of no bucket", method, path, req.Object)
		}
	})
}

func FuzzParseContentRange(f *testing.F) {
	for _, seed := range []string{"", "bytes 0-9/*", "bytes 0-9/10", "bytes */10", "bytes */*", "bytes -1-2/3", "bytes 5", "/", "bytes 0-1/-5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got, err := parseContentRange(header, 3)
		if err == nil && (got.start < -1 || got.total < -1) {
			t.Errorf("parseContentRange(%q) = %+v", header, got)
		}
	})
}
