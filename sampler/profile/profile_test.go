package profile_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"
)

// unitWords are the words by which a comment says what a number counts.
var unitWords = regexp.MustCompile(`\b(bytes|seconds|keys|names|namespaces|share|number|version|unit|counter)\b`)

// numeric are the types of fields that need a unit.
var numeric = map[string]bool{"int": true, "int64": true, "float64": true, "Estimate": true}

func TestEveryNumberHasAUnit(t *testing.T) {
	checked := 0
	for _, s := range structsOf(t) {
		for _, f := range s.fields {
			if !numeric[typeName(f.Type)] || f.Tag == nil {
				continue
			}
			checked++
			if comment := f.Doc.Text() + f.Comment.Text(); !unitWords.MatchString(comment) {
				t.Errorf("%s.%s: comment %q names no unit", s.name, f.Names[0], comment)
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d fields were found: is the test looking at the right files?", checked)
	}
}

// parsedStruct is a struct type of the document with its comments.
type parsedStruct struct {
	name   string
	doc    string
	fields []*ast.Field
}

// structsOf returns all struct types of this package, and the dictionary's.
func structsOf(t *testing.T) []parsedStruct {
	t.Helper()
	var structs []parsedStruct
	for _, file := range sources(t) {
		for _, d := range file.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok || decl.Tok != token.TYPE {
				continue
			}
			for _, s := range decl.Specs {
				spec := s.(*ast.TypeSpec)
				if s, ok := spec.Type.(*ast.StructType); ok {
					structs = append(structs, parsedStruct{spec.Name.Name, decl.Doc.Text(), s.Fields.List})
				}
			}
		}
	}
	return structs
}

// sources returns the parsed files of this package, without tests, and that of the
// dictionary of patterns.
func sources(t *testing.T) []*ast.File {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"../pattern/dictionary.go"}
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			names = append(names, name)
		}
	}
	var files []*ast.File
	fset := token.NewFileSet()
	for _, name := range names {
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// typeName returns the name of a field's type, without a pointer.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return typeName(e.X)
	}
	return ""
}
