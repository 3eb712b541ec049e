package zoom

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// referencePage is a page as encoding/json reads it, into maps.
type referencePage struct {
	shape     bool // it is JSON, an object
	list      bool // it has the list, and that is one
	addresses bool // no row's list of addresses is an object
	rows      []map[string]any
}

// objectsOf reads a page. It cannot be compared where a name is said twice: maps keep the
// last, and for the decoders both count.
func objectsOf(data []byte, array string, most int) (page referencePage, canCompare bool) {
	if !json.Valid(data) {
		return referencePage{}, true
	}
	if namesTwice(data) {
		return referencePage{}, false
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return referencePage{}, false
	}
	object, ok := value.(map[string]any)
	if !ok {
		return referencePage{}, true
	}
	rows, present := object[array]
	elements, isList := listOf(rows)
	page = referencePage{shape: true, list: present && isList && len(elements) <= most, addresses: true}
	for _, element := range elements {
		row, _ := element.(map[string]any)
		page.rows = append(page.rows, row)
	}
	return page, true
}

func namesTwice(data []byte) bool {
	tokens := jsontext.NewDecoder(bytes.NewReader(data), jsontext.AllowInvalidUTF8(true))
	return tokens.SkipValue() != nil
}

// listOf is a list; ok is false for what is neither one nor nothing.
func listOf(value any) (list []any, ok bool) {
	switch value := value.(type) {
	case []any:
		return value, true
	case map[string]any:
		return nil, len(value) == 0
	}
	return nil, isNothing(value)
}

// objectOf is an object; ok is false for what is neither one nor nothing.
func objectOf(value any) (object map[string]any, ok bool) {
	switch value := value.(type) {
	case map[string]any:
		return value, true
	case []any:
		return nil, len(value) == 0
	}
	return nil, isNothing(value)
}

func isNothing(value any) bool {
	text, isText := value.(string)
	return value == nil || isText && saysUnknown(strings.TrimSpace(text))
}

// textOf is a text, or a number as it is written.
func textOf(value any) string {
	text, _ := scalarOf(value)
	return text
}

func scalarOf(value any) (text string, ok bool) {
	switch value := value.(type) {
	case nil:
		return "", true
	case string:
		return value, true
	case json.Number:
		return value.String(), true
	}
	return "", false
}
