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

// dialect are words of our own that a stranger does not search for; docs/GLOSSARY.md has the others.
var dialect = regexp.MustCompile(`(?i)\b(in step|goes? again|lest|whoever|still runs|picks? it up|nobody listens|to mend|tells|told|on the way|spares|spared)\b`)

// What the program says is in words of the field.
func TestStringsArePlain(t *testing.T) {
	files, found := gotoken.NewFileSet(), 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != gotoken.STRING {
				return true
			}
			found++
			if text, err := strconv.Unquote(literal.Value); err == nil && dialect.MatchString(text) {
				t.Errorf("%s: %q has %q", files.Position(n.Pos()), text, dialect.FindString(text))
			}
			return true
		})
		return nil
	})
	if err != nil || found < 500 {
		t.Errorf("%d strings were found: %v", found, err)
	}
	for file, text := range documents(t) {
		if m := dialect.FindString(text); m != "" {
			t.Errorf("%s has %q", file, m)
		}
	}
}
