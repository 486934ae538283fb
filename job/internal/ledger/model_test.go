package ledger

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
)

var (
	modelSequences = flag.Int("sequences", 100_000, "sequences of the model test")
	modelSeed      = flag.Uint64("seed", 1, "seed of the model test")
)

// The model test: random sequences of runs, each of which may be killed between any two steps, over a small model of a data
// store, which may do what it was asked for in part, late, or unseen. After every step two things hold: every id that may be
// in the data store is in the ledger, and no hash counts that was not confirmed.
func TestModel(t *testing.T) {
	for i := range *modelSequences {
		if runSequence(i, false).broken != "" {
			m := runSequence(i, true)
			t.Fatalf("sequence %d of seed %d: %s\n%s", i, *modelSeed, m.broken, m.history)
		}
	}
}

// runSequence does some wild runs and then some calm ones, after which the data store must equal the source.
func runSequence(i int, told bool) *model {
	m := newModel(rand.New(rand.NewPCG(*modelSeed, uint64(i))))
	m.told = told
	for range 6 {
		m.run()
	}
	m.calm = true
	for range 4 {
		m.run()
	}
	if m.store != m.source && m.broken == "" {
		m.broken = fmt.Sprintf("after four calm runs the data store is %v, the source %v", m.store, m.source)
	}
	return m
}

// entry is what a segment says of an id.
type entry struct {
	id    int
	hash  int // 0: gone
	tried bool
}

// operation is an import that the model's data store was asked for.
type operation struct {
	name     string
	full     bool
	upserts  []entry
	rejected [modelIDs]bool
	ended    bool
	failed   bool
}

const modelIDs = 4

type model struct {
	r        *rand.Rand
	source   [modelIDs]int // hash of the row, 0: there is none
	store    [modelIDs]int // hash of the document, 0: there is none
	segments map[string][]entry
	saved    State // the ledger's newest revision
	imports  []*operation
	names    int
	calm     bool // nothing fails and nobody is killed
	broken   string
	told     bool // the history is written
	history  string
}

// killed ends a run between two steps.
type killed struct{}

func newModel(r *rand.Rand) *model {
	m := &model{r: r, segments: map[string][]entry{}}
	for id := range modelIDs {
		m.source[id], m.store[id] = r.IntN(3), r.IntN(3) // somebody may have filled the data store before
	}
	return m
}

func (m *model) chance(n int) bool { return !m.calm && m.r.IntN(n) == 0 }

func (m *model) name(kind string) string {
	m.names++
	return kind + strconv.Itoa(m.names)
}

func (m *model) tell(what string, about ...any) {
	if m.told {
		m.history += what + fmt.Sprint(about...) + "; "
	}
}

// step is where a run may be killed, and where the data store may go on with what it was asked for.
func (m *model) step(what string) {
	m.tell(what)
	for _, op := range m.imports {
		if !op.ended && (m.calm || m.r.IntN(3) == 0) {
			m.perform(op)
		}
	}
	m.check(what)
	if m.chance(8) {
		m.tell("killed")
		panic(killed{})
	}
}

// perform does an import, or a part of it when it fails.
func (m *model) perform(op *operation) {
	op.ended, op.failed = true, m.chance(4)
	m.tell(op.name+" ends, failed=", op.failed)
	for _, e := range op.upserts {
		if !op.rejected[e.id] && (!op.failed || m.r.IntN(2) == 0) {
			m.store[e.id] = e.hash
		}
	}
	if !op.full || op.failed && m.r.IntN(2) == 0 {
		return
	}
	for id := range m.store {
		if !contains(op.upserts, id) || op.rejected[id] && m.r.IntN(2) == 0 {
			m.store[id] = 0
		}
	}
}

func contains(entries []entry, id int) bool {
	for _, e := range entries {
		if e.id == id {
			return true
		}
	}
	return false
}

// load reads the newest revision, now and then as it is written.
func (m *model) load() (s State) {
	if m.r.IntN(32) > 0 {
		return m.saved
	}
	data, err := json.Marshal(m.saved)
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		panic(err)
	}
	return s
}

func (m *model) save(s State, what string) State {
	s.Revision++
	m.saved = s
	m.step(what)
	return s
}

// manifest is what the ledger says the data store holds; the hash is -1 when it is unknown, and 0 when nothing is held.
func (m *model) manifest(s State) (held [modelIDs]entry) {
	for _, g := range s.Segments {
		for _, e := range m.segments[g.Name] {
			if g.Unknown {
				e = entry{id: e.id, hash: -1}
			}
			held[e.id] = e
		}
	}
	return held
}

// check holds the two promises against the newest revision.
func (m *model) check(what string) {
	s := m.saved
	if !s.Complete || m.broken != "" {
		return
	}
	held := m.manifest(s)
	may := m.store // or what a running import may still write
	for _, op := range m.imports {
		for _, e := range op.upserts {
			if !op.ended {
				may[e.id] = -1
			}
		}
	}
	for id, hash := range may {
		known := held[id]
		switch {
		case hash != 0 && known.hash == 0:
			m.broken = fmt.Sprintf("after %q id %d may be in the data store and is not in the ledger", what, id)
		case s.LastFull.IsZero():
			// A full sync is due, which sends every document: no hash counts.
		case known.hash > 0 && !known.tried && hash != known.hash:
			m.broken = fmt.Sprintf("after %q the ledger says that id %d has hash %d, the data store has %d", what, id, known.hash, hash)
		}
	}
}

func (m *model) segment(kind string, entries []entry) *Segment {
	if len(entries) == 0 {
		return nil
	}
	g := &Segment{Name: m.name(kind), Entries: int64(len(entries))}
	m.segments[g.Name] = entries
	return g
}
