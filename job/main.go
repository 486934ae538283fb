// Command job keeps Vertex AI Search in sync with a PostgreSQL database. Cloud Scheduler runs it as a Cloud Run Job
// every few minutes; each run imports what changed since the last one.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"vertexmetadata/job/internal/config"
)

// idleGCPercent keeps the garbage collector from starting in an idle tick, whose heap ends just above the 4 MB at which it
// would: 4 of 19 ms of processor time. A scan sets its own.
const idleGCPercent = 400

func main() {
	debug.SetGCPercent(idleGCPercent)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], environment{
		getenv: os.Getenv, stdout: os.Stdout, look: lookOf(os.Stdout, os.Getenv), screen: newScreen(os.Stderr, os.Getenv),
		watched: term.IsTerminal(int(os.Stdout.Fd())) || term.IsTerminal(int(os.Stderr.Fd())),
	}))
}

// environment is what the process was given.
type environment struct {
	getenv  func(string) string
	stdout  io.Writer // results of all commands but sync
	look    look      // of stdout
	screen  *screen   // logs and the progress bar
	watched bool      // somebody reads what is written
}

// cli is the command line.
type cli struct {
	Version kong.VersionFlag `help:"Show what this program was built from."`

	Sync    syncCommand    `cmd:"" default:"withargs" help:"Bring the data store in sync with the database."`
	Plan    planCommand    `cmd:"" help:"Show what a sync would change; nothing is written."`
	Check   checkCommand   `cmd:"" help:"Try every dependency in turn and say what to do about each that fails."`
	History historyCommand `cmd:"" help:"Show what the last runs sent and deleted."`
	Show    showCommand    `cmd:"" help:"Show one document: as it would be sent, in the data store, and in the ledger."`
	Query   queryCommand   `cmd:"" help:"Show the query in use, and what becomes of its columns."`
	Search  searchCommand  `cmd:"" help:"Ask the data store, to see that it answers."`
}

// run parses args, runs a command and returns the exit code.
func run(ctx context.Context, args []string, env environment) int {
	var commands cli
	parser, err := kong.New(&commands,
		kong.Name("job"),
		kong.Description("Keeps Vertex AI Search in sync with a PostgreSQL database."),
		kong.Help(help),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: helpWidth}),
		kong.Vars{"version": versionText()},
		kong.Writers(env.stdout, env.screen),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(env),
	)
	if err != nil {
		panic(err) // a mistake in the struct tags above
	}
	if len(args) == 0 && env.watched {
		return usage(parser)
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return exitCode(misuse(ctx, env, parser, args, err))
	}
	command, _, _ := strings.Cut(parsed.Command(), " ")
	return exitCode(env.report(ctx, command, "", parsed.Run()))
}

// usage says what there is to run: somebody who types the name alone wants to know that, and not to begin a sync. Nothing
// was done, which a script must not take for a success.
func usage(parser *kong.Kong) int {
	if ctx, err := kong.Trace(parser, []string{"--help"}); err == nil {
		_ = ctx.PrintUsage(false)
	}
	return exitConfiguration
}

// misuse reports a command line that makes no sense. Unless it names another command it is a sync that failed: it
// must be seen where runs are counted by their last line.
func misuse(ctx context.Context, env environment, parser *kong.Kong, args []string, err error) error {
	var names []string
	for _, command := range parser.Model.Children {
		names = append(names, command.Name)
	}
	named := len(args) > 0 && slices.Contains(names, args[0])
	if !named && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		err = fmt.Errorf("there is no command %q, only %s", args[0], strings.Join(names, ", "))
	}
	err = misused(err)
	if named && args[0] != "sync" {
		return env.report(ctx, args[0], "", err)
	}
	defer env.screen.seal()
	cfg, _ := config.Load(env.getenv)
	return newSyncRun(env, cfg).finish(ctx, failedSummary, err)
}
