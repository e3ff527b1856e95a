package profiletest

import (
	"encoding/json"
	"fmt"

	"github.com/google/jsonschema-go/jsonschema"

	"keyprof/sampler/profile"
)

// ValidateSchema reports where a document, as JSON, does not follow the JSON
// Schema that profile.Schema describes.
func ValidateSchema(doc []byte) error {
	var schema jsonschema.Schema
	if err := json.Unmarshal(profile.Schema(), &schema); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	var value any
	if err := json.Unmarshal(doc, &value); err != nil {
		return err
	}
	return resolved.Validate(value)
}
