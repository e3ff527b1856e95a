package profile

import (
	_ "embed"
	"slices"
)

// schema is made from the types of this package and their comments by
// `go test ./sampler/profile -run TestSchemaIsUpToDate -update`.
//
//go:embed schema.json
var schema []byte

// Schema is the JSON Schema (draft 2020-12) of the document that Write writes.
// It allows no members that it does not name, though Read ignores those.
func Schema() []byte { return slices.Clone(schema) }
