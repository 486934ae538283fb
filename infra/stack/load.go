package stack

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"gopkg.in/yaml.v3"
)

// removed are the settings of earlier versions, with what to do about them.
var removed = map[string]string{
	"dataStoreRole": "is no longer a setting: roles/discoveryengine.editor has all that the job needs; remove it",
	"grantWait":     "is no longer a setting: what is refused is retried until it takes effect; remove it, or set settleLimit",
}

// Load reads and validates the stack's settings. The error names every problem with the key to set.
func Load(ctx *pulumi.Context) (Args, error) {
	a := Args{loaded: true}
	var found problems
	given := configuration(os.Getenv(pulumi.EnvConfig))
	written := stackFile(ctx.RootDirectory(), ctx.Stack())
	for _, d := range Declared(&a) {
		name := Namespace + ":" + d.Key
		value, _ := ctx.GetConfig(name)
		if value == "" {
			value = d.Default
		}
		if ctx.IsConfigSecret(name) && d.Key != "secretValues" {
			found.add(d.Key, "is encrypted, and would be stored in the clear: it is no secret; set it without --secret")
			continue
		}
		if err := d.set(value); err != nil {
			found.add(d.Key, "%v", err)
		}
		findUnquoted(d, value, written[name], &found)
	}
	if len(a.SecretValues) > 0 && !ctx.IsConfigSecret(Namespace+":secretValues") {
		found.add("secretValues", "is not encrypted; set each value with `pulumi config set --secret --path`")
	}
	findStrangers(given, &found)
	read := fileReader{ctx.RootDirectory(), &found}
	a.SyncQuery = read.query("syncQueryFile", a.SyncQueryFile)
	for i, sync := range a.Syncs {
		a.Syncs[i].Query = read.query("syncs", sync.QueryFile)
	}
	a.DataStoreSchema = read.schema(a.DataStoreSchemaFile)
	a = a.complete(ctx, Namespace)
	a.check(&found)
	return a, found.err(&a)
}

// configuration is all of the stack's configuration as the CLI hands it to the program, a JSON object, or empty.
func configuration(text string) (given map[string]any) {
	if json.Unmarshal([]byte(text), &given) != nil {
		return nil // what it holds is read, and judged, key by key
	}
	return given
}

// findStrangers looks for settings that are none: Pulumi passes a misspelt one over without a word.
func findStrangers(given map[string]any, found *problems) {
	for _, name := range sortedKeys(given) {
		if key, own := strings.CutPrefix(name, Namespace+":"); own {
			if problem := Misspelt(key); problem != "" {
				found.add(key, "%s", problem)
			}
		}
	}
}

// Misspelt says what is wrong with a key under Namespace that is no setting; empty: it is one.
func Misspelt(key string) string {
	if declared(key) {
		return ""
	}
	if problem, ok := removed[key]; ok {
		return problem
	}
	all := Declared(&Args{})
	if i := slices.IndexFunc(all, func(d Setting) bool { return strings.EqualFold(d.Key, key) }); i >= 0 {
		return "is not a setting; write " + all[i].Key
	}
	return "is not a setting; infra/README.md lists them"
}

// stackFile returns the nodes under config of the stack's file, by key; none where the file is elsewhere.
func stackFile(root, stack string) map[string]yaml.Node {
	var file struct{ Config map[string]yaml.Node }
	content, err := os.ReadFile(filepath.Join(root, "Pulumi."+stack+".yaml"))
	if err != nil || yaml.Unmarshal(content, &file) != nil {
		return nil
	}
	return file.Config
}

// findUnquoted looks for text that YAML reads as a number and Pulumi hands over as another text: 1.10 as 1.1, 010 as 8.
func findUnquoted(d Setting, value string, node yaml.Node, found *problems) {
	if d.Type == "string" && node.Kind == yaml.ScalarNode && node.Style == 0 && node.Tag != "!!str" && node.Value != value {
		found.add(d.Key, "is written %s and would be read as %s; quote it", node.Value, value)
	}
}
