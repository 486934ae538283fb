package metadatasync

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"vertexmetadata/job/internal/bucket"
)

// With several tasks, an execution is a round. Its first task writes down what kind of round it is; every task reads
// its share and leaves an offer; the task that finds all offers there leads: it guards, imports and commits for all,
// under the one lock of the data store. So there is one import for all tasks, as the service's quota of five a minute
// wants, and one full import, as its meaning wants. A round that stays incomplete because a task died is no loss: the
// next execution imports what was offered, and reads the missing share again.

// round is what the tasks of an execution agree on.
type round struct {
	Full     bool  `json:"full"`
	Tasks    int   `json:"tasks"`
	Revision int64 `json:"revision"` // of the state that the shares are compared with
}

func roundPrefix(name string) string        { return roundsPrefix + name + "/" }
func roundObject(name string) string        { return roundPrefix(name) + "round.json" }
func offersPrefix(name string) string       { return roundPrefix(name) + "offer-" }
func offerObject(name string, i int) string { return fmt.Sprintf("%s%05d.json", offersPrefix(name), i) }

// committed reports that the round of this execution was committed already: this is a task that Cloud Run tries again.
func (r *run) committed() bool { return r.set.Tasks > 1 && r.state.Round == r.round }

// joinRound agrees with the other tasks on what kind of round this execution is: the first task decides. It returns nil
// if the round has become void, because the state moved on.
func (r *run) joinRound(ctx context.Context) (*round, error) {
	proposal := round{Full: r.fullDue(), Tasks: r.set.Tasks, Revision: r.state.Revision}
	data, err := json.Marshal(proposal)
	if err != nil {
		return nil, fmt.Errorf("encode round: %w", err)
	}
	_, err = r.bucket.Write(ctx, roundObject(r.round), data, bucket.Absent)
	if err == nil {
		r.sweepAll(ctx) // once for the execution: shares that dead executions left
		return &proposal, nil
	}
	if !errors.Is(err, bucket.ErrConflict) {
		return nil, err
	}
	agreed, err := readJSON[round](ctx, r, roundObject(r.round))
	if err != nil {
		return nil, err
	}
	if agreed.Revision > r.state.Revision {
		// This task read the state just before another one finished what an earlier execution had begun.
		if err := r.loadState(ctx); err != nil {
			return nil, err
		}
	}
	if agreed.Revision != r.state.Revision || agreed.Tasks != r.set.Tasks {
		r.log.InfoContext(ctx, "the state moved on since this execution began, the next one continues from there")
		return nil, nil
	}
	return agreed, nil
}

