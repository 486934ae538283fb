package reconcile

import (
	"errors"
	"testing"
	"time"

	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/diff"
	"vertexmetadata/job/internal/ledger"
	"vertexmetadata/job/internal/refusal"
	"vertexmetadata/job/internal/source"
)

func TestJudge(t *testing.T) {
	set := Settings{MaxDeleteRatio: 0.5, MaxChangeRatio: 0.8}
	for name, tt := range map[string]struct {
		allow   bool
		emptied bool // an operator allowed to delete all
		counts  diff.Counts
		want    string
	}{
		"nothing differs":               {counts: diff.Counts{Rows: 10, Documents: 10, Before: 10}},
		"first sync":                    {counts: diff.Counts{Rows: 10, Documents: 10, New: 10}},
		"half is deleted":               {counts: diff.Counts{Rows: 5, Documents: 5, Before: 10, Gone: 5}},
		"more than half":                {counts: diff.Counts{Rows: 4, Documents: 4, Before: 10, Gone: 6}, want: "the sync would delete 6 of 10 documents, more than MAX_DELETE_RATIO=0.5 allows"},
		"more than half, allowed":       {allow: true, counts: diff.Counts{Rows: 4, Documents: 4, Before: 10, Gone: 6}},
		"no row":                        {counts: diff.Counts{Before: 1, Gone: 1}, want: "the query returned no row: the sync would delete all 1 document"},
		"no row, nothing held":          {counts: diff.Counts{}, want: "the query returned no row: the sync would leave the data store empty"},
		"no row, allowed once":          {emptied: true, counts: diff.Counts{Before: 9000, Gone: 9000}},
		"a row again":                   {emptied: true, counts: diff.Counts{Rows: 1, Documents: 1, Before: 9, Gone: 8}, want: "the sync would delete 8 of 9 documents, more than MAX_DELETE_RATIO=0.5 allows"},
		"too many change":               {counts: diff.Counts{Rows: 10, Documents: 10, Before: 10, Changed: 9}, want: "the sync would change 9 of 10 documents, more than MAX_CHANGE_RATIO=0.8 allows"},
		"too many change, deletions ok": {counts: diff.Counts{Rows: 9, Documents: 9, Before: 10, Gone: 1, Changed: 9}, want: "the sync would change 9 of 10 documents, more than MAX_CHANGE_RATIO=0.8 allows"},
		"all refused, allowed":          {allow: true, counts: diff.Counts{Rows: 3, Refused: 2, Before: 9, Gone: 9}, want: "none of 3 rows can become a document: 2 refused, 0 skipped for their MIME type"},
		"all skipped":                   {counts: diff.Counts{Rows: 3, Skipped: 3, Before: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			set := set
			set.AllowMassDelete = tt.allow
			err := judge(set, tt.emptied, tt.counts)
			if got := text(err); got != tt.want || stopped(err) != (tt.want != "") {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestWhyDue(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	set := Settings{Query: "SELECT 1", FullSyncInterval: 24 * time.Hour, RescanInterval: time.Hour}
	idle := ledger.State{Complete: true, LastFull: now.Add(-time.Hour), Scan: ledger.Scan{At: now.Add(-time.Minute), Statistics: "s", Configuration: configuration(set)}}
	same := source.Stats{Fingerprint: "s"}
	for name, tt := range map[string]struct {
		change func(*Settings, *ledger.State, *source.Stats)
		want   string
	}{
		"nothing":             {func(*Settings, *ledger.State, *source.Stats) {}, ""},
		"asked for":           {func(set *Settings, _ *ledger.State, _ *source.Stats) { set.Full = true }, "a full sync was asked for"},
		"never":               {func(_ *Settings, s *ledger.State, _ *source.Stats) { *s = ledger.State{} }, "no full sync has succeeded yet"},
		"full failed":         {func(_ *Settings, s *ledger.State, _ *source.Stats) { s.LastFull = time.Time{} }, "the last full sync failed"},
		"full old":            {func(_ *Settings, s *ledger.State, _ *source.Stats) { s.LastFull = now.Add(-24 * time.Hour) }, "the last full sync is older than FULL_SYNC_INTERVAL"},
		"full in the future":  {func(_ *Settings, s *ledger.State, _ *source.Stats) { s.LastFull = now.Add(time.Hour) }, "the last full sync is older than FULL_SYNC_INTERVAL"},
		"query":               {func(set *Settings, _ *ledger.State, _ *source.Stats) { set.Query = "SELECT 2" }, "the query or the document rules changed"},
		"left":                {func(_ *Settings, s *ledger.State, _ *source.Stats) { s.Scan.Left = 1 }, "documents are left to delete"},
		"always":              {func(set *Settings, _ *ledger.State, _ *source.Stats) { set.RescanInterval = 0 }, "RESCAN_INTERVAL is 0"},
		"scan old":            {func(_ *Settings, s *ledger.State, _ *source.Stats) { s.Scan.At = now.Add(-time.Hour) }, "the last scan is older than RESCAN_INTERVAL"},
		"untrusted":           {func(_ *Settings, _ *ledger.State, x *source.Stats) { x.Fingerprint, x.Reason = "", "a standby" }, "table statistics cannot be trusted: a standby"},
		"nothing to compare":  {func(_ *Settings, s *ledger.State, _ *source.Stats) { s.Scan.Statistics = "" }, "the last scan has no statistics to compare with, or its changes were not imported"},
		"statistics":          {func(_ *Settings, _ *ledger.State, x *source.Stats) { x.Fingerprint = "t" }, "table statistics or definitions changed"},
		"clock a little back": {func(_ *Settings, s *ledger.State, _ *source.Stats) { s.Scan.At = now.Add(clockSkew) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			set, s, stats := set, idle, same
			tt.change(&set, &s, &stats)
			if got := whyDue(set, s, stats, now); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestMaxFailed(t *testing.T) {
	for name, tt := range map[string]struct {
		limit             config.Limit
		failed, documents int64
		want              string
	}{
		"none failed":        {config.Limit{}, 0, 10, ""},
		"none allowed":       {config.Limit{}, 1, 10, "1 document failed, MAX_FAILED allows 0; all others are in sync"},
		"count":              {config.Limit{Count: 3}, 3, 0, ""},
		"beyond the count":   {config.Limit{Count: 3}, 4, 1000, "4 documents failed, MAX_FAILED allows 3; all others are in sync"},
		"share of all rows":  {config.Limit{Share: 0.01}, 1, 99, ""},
		"less than a row":    {config.Limit{Share: 0.01}, 1, 98, "1 document failed, MAX_FAILED allows 0; all others are in sync"},
		"everything allowed": {config.Limit{Share: 1}, 7, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := text(tooManyFailed(tt.limit, tt.failed, tt.documents)); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestEarlierThen(t *testing.T) {
	confirmed, failed := earlier{outcome: Imported}, earlier{failed: errors.New("earlier")}
	for name, tt := range map[string]struct {
		earlier   earlier
		own, want Outcome
		wantErr   string
	}{
		"nothing to do":                      {earlier{}, Unchanged, Unchanged, ""},
		"an earlier import was confirmed":    {confirmed, Unchanged, Imported, ""},
		"and some are left to delete":        {confirmed, Pending, Pending, ""},
		"imported":                           {earlier{}, Imported, Imported, ""},
		"what failed earlier is repaired":    {failed, Imported, Imported, ""},
		"what failed earlier is under way":   {failed, Pending, Pending, "earlier; the next attempt is pending"},
		"what failed earlier needed no more": {failed, Unchanged, Unchanged, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := tt.earlier.then(tt.own, nil); got != tt.want || text(err) != tt.wantErr {
				t.Errorf("got %s, %v; want %s, %q", got, err, tt.want, tt.wantErr)
			}
		})
	}
}

func TestMoreObjectsThanAnImportTakes(t *testing.T) {
	i := importer{recorder: recorder{now: time.Now}}
	_, err := i.begin(t.Context(), ledger.State{}, &diff.Changes{Counts: diff.Counts{Send: 7}, Objects: make([]string, 101)}, ledger.Scan{})
	if text, hint := refusal.Split(err); text != "import 7 documents: 101 objects, and one import takes 100" || hint != "split the query into several syncs" {
		t.Errorf("text %q, hint %q", text, hint)
	}
}
