package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSyncs(t *testing.T) {
	env := []string{"DATABASE_URL=postgres://localhost/app", "GCS_BUCKET=b", "PROJECT_ID=p", "SYNC_QUERY=SELECT 1 AS id", "SYNC_MIME_TYPES=image/png", "GCP_LOCATION=eu"}
	posts := Sync{Name: "posts", Query: "SELECT 1 AS id", DataStore: "d", Location: "eu", MIMETypes: []string{"image/png"}}
	spots := Sync{Name: "spots", Query: "SELECT 2 AS id", DataStore: "nature-spots", Location: "global", MIMETypes: []string{"image/gif", "image/bmp"}}
	for name, tt := range map[string]struct {
		pairs []string
		want  []Sync
	}{
		"the contract's": {
			[]string{"DATA_STORE_ID=d", `SYNCS=[{"name": "posts"}, {"name": "spots", "query": "SELECT 2 AS id", "data_store": "nature-spots", "location": "global", "mime_types": "image/gif, IMAGE/BMP"}]`},
			[]Sync{posts, spots},
		},
		"a store in every sync": {
			[]string{`SYNCS=[{"name": "posts", "data_store": "d"}]`}, []Sync{posts},
		},
		"byte order marks": {
			[]string{"DATA_STORE_ID=\uFEFFd\r\n", "SYNCS=\uFEFF[{\"name\": \"\uFEFFposts\"}]\n"}, []Sync{posts},
		},
		"one store in two locations": {
			[]string{"DATA_STORE_ID=d", `SYNCS=[{"name": "posts"}, {"name": "us", "location": "us"}]`},
			[]Sync{posts, {Name: "us", Query: "SELECT 1 AS id", DataStore: "d", Location: "us", MIMETypes: []string{"image/png"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Load(with(env, tt.pairs...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.Syncs); diff != "" {
				t.Errorf("Syncs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSyncsNameEveryProblem(t *testing.T) {
	const (
		form     = `SYNCS is not a JSON list: `
		write    = `: write it as [{"name": "posts"}, …]`
		nameForm = ": give it a name of a small letter and up to 30 of a-z, 0-9 and -"
		setName  = ": set name of sync 1 of SYNCS to a small letter and up to 30 of a-z, 0-9 and -"
	)
	for text, want := range map[string]string{
		`posts`:                 form + "mistake at character 1" + write,
		`{"name": "posts"}`:     form + "object at character 1" + write,
		`[{"name": "posts"}`:    form + "mistake at character 18" + write,
		`[{"name": "posts"}] x`: form + "mistake at character 21" + write,
		`["posts"]`:             form + "string at character 8" + write,
		`[]`:                    "SYNCS names no sync" + write + ", or unset SYNCS for one sync",
		`[{}]`:                  "sync 1 of SYNCS has no name" + nameForm,
		`[{"name": ""}]`:        "sync 1 of SYNCS: name is empty; sync 1 of SYNCS has no name: leave it out for the value of the environment; " + nameForm[2:],
		`[{"name": "Posts"}]`:   `name of sync 1 of SYNCS is "Posts"` + setName,
		`[{"name": "../x"}]`:    `name of sync 1 of SYNCS is "../x"` + setName,
		`[{"name": "` + strings.Repeat("a", 32) + `"}]`:     `name of sync 1 of SYNCS is "` + strings.Repeat("a", 32) + `"` + setName,
		`[{"name": "a", "Query": "SELECT 1"}]`:              `sync 1 of SYNCS: unknown field "Query": use name, query, data_store, location and mime_types in SYNCS`,
		`[{"name": "a", "query": null}]`:                    "sync 1 of SYNCS: query is not a text: write it in quotes",
		`[{"name": "a", "mime_types": ["image/png"]}]`:      "sync 1 of SYNCS: mime_types is not a text: write it in quotes",
		`[{"name": "a", "mime_types": "image/*"}]`:          `mime_types of sync 1 of SYNCS has "image/*", which is not a MIME type: set mime_types of sync 1 of SYNCS to types such as image/png, separated by commas`,
		`[{"name": "a", "data_store": "x/y"}]`:              "data_store of sync 1 of SYNCS is not a data store's id: set data_store of sync 1 of SYNCS to the id alone, without the path before it",
		`[{"name": "a", "location": "asia"}]`:               `location of sync 1 of SYNCS is "asia": set location of sync 1 of SYNCS to one of global, us, eu`,
		`[{"name": "a"}, {"name": "a", "data_store": "e"}]`: `SYNCS has two named "a": give each a name of its own`,
		`[{"name": "a"}, {"name": "b"}]`:                    `SYNCS: "a" and "b" have the same data store d in global, and each would delete what the other imports: give each a data store of its own`,
	} {
		t.Run(text, func(t *testing.T) {
			if diff := cmp.Diff("configuration: "+want, problemsOf(t, with(local, "SYNCS="+text))); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
	got := problemsOf(t, env("DATABASE_URL=postgres://localhost/app", "GCS_BUCKET=b", "PROJECT_ID=p", `SYNCS=[{"name": "a"}]`))
	if want := "configuration: sync 1 of SYNCS: data_store is not set, nor is DATA_STORE_ID: set data_store in every sync, or DATA_STORE_ID"; got != want {
		t.Errorf("Load = %q, want %s", got, want)
	}
}

func FuzzSyncs(f *testing.F) {
	f.Add(`[{"name": "posts"}, {"name": "spots", "query": "SELECT …", "data_store": "nature-spots", "location": "global", "mime_types": "image/png"}]`)
	f.Add(`[{"name": "a", "query": {}}, null]`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Load(with(local, "SYNCS="+text))
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, s := range c.Syncs {
			if store := s.DataStore + s.Location; seen[store] || s.Query == "" || len(s.MIMETypes) == 0 || len(c.Syncs) > 1 && !syncName.MatchString(s.Name) {
				t.Errorf("Load accepted %+v", c.Syncs)
			} else {
				seen[store] = true
			}
		}
	})
}
