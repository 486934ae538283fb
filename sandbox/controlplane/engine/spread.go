package engine

import "time"

// Spread is how late changes take effect. In the cloud it is two minutes typically, and seven or more at times; the zero value
// is at once.
type Spread struct {
	Grants Delay // changes of an IAM policy
	APIs   Delay // an API that was just enabled
	Agents Delay // a service agent that was just made
}

// Delay is how late one kind of change takes effect: when its time is over and its calls have been refused.
type Delay struct {
	Time  time.Duration
	Calls int
}

// lag is a change that has not taken effect everywhere.
type lag struct {
	until time.Time
	calls int
	// policy is the one in force meanwhile, for a change of a policy.
	policy object
}

// SetSpread sets how late the changes take effect that are made from now on.
func (s *Server) SetSpread(spread Spread) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spread = spread
}

// Spread is what SetSpread set last, for the APIs.
func (s *Server) Spread() Spread { return s.spread }

// Late notes that what key names was changed just now. Lagging reports until when that has no effect.
func (s *Server) Late(key string, delay Delay) { s.late(key, delay, nil) }

func (s *Server) late(key string, delay Delay, policy object) {
	if delay == (Delay{}) {
		return
	}
	if earlier := s.lags[key]; earlier != nil {
		policy = earlier.policy
	}
	s.lags[key] = &lag{until: s.Now().Add(delay.Time), calls: delay.Calls, policy: policy}
}

// Lagging reports whether a change of what key names has no effect yet, for a call that is refused then.
func (s *Server) Lagging(key string) bool {
	if !s.lags.has(key, s.Now()) {
		return false
	}
	s.lags[key].calls--
	return true
}

type lags map[string]*lag

// has reports whether there is a lag; one that is over is forgotten.
func (l lags) has(key string, now time.Time) bool {
	found := l[key]
	if found != nil && found.calls <= 0 && !now.Before(found.until) {
		delete(l, key)
		return false
	}
	return found != nil
}

// inForce is the policy that decides at the moment.
func (s *Server) inForce(key string) object {
	if s.lags.has(key, s.Now()) {
		return s.lags[key].policy
	}
	return s.policies[key]
}
