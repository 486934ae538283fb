package stack

import (
	"cmp"
	"encoding/json"
	"iter"
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
		findUnquoted(d, value, written[name], &found)
		if err := d.set(value); err != nil {
			found.add(d.Key, "%v", err)
			_ = d.set(d.Default) // or what is left of the value makes problems of its own
		}
	}
	if plain := unencrypted(written[Namespace+":secretValues"]); len(plain) > 0 || len(a.SecretValues) > 0 && !ctx.IsConfigSecret(Namespace+":secretValues") {
		found.add("secretValues", "%s is not encrypted; set each value with `pulumi config set --secret --path`", cmp.Or(strings.Join(plain, ", "), "what it holds"))
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
	if d.Type == "string" && misread(&node, value) {
		found.add(d.Key, "is written %s and would be read as %s; quote it", node.Value, value)
	}
	if d.Type == "object" {
		values, _ := texts(value) // what is no map is named elsewhere
		for key, written := range entries(&node) {
			if misread(written, values[key]) {
				found.add(d.Key, "%s is written %s and would be read as %s; quote it", key, written.Value, values[key])
			}
		}
	}
}

func misread(written *yaml.Node, value string) bool {
	return written.Kind == yaml.ScalarNode && written.Style == 0 && written.Tag != "!!str" && written.Tag != "!!null" && written.Value != value
}

// unencrypted lists the keys whose values stand in a stack's file as they are: beside one that is encrypted, Pulumi takes them all for
// secrets.
func unencrypted(node yaml.Node) (keys []string) {
	for key, value := range entries(&node) {
		if value.Kind == yaml.ScalarNode && key != "secure" { // as the whole map is, encrypted in one
			keys = append(keys, key)
		}
	}
	return keys
}

// entries are the keys and values of a map, in the order of the file.
func entries(node *yaml.Node) iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
			if !yield(node.Content[i].Value, node.Content[i+1]) {
				return
			}
		}
	}
}
