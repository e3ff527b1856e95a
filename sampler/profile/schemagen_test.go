package profile_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"keyprof/sampler/profile"
)

// generateSchema makes the JSON Schema of the document: one definition a
// struct type, with the comments of the types as descriptions.
func generateSchema(t *testing.T) []byte {
	t.Helper()
	g := schemaGenerator{docs: docsOf(t), defs: map[string]*jsonschema.Schema{}}
	root := g.define(t, reflect.TypeFor[profile.Profile]())
	root.Schema = "https://json-schema.org/draft/2020-12/schema"
	root.ID = fmt.Sprintf("https://keyprof.invalid/schema/profile-v%d.json", profile.SchemaVersion)
	root.Title = "keyprof profile"
	root.Defs = g.defs
	delete(root.Defs, "Profile")
	version, name := any(profile.SchemaVersion), any(profile.ToolName)
	root.Properties["schema"].Const = &version
	g.defs["Tool"].Properties["name"].Const = &name
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

type schemaGenerator struct {
	docs map[string]string // by Type or Type.Field
	defs map[string]*jsonschema.Schema
}

// fixedSchemas are those of types whose JSON form reflection cannot tell.
var fixedSchemas = map[reflect.Type]*jsonschema.Schema{
	reflect.TypeFor[time.Time](): {Type: "string", Format: "date-time"},
	reflect.TypeFor[profile.Measure](): {Type: "string", Enum: []any{
		profile.MeasureBytes, profile.MeasureTTL, profile.MeasureIdle, profile.MeasureFreq, profile.MeasureType,
	}},
	reflect.TypeFor[profile.IdleMeasure](): {Type: "string", Enum: []any{
		profile.IdleSinceAccess, profile.IdleSinceWriteOrLocalRead,
	}},
	reflect.TypeFor[profile.Sketch]():  {Type: "string", ContentEncoding: "base64"},
	reflect.TypeFor[profile.Sum]():     {Type: "number"},
	reflect.TypeFor[profile.Squares](): {Type: "number"},
}

// define adds the definition of a struct type and of those that it mentions.
func (g *schemaGenerator) define(t *testing.T, typ reflect.Type) *jsonschema.Schema {
	t.Helper()
	if def := g.defs[typ.Name()]; def != nil {
		return def
	}
	known := maps.Clone(fixedSchemas)
	for field := range members(typ) {
		if s := structWithin(field.Type); s != nil && fixedSchemas[s] == nil {
			g.define(t, s)
			known[s] = &jsonschema.Schema{Ref: "#/$defs/" + s.Name()}
		}
	}
	def, err := jsonschema.ForType(typ, &jsonschema.ForOptions{TypeSchemas: known})
	if err != nil {
		t.Fatal(err)
	}
	def.Description = g.docs[typ.Name()]
	for field, owner := range members(typ) {
		tidy(def.Properties[jsonName(field)], field.Name == "Hi")
		def.Properties[jsonName(field)].Description = g.docs[owner+"."+field.Name]
	}
	g.defs[typ.Name()] = def
	return def
}

// members are the fields that a struct type has in JSON, those of embedded
// structs included, each with the name of the type that declares it.
func members(typ reflect.Type) func(yield func(reflect.StructField, string) bool) {
	return func(yield func(reflect.StructField, string) bool) {
		for _, f := range reflect.VisibleFields(typ) {
			owner := typ
			if n := len(f.Index); n > 1 {
				owner = typ.FieldByIndex(f.Index[:n-1]).Type
			}
			if !f.Anonymous && !yield(f, owner.Name()) {
				return
			}
		}
	}
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// structWithin is the struct type to which pointers, lists and maps lead.
func structWithin(t reflect.Type) reflect.Type {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return structWithin(t.Elem())
	case reflect.Struct:
		return t
	}
	return nil
}

// tidy takes null from the types of a schema and of its parts, unless it is
// meant, and negative numbers, of which a profile has none.
func tidy(s *jsonschema.Schema, nullable bool) {
	if s == nil {
		return
	}
	if !nullable && s.Types != nil {
		kept := slices.DeleteFunc(s.Types, func(t string) bool { return t == "null" })
		s.Types, s.Type = nil, strings.Join(kept, "")
	}
	if s.Type == "integer" || s.Type == "number" || nullable {
		s.Minimum = jsonschema.Ptr(0.0)
	}
	tidy(s.Items, false)
	tidy(s.AdditionalProperties, false)
}

// docsOf are the comments of this package's types and fields, in the words of
// the document: with the names of members in the place of those of fields.
func docsOf(t *testing.T) map[string]string {
	t.Helper()
	structs := structsOf(t)
	names := documentNames(structs)
	docs := map[string]string{}
	for _, s := range structs {
		docs[s.name] = translate(s.doc, s.name, names)
		for _, f := range s.fields {
			if len(f.Names) == 0 {
				continue
			}
			comment := strings.TrimSpace(f.Doc.Text())
			if line := strings.TrimSpace(f.Comment.Text()); comment != "" && line != "" {
				comment += " (" + line + ")"
			} else {
				comment += line
			}
			docs[s.name+"."+f.Names[0].Name] = translate(comment, s.name, names)
		}
	}
	return docs
}

// documentNames maps Type.Field to the name of the member, and constants to
// their values.
func documentNames(structs []parsedStruct) map[string]string {
	names := map[string]string{
		"RolePrimary":    profile.RolePrimary,
		"RoleReplica":    profile.RoleReplica,
		"MethodCensus":   profile.MethodCensus,
		"MethodSample":   profile.MethodSample,
		"SampleGroups":   fmt.Sprint(profile.SampleGroups),
		"ToolName":       profile.ToolName,
		"SchemaVersion":  fmt.Sprint(profile.SchemaVersion),
		"SketchAccuracy": fmt.Sprint(profile.SketchAccuracy),
		"MaxNameBytes":   fmt.Sprint(profile.MaxNameBytes) + " bytes",
		"Edges":          strings.ReplaceAll(fmt.Sprint(profile.Edges), " ", ", "),
		"FreqEdges":      strings.ReplaceAll(fmt.Sprint(profile.FreqEdges), " ", ", "),
	}
	for _, s := range structs {
		for _, f := range s.fields {
			if f.Tag == nil || len(f.Names) == 0 {
				continue
			}
			tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`"))
			name, _, _ := strings.Cut(tag.Get("json"), ",")
			names[s.name+"."+f.Names[0].Name] = name
		}
	}
	return names
}

var identifier = regexp.MustCompile(`\b[A-Z]\w*(\.[A-Z]\w*)?`)

// translate puts a comment of the type owner into one line and into the words
// of the document.
func translate(comment, owner string, names map[string]string) string {
	line := strings.Join(strings.Fields(comment), " ")
	return identifier.ReplaceAllStringFunc(line, func(word string) string {
		if name := names[word]; name != "" {
			if _, field, ok := strings.Cut(word, "."); ok && field != "" {
				typ, _, _ := strings.Cut(word, ".")
				return typ + "." + name
			}
			return name
		}
		if name := names[owner+"."+word]; name != "" {
			return name
		}
		return word
	})
}