// hasOffered reports that this task left its offer before, in an attempt that was cut short.
func (r *run) hasOffered(ctx context.Context, agreed round) (bool, error) {
	o, err := readJSON[offer](ctx, r, offerObject(r.round, r.set.Task))
	if errors.Is(err, bucket.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if o.Revision != agreed.Revision {
		return false, nil
	}
	r.count(*o)
	r.countSent(*o)
	return true, nil
}

// offerShare leaves what this task found for whichever task leads.
func (r *run) offerShare(ctx context.Context, c *collector, agreed round) (Outcome, error) {
	o, err := c.commit(ctx)
	if err != nil {
		return Failed, err
	}
	data, err := json.Marshal(&o)
	if err != nil {
		return Failed, fmt.Errorf("encode offer: %w", err)
	}
	if _, err := r.bucket.Write(ctx, offerObject(r.round, r.set.Task), data, bucket.Any); err != nil {
		return Failed, err
	}
	r.countSent(o)
	return r.closeRound(ctx, agreed)
}

// closeRound leads the round if all offers are there. They are read under the lock of the data store: while this task waits
// for it, another execution may take the round over, or forget it with all its objects. An offer that its task leaves a
// second time is as good as the first, whose objects stay until the round is over.
func (r *run) closeRound(ctx context.Context, agreed round) (Outcome, error) {
	left, err := r.countOffers(ctx)
	if err != nil {
		return Failed, err
	}
	if left < agreed.Tasks {
		r.log.InfoContext(ctx, "share handed over, the last task to finish imports it", "offers", left, "tasks", agreed.Tasks)
		return Pending, nil
	}
	outcome := Pending
	_, err = r.withStoreLock(ctx, r.set.ImportWait, func() error {
		if err := r.loadState(ctx); err != nil {
			return err
		}
		switch {
		case r.committed():
			outcome = Imported
			return nil
		case r.state.Revision != agreed.Revision:
			r.log.InfoContext(ctx, "another task leads this round")
			return nil
		}
		offers, err := r.readOffers(ctx, r.round, agreed)
		if err != nil {
			return err
		}
		if len(offers) < agreed.Tasks {
			r.log.InfoContext(ctx, "the round is void, the next execution reads the source again", "offers", len(offers), "tasks", agreed.Tasks)
			return nil
		}
		outcome, err = r.lead(ctx, agreed.Full, true, offers)
		return err
	})
	return outcome, err
}

// countOffers returns how many tasks have left an offer.
func (r *run) countOffers(ctx context.Context) (n int, err error) {
	for _, err := range r.bucket.List(ctx, offersPrefix(r.round)) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// readOffers returns the offers of a round that are made from the agreed state.
func (r *run) readOffers(ctx context.Context, name string, agreed round) ([]offer, error) {
	var offers []offer
	for o, err := range r.bucket.List(ctx, offersPrefix(name)) {
		if err != nil {
			return nil, err
		}
		read, err := readJSON[offer](ctx, r, o.Name)
		if err != nil {
			return nil, err
		}
		if read.Revision == agreed.Revision && read.Task < agreed.Tasks {
			offers = append(offers, *read)
		}
	}
	return offers, nil
}

// offerAge is the age at which an offer is no longer taken over: after a pause the source is better read again than
// brought to a state that it left long ago.
const offerAge = time.Hour

// takeOver imports what the tasks of an earlier execution offered before one of them died.
func (r *run) takeOver(ctx context.Context) (Outcome, error) {
	names, err := r.earlierRounds(ctx)
	if err != nil {
		return Failed, err
	}
	for _, name := range names {
		agreed, err := readJSON[round](ctx, r, roundObject(name))
		if errors.Is(err, bucket.ErrNotExist) {
			continue
		}
		if err != nil {
			return Failed, err
		}
		if agreed.Revision != r.state.Revision || agreed.Tasks != r.set.Tasks {
			r.obsolete[name] = true
			continue
		}
		offers, err := r.readOffers(ctx, name, *agreed)
		if err != nil {
			return Failed, err
		}
		whole := len(offers) == agreed.Tasks
		if len(offers) == 0 || agreed.Full && !whole {
			continue
		}
		if due(r.now(), oldest(offers).ScannedAt, offerAge) {
			r.obsolete[name] = true
			continue
		}
		r.log.InfoContext(ctx, "importing what an earlier execution left", "execution", name, "offers", len(offers), "tasks", agreed.Tasks)
		own := r.round
		r.round = name
		r.obsolete[name] = true // whatever becomes of it now
		outcome, err := r.lead(ctx, agreed.Full, whole, offers)
		r.round = own
		if (Stopped(err) || errors.Is(err, errNoDocument) || damaged(err)) && r.state.Revision == agreed.Revision {
			r.log.WarnContext(ctx, "what an earlier execution left cannot be imported, the source is read again", "execution", name, "cause", err.Error())
			continue
		}
		return outcome, err
	}
	return Unchanged, nil
}

// earlierRounds lists the rounds other than this one.
func (r *run) earlierRounds(ctx context.Context) (names []string, err error) {
	if r.set.Tasks == 1 {
		return nil, nil
	}
	for o, err := range r.bucket.List(ctx, roundsPrefix) {
		if err != nil {
			return nil, err
		}
		name, file, _ := strings.Cut(strings.TrimPrefix(o.Name, roundsPrefix), "/")
		if file == "round.json" && name != r.round {
			names = append(names, name)
		}
	}
	return names, nil
}

// readJSON reads an object that this package wrote.
func readJSON[T any](ctx context.Context, r *run, name string) (*T, error) {
	data, _, err := r.bucket.Read(ctx, name, maxStateBytes)
	if err != nil {
		return nil, err
	}
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return nil, fmt.Errorf("decode %s: %w", r.bucket.URI(name), err)
	}
	return &v, nil
}
