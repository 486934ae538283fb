package reconcile

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// docs/PROTOCOL.md lists the steps of a run in the order in which the code calls them.
func TestProtocolListsTheSteps(t *testing.T) {
	text, err := os.ReadFile("../../../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| [0-9]+ \\| ((?:`\\w+` ?)+)\\|").FindAllSubmatch(text, -1) {
		for _, name := range regexp.MustCompile(`\w+`).FindAll(row[1], -1) {
			listed = append(listed, string(name))
		}
	}
	steps := calls(t, "run.go", "sync")
	at := slices.Index(steps, "apply")
	steps = slices.Replace(steps, at, at+1, calls(t, "apply.go", "apply")...)
	if diff := cmp.Diff(steps, listed); diff != "" {
		t.Errorf("docs/PROTOCOL.md differs from the code (-code +table):\n%s", diff)
	}
}

// calls names the steps that a method calls, in the order of the source, deferred ones last.
func calls(t *testing.T, file, method string) (names []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var deferred []string
	for _, decl := range parsed.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Name.Name != method {
			continue
		}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.DeferStmt:
				ast.Inspect(n, func(n ast.Node) bool {
					if call, ok := n.(*ast.CallExpr); ok {
						deferred = append(deferred, step(call)...)
					}
					return true
				})
				return false
			case *ast.CallExpr:
				names = append(names, step(n)...)
			}
			return true
		})
	}
	return append(names, deferred...)
}

// step names a call that is a step of the protocol: whyDue, and what the run, the importer and the changes do. To enter a
// phase only shows it.
func step(call *ast.CallExpr) []string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		if f.Name == "whyDue" {
			return []string{f.Name}
		}
	case *ast.SelectorExpr:
		receiver, isPlain := f.X.(*ast.Ident)
		inner, isField := f.X.(*ast.SelectorExpr)
		isStep := isPlain && slices.Contains([]string{"r", "i", "c", "importer"}, receiver.Name) || isField && inner.Sel.Name == "recorder"
		if isStep && !slices.Contains([]string{"ledger", "now", "importer", "enter"}, f.Sel.Name) {
			return []string{f.Sel.Name}
		}
	}
	return nil
}
