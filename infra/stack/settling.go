package stack

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// settling holds the job back until the grants that were made in the same update have taken effect. A grant that the
// policy already shows takes longer to reach Secret Manager, and Cloud Run tries the secrets whenever the job is
// created or changed. Where nothing was granted nothing waits.
type settling struct {
	wait             time.Duration
	granted, settled *pulumi.ResourceHook // nil when there is nothing to wait

	mu   sync.Mutex
	last time.Time // when the last grant of this update was made
}

// settleGrants registers what makes the job wait for its grants.
func (d *deployment) settleGrants() {
	d.settling = &settling{wait: d.GrantWait}
	if d.GrantWait == 0 {
		return
	}
	d.try("wait for grants", func() (err error) {
		if d.settling.granted, err = d.ctx.RegisterResourceHook("note-grant", func(*pulumi.ResourceHookArgs) error {
			d.settling.note(time.Now())
			return nil
		}, nil); err != nil {
			return err
		}
		d.settling.settled, err = d.ctx.RegisterResourceHook("wait-for-grants", func(*pulumi.ResourceHookArgs) error {
			return pause(d.ctx.Context(), d.settling.left(time.Now()))
		}, nil)
		return err
	})
}

// ofGrant is the option of a grant, ofJob the one of the job.
func (s *settling) ofGrant() []pulumi.ResourceOption {
	if s.granted == nil {
		return nil
	}
	return []pulumi.ResourceOption{pulumi.ResourceHooks(&pulumi.ResourceHookBinding{AfterCreate: []*pulumi.ResourceHook{s.granted}})}
}

func (s *settling) ofJob() []pulumi.ResourceOption {
	if s.settled == nil {
		return nil
	}
	wait := []*pulumi.ResourceHook{s.settled}
	return []pulumi.ResourceOption{pulumi.ResourceHooks(&pulumi.ResourceHookBinding{BeforeCreate: wait, BeforeUpdate: wait})}
}

func (s *settling) note(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = now
}

// left is how long to wait still.
func (s *settling) left(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last.IsZero() {
		return 0
	}
	return max(s.last.Add(s.wait).Sub(now), 0)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for grants: %w", ctx.Err())
	}
}
