package mistwindow_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
)

// spec is the public reference of Mist's device data.
type spec struct{ doc *openapi3.T }

// loadSpec reads the reference from SPECS_DIR; the repository does not hold it.
func loadSpec(t *testing.T) spec {
	t.Helper()
	dir := os.Getenv("SPECS_DIR")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "..", "shared", "specs")
	}
	data, err := os.ReadFile(filepath.Join(dir, "mist-device-data.openapi.json"))
	if err != nil {
		t.Skipf("the reference of Mist's device data is not here; set SPECS_DIR to its directory: %v", err)
	}
	// The document calls itself 3.1.0 but marks null with "nullable", which is 3.0:
	// read as 3.1 the keyword is ignored and nulls are refused.
	data = bytes.Replace(data, []byte(`"openapi": "3.1.0"`), []byte(`"openapi": "3.0.3"`), 1)
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		t.Fatalf("load reference: %v", err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.0") {
		t.Fatalf("reference is read as OpenAPI %s", doc.OpenAPI)
	}
	return spec{doc}
}

// check validates a reply of status 200 against the reference.
func (s spec) check(path string, body []byte) error {
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return err
	}
	schema := s.schema(path)
	if schema == nil {
		return os.ErrNotExist
	}
	uuids := openapi3.NewCallbackValidator(uuid.Validate)
	return schema.VisitJSON(value, openapi3.VisitAsResponse(), openapi3.EnableFormatValidation(),
		openapi3.WithStringFormatValidator("uuid", uuids), openapi3.MultiErrors())
}

// schema finds the operation of a path, a literal segment before a parameter.
func (s spec) schema(path string) *openapi3.Schema {
	var best *openapi3.PathItem
	bestLiterals := -1
	for template, item := range s.doc.Paths.Map() {
		want, got := strings.Split(template, "/"), strings.Split(path, "/")
		if len(want) != len(got) {
			continue
		}
		literals := 0
		for i := range want {
			switch {
			case want[i] == got[i]:
				literals++
			case !strings.HasPrefix(want[i], "{"):
				literals = -len(want) * 2
			}
		}
		if literals > bestLiterals {
			best, bestLiterals = item, literals
		}
	}
	if best == nil || best.Get == nil {
		return nil
	}
	response := best.Get.Responses.Status(http.StatusOK)
	return response.Value.Content.Get("application/json").Schema.Value
}
