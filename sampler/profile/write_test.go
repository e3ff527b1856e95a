package profile_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/jsonschema-go/jsonschema"
	"pgregory.net/rapid"

	"keyprof/sampler/pattern"
	"keyprof/sampler/profile"
	"keyprof/sampler/profile/profiletest"
)

func TestCompressionFor(t *testing.T) {
	for path, want := range map[string]profile.Compression{
		"a.json": profile.Plain, "dir.json.gz/a.json": profile.Plain,
		"a.json.gz": profile.Gzip, "a.b.json.zst": profile.Zstd,
	} {
		if got, err := profile.CompressionFor(path); got != want || err != nil {
			t.Errorf("%s: %v, %v; want %v", path, got, err, want)
		}
	}
	for _, path := range []string{"", "a", "a.gz", "a.zst", "a.json.bz2", "a.txt", "a.JSON", "json"} {
		if _, err := profile.CompressionFor(path); !errors.Is(err, profile.ErrSuffix) {
			t.Errorf("%q: error %v", path, err)
		}
	}
}

// ignoreSketches leaves comparing sketches to their encoding.
var ignoreSketches = cmpopts.IgnoreTypes(&profile.Sketch{})

func TestWriteFileReadFile(t *testing.T) {
	for _, name := range []string{"a.json", "a.json.gz", "a.json.zst"} {
		path := filepath.Join(t.TempDir(), name)
		want := profiletest.Full()
		if err := profile.WriteFile(path, want); err != nil {
			t.Fatal(err)
		}
		got, err := profile.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, ignoreSketches); diff != "" {
			t.Errorf("%s: (-written +read)\n%s", name, diff)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode() != 0o600 {
			t.Errorf("%s: mode %v", name, info.Mode())
		}
		if bytes, _ := os.ReadFile(path); strings.HasPrefix(string(bytes), "{") != (name == "a.json") {
			t.Errorf("%s: begins with %q", name, bytes[:4])
		}
	}
}

func TestWriteLeavesTheProfileAlone(t *testing.T) {
	p := withoutLists()
	p.Began = p.Began.In(time.FixedZone("", 3600))
	before := *p
	plain(t, p)
	if diff := cmp.Diff(&before, p, ignoreSketches); diff != "" {
		t.Error(diff)
	}
	if p.Totals.TTL.Histogram != nil || p.Namespaces != nil {
		t.Error("Write has filled the caller's lists")
	}
}

func TestWriteHasNoNull(t *testing.T) {
	text := string(plain(t, withoutLists()))
	text = strings.ReplaceAll(text, `"hi": null`, "")
	if i := strings.Index(text, "null"); i >= 0 {
		t.Errorf("null in %q", text[i-40:i+4])
	}
}

func TestWriteIsInUTC(t *testing.T) {
	p := profiletest.Full()
	p.Began = p.Began.In(time.FixedZone("", -5*3600))
	if !bytes.Equal(plain(t, p), plain(t, profiletest.Full())) {
		t.Error("the time zone shows")
	}
}

// unseen are characters that must not reach a terminal.
var unseen = regexp.MustCompile(`[\x00-\x09\x0b-\x1f\x7f\x{80}-\x{9f}\x{2028}\x{2029}\p{Cf}]`)

func TestWriteIsHarmlessToShow(t *testing.T) {
	var all strings.Builder
	for r := range rune(unicode.MaxRune) {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			all.WriteRune(r)
		}
	}
	p := profiletest.Full()
	p.Warnings[0].Text = all.String()
	p.Nodes[0].Info["server"]["x"] = "\xff\x1b"
	text := plain(t, p)
	if found := unseen.Find(text); found != nil {
		t.Errorf("%q is written as it is", found)
	}
	again, err := profile.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if again.Warnings[0].Text != all.String() {
		t.Error("escaped characters come back as others")
	}
}

func TestWriteIsReadable(t *testing.T) {
	text := string(plain(t, profiletest.Full()))
	if !strings.Contains(text, `"pattern": "resque:status:<uuid>"`) {
		t.Error("angle brackets are escaped")
	}
	if !strings.HasPrefix(text, "{\n \"schema\": 1,\n") || !strings.HasSuffix(text, "\n}\n") {
		t.Error("not indented, or no newline at the end")
	}
}

func TestWriteRefusesWhatReadWould(t *testing.T) {
	p := profiletest.Full()
	p.Totals.Probed = -1
	path := filepath.Join(t.TempDir(), "a.json")
	err := profile.WriteFile(path, p)
	if err == nil || !strings.Contains(err.Error(), "totals.probed: negative") {
		t.Errorf("error %v", err)
	}
	noFiles(t, filepath.Dir(path))
}

