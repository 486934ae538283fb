package storage

import (
	"net/http"
	"net/url"
	"strings"
)

// Op names what a request asks for, in the words of the JSON API where it has one.
type Op string

// The operations that the server knows.
const (
	OpBucketList      Op = "buckets.list"
	OpBucketInsert    Op = "buckets.insert"
	OpBucketGet       Op = "buckets.get"
	OpBucketPatch     Op = "buckets.patch"
	OpBucketDelete    Op = "buckets.delete"
	OpTestPermissions Op = "buckets.testIamPermissions"
	OpBucketBindings  Op = "buckets.getIamPolicy"
	OpList            Op = "objects.list"
	OpInsert          Op = "objects.insert"       // an upload in one request
	OpUploadStart     Op = "objects.insert.start" // of a resumable upload
	OpUploadChunk     Op = "objects.insert.chunk" // also asks how far an upload got
	OpUploadCancel    Op = "objects.insert.cancel"
	OpGet             Op = "objects.get"  // metadata
	OpRead            Op = "objects.read" // content, by either API
	OpPatch           Op = "objects.patch"
	OpDelete          Op = "objects.delete"
	OpCompose         Op = "objects.compose"
	OpRewrite         Op = "objects.rewrite" // the request's object is the destination
)

// uploads reports whether the request's body is content.
func (o Op) uploads() bool { return o == OpInsert || o == OpUploadChunk }

// Request is what hooks, faults and the log see of one request.
type Request struct {
	Op     Op
	Method string // of HTTP
	Bucket string // empty for operations on all buckets
	Object string // empty for operations on buckets
	Source string // bucket/object that a rewrite copies
	Token  string // the bearer token, empty without one
	XML    bool   // came by the XML API, whose errors look different

	// The rest is known after the work, to the After hook (Status) and in the log (all).
	Status   int   // HTTP status of the reply; 0 when the connection was dropped instead
	BytesIn  int64 // of the body
	BytesOut int64 // of the reply's body
}

// parseRequest finds out what a request asks for; false when it is nothing the server knows.
func parseRequest(r *http.Request) (Request, bool) {
	req := Request{Method: r.Method, Token: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")}
	path := r.URL.EscapedPath()
	switch {
	case strings.HasPrefix(path, "/storage/v1/b"):
		return parseJSON(req, r, splitPath(strings.TrimPrefix(path, "/storage/v1/b")))
	case strings.HasPrefix(path, "/upload/storage/v1/b/"):
		return parseUpload(req, r, splitPath(strings.TrimPrefix(path, "/upload/storage/v1/b")))
	case strings.HasPrefix(path, "/resumable/upload/storage/v1/b/"): // as gcloud asks
		return parseUpload(req, r, splitPath(strings.TrimPrefix(path, "/resumable/upload/storage/v1/b")))
	case strings.HasPrefix(path, "/download/storage/v1/b/"):
		return parseJSON(req, r, splitPath(strings.TrimPrefix(path, "/download/storage/v1/b")))
	}
	return parseXML(req, splitPath(path))
}

// splitPath returns the parts of an escaped path, unescaped: object names carry their slashes escaped.
func splitPath(path string) []string {
	var parts []string
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if part == "" {
			continue
		}
		if plain, err := url.PathUnescape(part); err == nil {
			part = plain
		}
		parts = append(parts, part)
	}
	return parts
}

// parseJSON takes the parts after /b.
func parseJSON(req Request, r *http.Request, parts []string) (Request, bool) {
	method := r.Method
	if method == http.MethodPost && r.Header.Get("X-HTTP-Method-Override") != "" {
		method = r.Header.Get("X-HTTP-Method-Override")
	}
	if len(parts) > 0 {
		req.Bucket = parts[0]
	}
	switch {
	case len(parts) == 0:
		return req.as(method, map[string]Op{"GET": OpBucketList, "POST": OpBucketInsert})
	case len(parts) == 1:
		return req.as(method, map[string]Op{"GET": OpBucketGet, "PATCH": OpBucketPatch, "DELETE": OpBucketDelete})
	case len(parts) == 3 && parts[1] == "iam" && parts[2] == "testPermissions":
		return req.as(method, map[string]Op{"GET": OpTestPermissions})
	case len(parts) == 2 && parts[1] == "iam":
		return req.as(method, map[string]Op{"GET": OpBucketBindings})
	case parts[1] != "o":
		return req, false
	case len(parts) == 2:
		return req.as(method, map[string]Op{"GET": OpList})
	case isRewrite(parts):
		req.Source = parts[0] + "/" + parts[2]
		req.Bucket, req.Object = parts[5], parts[7]
		return req.as(method, map[string]Op{"POST": OpRewrite})
	case len(parts) == 4 && parts[3] == "compose":
		req.Object = parts[2]
		return req.as(method, map[string]Op{"POST": OpCompose})
	}
	req.Object = strings.Join(parts[2:], "/")
	get := OpGet
	if r.URL.Query().Get("alt") == "media" || strings.HasPrefix(r.URL.Path, "/download/") {
		get = OpRead
	}
	return req.as(method, map[string]Op{
		"GET": get, "HEAD": OpRead, "PATCH": OpPatch, "PUT": OpPatch, "DELETE": OpDelete,
	})
}

// isRewrite recognises {bucket}/o/{object}/rewriteTo/b/{bucket}/o/{object}.
func isRewrite(parts []string) bool {
	return len(parts) == 8 && (parts[3] == "rewriteTo" || parts[3] == "copyTo") && parts[4] == "b" && parts[6] == "o"
}

// parseUpload takes the parts after /upload/storage/v1/b.
func parseUpload(req Request, r *http.Request, parts []string) (Request, bool) {
	if len(parts) != 2 || parts[1] != "o" {
		return req, false
	}
	query := r.URL.Query()
	req.Bucket, req.Object = parts[0], query.Get("name")
	switch {
	case query.Get("upload_id") != "":
		return req.as(r.Method, map[string]Op{"PUT": OpUploadChunk, "POST": OpUploadChunk, "DELETE": OpUploadCancel})
	case query.Get("uploadType") == "resumable":
		return req.as(r.Method, map[string]Op{"POST": OpUploadStart})
	}
	return req.as(r.Method, map[string]Op{"POST": OpInsert})
}

// parseXML takes /bucket/object, which the Go client reads content from by default.
func parseXML(req Request, parts []string) (Request, bool) {
	req.XML = true
	if len(parts) < 2 {
		return req, false
	}
	req.Bucket, req.Object = parts[0], strings.Join(parts[1:], "/")
	return req.as(req.Method, map[string]Op{"GET": OpRead, "HEAD": OpRead})
}

func (r Request) as(method string, ops map[string]Op) (Request, bool) {
	r.Op = ops[method]
	return r, r.Op != ""
}
