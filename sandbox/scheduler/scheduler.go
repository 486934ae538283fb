// Package scheduler is the clock of Cloud Scheduler: it calls the targets of a control plane's triggers when they are due, as the
// identity that each declares, with retries and deadline.
package scheduler

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"vertexmetadata/sandbox/controlplane/api"
)

// Options of a Scheduler.
type Options struct {
	// Address (host:port) of the control plane: where calls to googleapis.com go.
	Address string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Wait waits between attempts, or until the context ends; nil waits by the real clock.
	Wait func(ctx context.Context, d time.Duration) error
}

// Scheduler fires the triggers of one control plane.
type Scheduler struct {
	plane   *api.Server
	options Options
	attempt sync.WaitGroup
}

// New makes a scheduler. It serves requests to run a trigger now from then on; Run and Tick fire those that are due.
func New(plane *api.Server, options Options) *Scheduler {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Wait == nil {
		options.Wait = wait
	}
	s := &Scheduler{plane: plane, options: options}
	plane.OnForcedRun(func(name string) {
		// The outcome is recorded in the trigger and in the log, which is where its caller looks.
		_, _ = s.Fire(context.Background(), name)
	})
	return s
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Run fires what is due until the context ends, looking every second, and then waits for attempts in progress.
func (s *Scheduler) Run(ctx context.Context) {
	for ; ctx.Err() == nil; _ = wait(ctx, time.Second) {
		for _, t := range s.plane.Due(s.options.Now()) {
			s.attempt.Go(func() { _ = s.fire(ctx, t) })
		}
	}
	s.attempt.Wait()
}

// Tick fires what is due by the clock now, once each, and waits until all attempts have ended. It answers the last attempt of
// each trigger by its name.
func (s *Scheduler) Tick(ctx context.Context) map[string]api.Attempt {
	fired := map[string]api.Attempt{}
	for _, t := range s.plane.Due(s.options.Now()) {
		fired[t.Name] = s.fire(ctx, t)
	}
	return fired
}

// Fire fires a trigger now, paused or not, and answers its last attempt. The error is of a trigger that does not exist.
func (s *Scheduler) Fire(ctx context.Context, name string) (api.Attempt, error) {
	t, err := s.plane.Trigger(name)
	if err != nil {
		return api.Attempt{}, fmt.Errorf("fire trigger %s: %w", name, err)
	}
	return s.fire(ctx, t), nil
}

// fire calls the target, and again while it fails and retries are left.
func (s *Scheduler) fire(ctx context.Context, t api.Trigger) api.Attempt {
	first, pause := s.options.Now(), t.Min
	for attempt := 0; ; attempt++ {
		a := s.call(ctx, t)
		s.plane.RecordAttempt(t, a)
		spent := s.options.Now().Sub(first)
		if a.Status == "OK" || attempt >= t.Retries || t.Longest > 0 && spent >= t.Longest {
			return a
		}
		if s.options.Wait(ctx, pause) != nil {
			return a
		}
		if attempt < t.Doublings {
			pause = min(2*pause, t.Max)
		}
	}
}

// call makes one attempt.
func (s *Scheduler) call(ctx context.Context, t api.Trigger) api.Attempt {
	a := api.Attempt{At: s.options.Now()}
	ctx, cancel := context.WithTimeout(ctx, t.Deadline)
	defer cancel()
	request, err := s.request(ctx, t)
	if err != nil {
		a.Status, a.Message = "PERMISSION_DENIED", err.Error()
		return a
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		a.Status, a.Message = "UNAVAILABLE", err.Error()
		if errors.Is(err, context.DeadlineExceeded) {
			a.Status = "DEADLINE_EXCEEDED"
		}
		return a
	}
	// Only its status and the beginning of its text matter.
	defer func() { _ = response.Body.Close() }()
	a.Code, a.Status = response.StatusCode, api.StatusOf(response.StatusCode)
	if a.Status != "OK" {
		content, err := io.ReadAll(io.LimitReader(response.Body, 2<<10))
		a.Message = strings.TrimSpace(string(content))
		if err != nil {
			a.Message = err.Error()
		}
	}
	return a
}

func (s *Scheduler) request(ctx context.Context, t api.Trigger) (*http.Request, error) {
	target, err := s.resolve(t.URI)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, t.Method, target, bytes.NewReader(t.Body))
	if err != nil {
		return nil, fmt.Errorf("make request to %s: %w", t.URI, err)
	}
	for name, value := range t.Headers {
		request.Header.Set(name, value)
	}
	if t.Account != "" {
		token, err := s.plane.TriggerToken(t)
		if err != nil {
			return nil, fmt.Errorf("mint token for %s: %w", t.Account, err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return request, nil
}

// resolve turns the address of a Google API into that of the control plane, and leaves every other as it is.
func (s *Scheduler) resolve(uri string) (string, error) {
	target, err := url.Parse(uri)
	if err != nil {
		return "", fmt.Errorf("read target %q: %w", uri, err)
	}
	service, ok := strings.CutSuffix(target.Hostname(), ".googleapis.com")
	if !ok {
		return uri, nil
	}
	// Regional endpoints are REGION-SERVICE.
	service = service[strings.LastIndex(service, "-")+1:]
	target.Scheme, target.Host, target.Path = "http", s.options.Address, "/"+service+target.Path
	target.RawPath = ""
	return target.String(), nil
}