func TestWriteUnknownCompression(t *testing.T) {
	var b bytes.Buffer
	if err := profile.Write(&b, profiletest.Full(), 9); err == nil || b.Len() > 0 {
		t.Errorf("error %v, %d bytes written", err, b.Len())
	}
}

func TestCheckWritable(t *testing.T) {
	dir := t.TempDir()
	if err := profile.CheckWritable(filepath.Join(dir, "a.json.zst")); err != nil {
		t.Error(err)
	}
	noFiles(t, dir)
	for name, path := range map[string]string{
		"no suffix":      filepath.Join(dir, "a"),
		"no directory":   filepath.Join(dir, "none", "a.json"),
		"is a directory": mkdir(t, filepath.Join(dir, "d.json")),
	} {
		if err := profile.CheckWritable(path); err == nil {
			t.Errorf("%s: passes", name)
		} else if strings.Contains(err.Error(), ".tmp") {
			t.Errorf("%s: error tells of the temporary file: %v", name, err)
		}
	}
}

func mkdir(t *testing.T, path string) string {
	t.Helper()
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// noFiles fails if dir holds a file.
func noFiles(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			t.Errorf("%s is left", e.Name())
		}
	}
}

// A server that says too much of itself does not keep the scan from being saved:
// what is written can be read.
func TestWriteClipsTheServersTexts(t *testing.T) {
	p := profiletest.Full()
	long := strings.Repeat("\x00é", 1<<20)
	n := &p.Nodes[0]
	n.Version, n.Incomplete, n.Info = long, long, map[string]map[string]string{"server": {"os": long, long: "x"}, "other": {}}
	for i := range 500_000 {
		n.Info["other"][strconv.Itoa(i)] = "x"
	}
	n.Databases[0].Incomplete = long
	p.Missing = append(p.Missing, profile.Missing{Measure: profile.MeasureFreq, Reason: long})
	p.Warnings = append(p.Warnings, profile.Warning{Code: "x", Text: long})
	p.Receipt.Waits = append(p.Receipt.Waits, profile.Wait{Cause: long})
	var b bytes.Buffer
	if err := profile.Write(&b, p, profile.Zstd); err != nil {
		t.Fatal(err)
	}
	if again, err := profile.Read(&b); err != nil || !strings.HasPrefix(long, strings.TrimSuffix(again.Nodes[0].Version, "…")) {
		t.Error(err)
	}
	if n.Version != long || len(n.Info["other"]) != 500_000 || p.Warnings[len(p.Warnings)-1].Text != long {
		t.Error("the profile itself was changed")
	}
}

// observations are keys with any names and any measures that a server can give.
var observations = rapid.SliceOf(rapid.Custom(func(t *rapid.T) profiletest.Observation {
	return profiletest.Observation{
		DB:      rapid.IntRange(0, 2).Draw(t, "db"),
		Pattern: rapid.SampledFrom([]string{"", "a", "b:<int>", "(other)", "é\u202e"}).Draw(t, "pattern"),
		Name:    rawName.Draw(t, "name"),
		Type:    rapid.SampledFrom([]string{"string", "hash", "list"}).Draw(t, "type"),
		Bytes:   rapid.Int64Range(0, 1<<40).Draw(t, "bytes"),
		NoTTL:   rapid.Bool().Draw(t, "no ttl"),
		TTLS:    float64(rapid.Int64Range(0, 1<<45).Draw(t, "pttl")) / 1000,
		IdleS:   rapid.Int64Range(0, 200*86400).Draw(t, "idle"),
	}
}))

// rawName is a key's name: any bytes, text, or something too long to be stored.
var rawName = rapid.OneOf(
	rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(b []byte) string { return string(b) }),
	rapid.StringN(0, 40, -1),
	rapid.Custom(func(t *rapid.T) string {
		piece := rapid.SampledFrom([]string{"x", "é", "€", "😀", "\x80", "\xf0\x9f"}).Draw(t, "piece")
		return strings.Repeat("a", rapid.IntRange(0, 4).Draw(t, "shift")) +
			strings.Repeat(piece, rapid.IntRange(profile.MaxNameBytes/4-4, profile.MaxNameBytes+4).Draw(t, "times"))
	}),
)

func TestWriteReadWrite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := profiletest.Fold(observations.Draw(t, "keys")...)
		c := rapid.SampledFrom([]profile.Compression{profile.Plain, profile.Gzip, profile.Zstd}).Draw(t, "compression")
		var first, second bytes.Buffer
		if err := profile.Write(&first, p, c); err != nil {
			t.Fatal(err)
		}
		again, err := profile.Read(bytes.NewReader(first.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if err := profile.Write(&second, again, c); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Error("written, read and written again, it is another file")
		}
	})
}

