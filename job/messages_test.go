package main

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Alerts, saved searches and people look for a message by its text: what varies is in attributes, and the words are those of
// docs/GLOSSARY.md and of the field.
func TestMessagesAreFixedAndPlain(t *testing.T) {
	dialect := regexp.MustCompile(`(?i)\b(in step|goes? again|lest|whoever|still runs|picks? it up|nobody listens|to mend|tells|told|on the way|spared?)\b`)
	logging := map[string]int{"DebugContext": 1, "InfoContext": 1, "WarnContext": 1, "ErrorContext": 1, "LogAttrs": 2}
	messages := 0
	parseSources(t, func(files *gotoken.FileSet, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				method, ok := n.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if i, isLog := logging[method.Sel.Name]; isLog && len(n.Args) > i {
					messages++
					if !fixed(n.Args[i]) {
						t.Errorf("%s: the message of %s is not a constant string", files.Position(n.Pos()), method.Sel.Name)
					}
				}
			case *ast.BasicLit:
				text, err := strconv.Unquote(n.Value)
				if n.Kind == gotoken.STRING && err == nil && dialect.MatchString(text) {
					t.Errorf("%s: %q has a word of our own, %q: use one that a stranger searches for", files.Position(n.Pos()), text, dialect.FindString(text))
				}
			}
			return true
		})
	})
	if messages < 20 {
		t.Errorf("%d log messages were found, want them all", messages)
	}
}

// fixed reports whether an expression is a string literal, or a constant: a name that says message, declared as one.
func fixed(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Kind == gotoken.STRING
	case *ast.Ident:
		return e.Obj != nil && e.Obj.Kind == ast.Con
	}
	return false
}

// parseSources calls visit with every file of the program but tests.
func parseSources(t *testing.T, visit func(*gotoken.FileSet, *ast.File)) {
	t.Helper()
	files := gotoken.NewFileSet()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, 0)
		if err == nil {
			visit(files, file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
