package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/organizations"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// awaitSecrets makes the job wait until its account may read the secrets that it mounts. Nobody but Cloud Run can tell, and it tells
// when a job is created: a job that is refused for it stays behind half made, and the engine takes it for changed ever after. So a
// probe is created first, a job with the same account and secrets that never runs, and deleted again. It is needed when the job is
// created, and when it is changed with new grants in the same update.
func (d *deployment) awaitSecrets() []pulumi.ResourceOption {
	if len(d.mounts()) == 0 {
		return nil
	}
	probe := func(always bool) func(*pulumi.ResourceHookArgs) error {
		return func(args *pulumi.ResourceHookArgs) error {
			if !always && !d.settling.granted.Load() {
				return nil
			}
			return d.probeSecrets(args)
		}
	}
	var creating, changing *pulumi.ResourceHook
	d.try("probe of the job's secrets", func() (err error) {
		if creating, err = d.ctx.RegisterResourceHook(d.name+"-probe-before-create", probe(true), nil); err != nil {
			return err
		}
		changing, err = d.ctx.RegisterResourceHook(d.name+"-probe-before-update", probe(false), nil)
		return err
	})
	return []pulumi.ResourceOption{pulumi.ResourceHooks(&pulumi.ResourceHookBinding{
		BeforeCreate: []*pulumi.ResourceHook{creating}, BeforeUpdate: []*pulumi.ResourceHook{changing},
	})}
}

// probeSecrets creates the probe until it is not refused for what takes effect later. Any other refusal is left to the job itself,
// which the provider reports better.
func (d *deployment) probeSecrets(args *pulumi.ResourceHookArgs) error {
	job, ok := probeOf(args.NewInputs)
	if !ok {
		return nil
	}
	client, err := organizations.GetClientConfig(d.ctx, d.parent.(pulumi.InvokeOption))
	if err != nil {
		return fmt.Errorf("probe the job's secrets: %w", err)
	}
	base := providerConfig(d.ctx, "cloudRunV2CustomEndpoint")
	if base == "" {
		base = "https://run.googleapis.com/v2/"
	}
	name := d.JobName[:min(len(d.JobName), 57)] + "-probe"
	p := &prober{base: strings.TrimSuffix(base, "/") + "/", token: client.AccessToken, parent: fmt.Sprintf("projects/%s/locations/%s/jobs", d.Project, d.Region), name: name}
	ctx := d.ctx.Context()
	for attempt := 1; ; attempt++ {
		refused, err := p.try(ctx, job)
		if removing := p.remove(ctx); err == nil {
			err = removing
		}
		if err != nil {
			return fmt.Errorf("probe the job's secrets: %w", err)
		}
		if refused == "" {
			return nil
		}
		again, err := d.settling.again(ctx, args.URN, args.Name, refused, attempt)
		if !again || err != nil {
			return err
		}
	}
}

// probeOf is the part of a job that Cloud Run looks its secrets up by; false: it mounts none.
func probeOf(inputs resource.PropertyMap) (map[string]any, bool) {
	plain := inputs.MapRepl(nil, func(v resource.PropertyValue) (any, bool) {
		if v.IsSecret() {
			return v.SecretValue().Element.V, true
		}
		return nil, false
	})
	text, err := json.Marshal(plain)
	var job struct {
		Template struct {
			Template struct {
				ServiceAccount string
				Containers     []struct {
					Image string
					Envs  []struct {
						Name        string          `json:"name"`
						ValueSource json.RawMessage `json:"valueSource,omitempty"`
					}
				}
			}
		}
	}
	if err != nil || json.Unmarshal(text, &job) != nil || len(job.Template.Template.Containers) == 0 {
		return nil, false
	}
	task := job.Template.Template
	var env []any
	for _, e := range task.Containers[0].Envs {
		if len(e.ValueSource) > 0 {
			env = append(env, e)
		}
	}
	return map[string]any{"labels": map[string]any{probeLabel: "true"}, "template": map[string]any{"template": map[string]any{
		"serviceAccount": task.ServiceAccount, "containers": []any{map[string]any{"image": task.Containers[0].Image, "env": env}},
	}}}, len(env) > 0
}

// probeLabel marks a probe: only what has it is ever deleted.
const probeLabel = "vertex-metadata-probe"

// prober speaks to Cloud Run with the provider's own credentials.
type prober struct{ base, token, parent, name string }

// operation is what Cloud Run answers to a change.
type operation struct {
	Name  string
	Done  bool
	Error *struct{ Message string }
}

// try creates the probe, and returns why it was refused.
func (p *prober) try(ctx context.Context, job map[string]any) (refused string, err error) {
	if err := p.remove(ctx); err != nil { // what an update left that was killed
		return "", err
	}
	code, answer, err := p.call(ctx, http.MethodPost, p.parent+"?jobId="+p.name, job)
	for {
		var op operation
		switch {
		case err != nil:
			return "", err
		case code != http.StatusOK:
			return string(answer), nil
		case json.Unmarshal(answer, &op) != nil:
			return "", errors.New("read the operation: it is not one")
		case op.Error != nil:
			return op.Error.Message, nil
		case op.Done:
			return "", nil
		}
		if err := pause(ctx, time.Second); err != nil {
			return "", err
		}
		code, answer, err = p.call(ctx, http.MethodGet, op.Name, nil)
	}
}

// remove deletes the probe and waits until it is no longer there. Where it cannot be asked for, it cannot be there.
func (p *prober) remove(ctx context.Context) error {
	for deleted := false; ; deleted = true {
		code, answer, err := p.call(ctx, http.MethodGet, p.parent+"/"+p.name, nil)
		if err != nil || code != http.StatusOK {
			return err
		}
		var job struct{ Labels map[string]string }
		if json.Unmarshal(answer, &job) != nil || job.Labels[probeLabel] == "" {
			return fmt.Errorf("%s is a job of its own, without the label %s; rename it, or choose another name for this job", p.name, probeLabel)
		}
		if deleted {
			err = pause(ctx, time.Second)
		} else {
			code, answer, err = p.call(ctx, http.MethodDelete, p.parent+"/"+p.name, nil)
			if err == nil && code != http.StatusOK && code != http.StatusNotFound {
				err = fmt.Errorf("delete %s: status %d: %s", p.name, code, firstLine(string(answer)))
			}
		}
		if err != nil {
			return err
		}
	}
}

func (p *prober) call(ctx context.Context, method, path string, body any) (code int, answer []byte, err error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		content = bytes.NewReader(text)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, p.base+path, content)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+p.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	answer, err = io.ReadAll(io.LimitReader(response.Body, 1<<20))
	_ = response.Body.Close() // all of it that counts was read
	return response.StatusCode, answer, err
}
