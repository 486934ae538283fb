package main

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"vertexmetadata/sandbox/controlplane/api"
	"vertexmetadata/sandbox/controlplane/fields"
	"vertexmetadata/sandbox/dataplane"
	"vertexmetadata/sandbox/postgres"
	"vertexmetadata/sandbox/project"
	"vertexmetadata/sandbox/sample"
)

// demoCommand is `sandbox demo`.
type demoCommand struct {
	Job  string `help:"Binary of the job." type:"existingfile" required:""`
	Plan string `help:"Plan of a stack to deploy, as infra/plan prints it with -json, or - for standard input; default: that of the demo." placeholder:"FILE"`
}

// demoTimeout bounds the whole demonstration; it takes a few seconds.
const demoTimeout = 2 * time.Minute

// Help is what --help says beside the flags.
func (c *demoCommand) Help() string {
	return `With DATABASE_URL set, the job reads that database, which is left as it is, instead of the sample posts.`
}

// demoPlan is what make plan-demo wrote.
//
//go:embed testdata/demo.json
var demoPlan []byte

// plan reads the plan that was asked for.
func (c *demoCommand) plan() (*stackPlan, error) {
	if c.Plan == "" {
		return readPlan(demoPlan)
	}
	read := func() ([]byte, error) { return os.ReadFile(c.Plan) }
	if c.Plan == "-" {
		read = func() ([]byte, error) { return io.ReadAll(os.Stdin) }
	}
	text, err := read()
	if err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	plan, err := readPlan(text)
	if err == nil {
		plan.content = "any" // one's own query makes documents of its own kind
	}
	return plan, err
}

// Run shows the system at work: it deploys, and lets the trigger fire over three states of the database.
func (c *demoCommand) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, demoTimeout)
	defer cancel()
	plan, err := c.plan()
	if err != nil {
		return err
	}
	clock := newClock()
	begin := time.Now()
	d := &demo{out: os.Stdout, clock: clock, job: c.Job, plan: plan}
	url := os.Getenv("DATABASE_URL")
	d.say("Everything runs on 127.0.0.1: no account, nothing leaves this machine.\n")
	if d.cloud, err = project.Start(ctx, project.Options{
		Job: c.Job, Now: clock.now, Env: append(plan.env, "RESCAN_INTERVAL=1h"), Data: dataplane.Options{DatabaseURL: url, Content: plan.content},
	}); err != nil {
		return fmt.Errorf("start sandbox: %w", err)
	}
	defer d.cloud.Close()
	for _, store := range plan.existing {
		d.cloud.AddDataStore(store)
	}
	database := fmt.Sprintf("PostgreSQL with %d sample posts", sample.Len())
	if url != "" {
		database = "the database of DATABASE_URL"
	}
	d.say("1. Start: %s, Cloud Storage, Vertex AI Search, Secret Manager, control plane (%d ms)", database, time.Since(begin).Milliseconds())
	if err := d.deploy(ctx); err != nil {
		return err
	}
	if url != "" {
		return d.tickOwn(ctx)
	}
	if plan.login != "" { // what the stack's output databaseGrant asks of the owner of the tables
		grant := "GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + pgx.Identifier{plan.login}.Sanitize()
		if err := d.change(ctx, grant); err != nil {
			return err
		}
	}
	for _, chapter := range []struct{ title, change string }{
		{"The trigger fires. Nothing was ever imported: a full sync", ""},
		{"People use the app: 2 posts edited, 1 written, 1 deleted, 1 hidden", changes},
		{"Nobody does anything: PostgreSQL's statistics say so, the tables are not read", ""},
	} {
		if err := d.tick(ctx, chapter.title, chapter.change); err != nil {
			return err
		}
	}
	// Until here the service asked for the job's grants; a person comes with credentials of their own, which are none here.
	d.cloud.Data.Search.SetAuthorize(nil)
	return d.search(ctx, d.cloud.Data.Environment(false), "赤い花")
}

