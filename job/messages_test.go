package main

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// messageAt says which argument of slog's methods is the message.
var messageAt = map[string]int{
	"Debug": 0, "Info": 0, "Warn": 0, "Error": 0,
	"DebugContext": 1, "InfoContext": 1, "WarnContext": 1, "ErrorContext": 1,
	"Log": 2, "LogAttrs": 2,
}

// Log messages are fixed: counts and alerts find the same text in every entry, and what varies is an
// attribute.
func TestMessagesAreFixed(t *testing.T) {
	files := gotoken.NewFileSet()
	messages := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if on, ok := method.X.(*ast.Ident); ok && on.Name == "status" {
				return true // gRPC's errors
			}
			at, known := messageAt[method.Sel.Name]
			if !known || len(call.Args) <= at {
				return true // Error() of an error, for one
			}
			messages++
			if literal, ok := call.Args[at].(*ast.BasicLit); !ok || literal.Kind != gotoken.STRING {
				t.Errorf("%s: the message is no literal", files.Position(call.Pos()))
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if messages < 30 {
		t.Errorf("only %d messages were found", messages)
	}
}