// The profile does not show the order in which keys were seen.
func TestOrderLeavesNoTrace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := observations.Draw(t, "keys")
		for i := range keys {
			keys[i].TTLS = float64(int64(keys[i].TTLS)) // sums of whole numbers are exact
			keys[i].Name += strings.Repeat("'", i)      // ties would leave a choice of examples
		}
		shuffled := rapid.Permutation(keys).Draw(t, "shuffled")
		var a, b bytes.Buffer
		for _, w := range []struct {
			to   *bytes.Buffer
			keys []profiletest.Observation
		}{{&a, keys}, {&b, shuffled}} {
			if err := profile.Write(w.to, profiletest.Fold(w.keys...), profile.Plain); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Error("another order gives another file")
		}
	})
}

var update = flag.Bool("update", false, "write schema.json anew")

func TestSchemaIsUpToDate(t *testing.T) {
	want := generateSchema(t)
	if *update {
		if err := os.WriteFile("schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(profile.Schema(), want) {
		t.Error("schema.json is not what the types say: run go test ./sampler/profile -run TestSchemaIsUpToDate -update")
	}
}

func TestSchemaTakesWhatWriteWrites(t *testing.T) {
	for name, p := range map[string]*profile.Profile{
		"full":       profiletest.Full(),
		"no keys":    profiletest.Fold(),
		"nil lists":  withoutLists(),
		"no measure": withoutMeasures(),
	} {
		if err := profiletest.ValidateSchema(plain(t, p)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	doc := string(plain(t, profiletest.Full()))
	for _, tt := range []struct{ name, old, new string }{
		{"another version", `"schema": 1,`, `"schema": 2,`},
		{"version as text", `"schema": 1,`, `"schema": "1",`},
		{"another tool", `"name": "keyprof"`, `"name": "rdb"`},
		{"null in the place of a list", `"examples": [`, `"examples": null, "x": [`},
		{"unknown member", `"label": "nightly"`, `"lable": "nightly"`},
		{"negative count", `"probed": 407`, `"probed": -1`},
		{"unknown measure", `"measure": "freq"`, `"measure": "weight"`},
		{"missing member", `"complete": false,`, ``},
		{"estimate that is a number", `"keys": {`, `"keys": 3, "x": {`},
		{"fraction of a key", `"returned": 400`, `"returned": 400.5`},
	} {
		broken := strings.Replace(doc, tt.old, tt.new, 1)
		if broken == doc {
			t.Errorf("%s: the document has no %s", tt.name, tt.old)
		}
		if !json.Valid([]byte(broken)) {
			t.Errorf("%s: no JSON any more", tt.name)
		}
		if err := profiletest.ValidateSchema([]byte(broken)); err == nil {
			t.Errorf("%s: passes", tt.name)
		}
	}
}

// plain returns p as Write writes it, not compressed.
func plain(t testing.TB, p *profile.Profile) []byte {
	t.Helper()
	return written(t, p, profile.Plain)
}

// written returns p as Write writes it.
func written(t testing.TB, p *profile.Profile, c profile.Compression) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := profile.Write(&b, p, c); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// withoutLists returns a profile in which no list is set.
func withoutLists() *profile.Profile {
	p := profiletest.Full()
	p.Missing, p.Nodes, p.Largest, p.Warnings = nil, []profile.Node{{}}, nil, nil
	p.Design.Databases, p.Receipt.Commands = nil, nil
	p.Namespaces = nil
	p.Totals = profile.Stats{
		Keys: profile.Exact(0),
		TTL:  &profile.TTLStats{},
		Idle: &profile.IdleStats{Measure: profile.IdleSinceAccess},
		Freq: &profile.FreqStats{},
	}
	return p
}

// withoutMeasures returns a profile of a server that answers to SCAN alone.
func withoutMeasures() *profile.Profile {
	p := profiletest.Fold()
	p.Totals = profile.Stats{Probed: 3, Keys: profile.Exact(3)}
	p.Namespaces = []profile.Namespace{{Pattern: "a", Stats: p.Totals}}
	return p
}

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
	if def := g.defs[definitionName(typ)]; def != nil {
		return def
	}
	known := maps.Clone(fixedSchemas)
	for field := range members(typ) {
		if s := structWithin(field.Type); s != nil && fixedSchemas[s] == nil {
			g.define(t, s)
			known[s] = &jsonschema.Schema{Ref: "#/$defs/" + definitionName(s)}
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
	g.defs[definitionName(typ)] = def
	return def
}

// definitionName returns what the schema calls a type.
func definitionName(typ reflect.Type) string {
	if typ == reflect.TypeFor[pattern.Dictionary]() {
		return "Patterns"
	}
	return typ.Name()
}

// members returns the fields that a struct type has in JSON, those of embedded
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

// structWithin returns the struct type to which pointers, lists and maps lead.
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

// docsOf returns the comments of the document's types and fields, in the words of
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
		"Dictionary":     "The dictionary",
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