// tickOwn lets the trigger fire over a database that is not changed.
func (d *demo) tickOwn(ctx context.Context) error {
	if err := d.tick(ctx, "The trigger fires. Nothing was ever imported: a full sync", ""); err != nil {
		return err
	}
	return d.tick(ctx, "It fires again: nothing has changed", "")
}

// changes is what people do between the first and the second run.
var changes = fmt.Sprintf(`
UPDATE posts SET ai_answer = ai_answer || '(追記)' WHERE post_id IN ('%s', '%s');
INSERT INTO posts SELECT gen_random_uuid(), 'new-user', img_id, '真っ赤な実がなっていた', 'ナンテン', 'これはナンテンの実だよ。', '実はいくつある？', NULL, '京都府', 35.0, 135.7, true, 1, now(), now()
  FROM posts WHERE post_id = '%s';
DELETE FROM posts WHERE post_id = '%s';
UPDATE posts SET is_public = false WHERE post_id = '%s'`,
	sample.PostID(0), sample.PostID(1), sample.PostID(2), sample.PostID(3), sample.PostID(4))

// demo is one demonstration in progress.
type demo struct {
	out     io.Writer
	cloud   *project.Project
	clock   *clock
	job     string
	plan    *stackPlan
	chapter int
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

// deploy makes what the Pulumi program declares.
func (d *demo) deploy(ctx context.Context) error {
	if err := d.cloud.Control.Suppose(dataplane.Project, d.plan.text, d.cloud.SecretValue); err != nil {
		return fmt.Errorf("deploy: %w", err)
	}
	made, err := d.cloud.Control.DeployPlan(ctx, d.plan.text)
	if err != nil {
		return fmt.Errorf("deploy: %w", err)
	}
	counts := map[string]int{}
	for _, resource := range made {
		kind, _, _ := strings.Cut(resource, " ")
		counts[kind[strings.LastIndex(kind, ":")+1:]]++
	}
	grants := 0
	for kind, n := range counts {
		if strings.Contains(strings.ToUpper(kind), "IAMMEMBER") {
			grants += n
		}
	}
	d.say("2. Deploy the stack %s, as pulumi up would: %d resources, among them %d accounts, %d grants, the Cloud Run Job and its trigger",
		d.plan.stack, len(made), counts["Account"], grants)
	d.chapter = 2
	return nil
}

// tick changes the database, lets the trigger fire, and shows what came of it.
func (d *demo) tick(ctx context.Context, title, change string) error {
	if change != "" {
		if err := d.change(ctx, change); err != nil {
			return err
		}
	}
	store := d.cloud.DataStore(d.plan.store)
	if store == nil {
		return fmt.Errorf("find data store %s: the stack created none of that name", d.plan.store.ID)
	}
	before, known := store.Stats(), d.executions()
	attempt, err := d.fire(ctx)
	if err != nil {
		return err
	}
	if attempt.Status != "OK" {
		return fmt.Errorf("trigger %s: %s: %s", d.plan.trigger, attempt.Status, attempt.Message)
	}
	executions := d.executions()
	if len(executions) != len(known)+1 {
		return fmt.Errorf("the trigger started %d executions, want 1", len(executions)-len(known))
	}
	execution := executions[len(executions)-1]
	failure, err := d.cloud.Control.WaitExecution(ctx, execution)
	if err != nil {
		return err
	}
	if failure != nil {
		if _, err := d.showLog(execution, "failed"); err != nil {
			return err
		}
		return fmt.Errorf("run execution %s: %v", execution, failure)
	}
	d.chapter++
	d.say("\n%d. %s %s", d.chapter, d.clock.now().Format("15:04"), title)
	last, err := d.showLog(execution, "succeeded")
	if err != nil {
		return err
	}
	after := store.Stats()
	d.say("   %-12s %-10s %-10s %-10s %-10s %s", "in the store", "sent", "removed", "bytes", "imports", "ms")
	d.say("   %-12d %-10v %-10v %-10v %-10d %v", store.Len(), last["upserted"], last["deleted"], last["bytes"],
		after.ImportsFull+after.ImportsIncremental-before.ImportsFull-before.ImportsIncremental, last["duration_ms"])
	return nil
}

// fire moves the clock to the next time of the trigger, when it fires. A paused one is fired by hand.
func (d *demo) fire(ctx context.Context) (api.Attempt, error) {
	trigger := d.cloud.Control.Resource("cloudscheduler", d.plan.trigger)
	if fields.Text(trigger, "state") == "PAUSED" {
		d.clock.advance(3 * time.Minute)
		return d.cloud.Scheduler.Fire(ctx, d.plan.trigger)
	}
	next, err := time.Parse(time.RFC3339, fields.Text(trigger, "scheduleTime"))
	if err != nil {
		return api.Attempt{}, fmt.Errorf("find the next time of trigger %s: %w", d.plan.trigger, err)
	}
	d.clock.advance(next.Sub(d.clock.now()))
	return d.cloud.Scheduler.Tick(ctx)[d.plan.trigger], nil
}

// change runs statements as the app would, and lets PostgreSQL count them at once instead of within a second.
func (d *demo) change(ctx context.Context, statements string) error {
	conn, err := pgx.Connect(ctx, d.cloud.Data.Source.URL)
	if err != nil {
		return fmt.Errorf("change the database: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statements); err != nil {
		return fmt.Errorf("change the database: %w", err)
	}
	return postgres.FlushStatistics(ctx, conn)
}

// executions are the names of the job's executions so far.
func (d *demo) executions() []string {
	return d.cloud.Control.Executions(d.plan.job)
}

// showLog prints an execution's log as Cloud Logging would, and returns the last line's fields.
func (d *demo) showLog(execution, outcome string) (last map[string]any, err error) {
	name := execution[strings.LastIndex(execution, "/")+1:]
	entries, err := d.cloud.Control.Logs(dataplane.Project, `resource.type="cloud_run_job" AND labels."run.googleapis.com/execution_name"="`+name+`"`)
	if err != nil {
		return nil, fmt.Errorf("read log of %s: %w", name, err)
	}
	d.say("   execution %s %s, its log:", name, outcome)
	for _, entry := range entries {
		payload, ok := entry["jsonPayload"].(map[string]any)
		if !ok {
			continue
		}
		last = payload
		detail := ""
		for _, key := range []string{"why", "mode", "documents", "rows_by_type", "outcome", "error", "hint"} {
			if value, ok := payload[key]; ok {
				if _, isText := value.(string); !isText {
					encoded, _ := json.Marshal(value) // it was JSON
					value = string(encoded)
				}
				detail += fmt.Sprintf("  %s=%v", key, value)
			}
		}
		d.say("   | %-5v %v%s", entry["severity"], payload["message"], detail)
	}
	if last == nil {
		return nil, fmt.Errorf("execution %s left no log", name)
	}
	return last, nil
}

// search asks the data store by the job's own command.
func (d *demo) search(ctx context.Context, environment []dataplane.Variable, text string) error {
	d.say("\n%d. Does it answer?  job search %s", d.chapter+1, text)
	command := exec.CommandContext(ctx, d.job, "search", "--limit=1", text)
	command.Env = append(dataplane.Environ(environment), "DATA_STORE_ID="+d.plan.store.ID, "GCP_LOCATION="+d.plan.store.Location)
	for _, name := range []string{"NO_COLOR", "TERM"} { // how its output may look
		if value, ok := os.LookupEnv(name); ok {
			command.Env = append(command.Env, name+"="+value)
		}
	}
	command.Stdout, command.Stderr = d.out, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("job search: %w", cmp.Or(ctx.Err(), err))
	}
	return nil
}
