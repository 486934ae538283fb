package reconcile

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/storage"
)

// How long the randomised tests run, and from which seed: make soak runs them long.
var (
	all    = flag.Bool("all", false, "try every fault in every world, under every policy of the bucket")
	rounds = flag.Int("rounds", 20, "rounds of the randomised tests")
	seed   = flag.Uint64("seed", 1, "seed of the randomised tests; 0: from the clock")
)

// hideAndShow takes some documents out of the source and brings others back as they were.
const hideAndShow = `UPDATE docs SET mime = CASE mime WHEN 'image/png' THEN 'image/gif' ELSE 'image/png' END WHERE random() < $1`

// The randomised test of the whole protocol: random changes, faults and cuts, in worlds and under policies of the bucket
// that change, many rounds; in the end the data store must equal the source. The seed is printed, so that a failure can be
// repeated.
func TestRandomFaults(t *testing.T) {
	t.Parallel()
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	r := rand.New(rand.NewPCG(*seed, 0))
	w := newWorld(t)
	w.config.Budget = 20 * time.Second // two full syncs within a second write one name, and are throttled by a policy
	w.set.RescanInterval = []time.Duration{0, time.Hour}[r.IntN(2)]
	w.fill(600)
	next := 600
	var service discoveryengine.World
	untold := false // documents of an inline import may have been rejected by a service that says nothing of it
	heals := func() {
		if untold {
			w.run()
			w.run(func(s *Settings) { s.Full = true })
			untold = false
		}
		w.heals()
	}
	for round := range *rounds {
		if r.IntN(4) == 0 {
			service = pick(r, discoveryengine.Worlds())
			w.behave(service.Behaviour, pick(r, policies).Policy)
			t.Logf("round %d: %s", round, service.Name)
		}
		w.exec(hideAndShow, []float64{0, 0.005, 0.03}[r.IntN(3)])
		w.exec(`UPDATE docs SET body = body || '.' WHERE random() < $1`, []float64{0, 0.005, 0.3}[r.IntN(3)])
		w.exec(`DELETE FROM docs WHERE random() < $1`, []float64{0, 0.005, 0.05}[r.IntN(3)])
		added := r.IntN(60)
		w.exec(`INSERT INTO docs (id, body) SELECT 'doc-' || lpad(g::text, 5, '0'), 'again ' || g FROM generate_series($1::int, $2::int) g`, next+1, next+added)
		next += added
		undo := func() {}
		kind := r.IntN(8)
		t.Logf("round %d: fault %d", round, kind)
		switch kind {
		case 0:
			undo = operation(r.Float64())(w)
		case 1:
			undo = documents(discoveryengine.Percent(r.IntN(30)))(w)
			untold = untold || isSilent(service.Behaviour)
		case 2:
			undo = refuse("ImportDocuments", 1+r.IntN(3), codes.Unavailable)(w)
		case 3:
			undo = lose([]string{"ImportDocuments", "GetOperation", "DeleteDocument"}[r.IntN(3)])(w)
		case 4:
			undo = w.inject(storage.Fault{Status: 503, Skip: r.IntN(20), Count: 1 + r.IntN(2)}).Remove
		case 5:
			undo = w.inject(storage.Fault{DropReply: true, Skip: r.IntN(20)}).Remove
		case 6:
			undo = w.engine.Inject(discoveryengine.Fault{Method: "DeleteDocument", Skip: r.IntN(4), Count: 1 + r.IntN(2), Code: codes.Internal}).Remove
		}
		full := func(s *Settings) { s.Full = r.IntN(10) == 0 }
		if r.IntN(2) == 0 {
			w.cutAfter(r.IntN(25), r.IntN(2) == 0, full)
		} else {
			w.run(full)
		}
		undo()
		if r.IntN(4) == 0 {
			heals()
		}
		if t.Failed() {
			t.Fatalf("round %d of seed %d", round, *seed)
		}
	}
	w.behave(discoveryengine.Behaviour{}, storage.Policy{})
	heals()
	w.want(w.run(), Unchanged)
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }
