package source

import (
	"testing"

	"vertexmetadata/sandbox/postgres"
)

// PostsQuery is postsQuery for the external tests.
const PostsQuery = postsQuery

// SharedServer gives the external tests the package's server.
func SharedServer() *postgres.Server { return server }

// PostsDatabase is postsDatabase for the external tests.
func PostsDatabase(t testing.TB, n int) string { return postsDatabase(t, n) }
