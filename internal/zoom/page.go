package zoom

import "github.com/go-json-experiment/json/jsontext"

// maxRows bounds a page: Zoom keeps to the size it is asked for, and twice that is no
// page of Zoom's.
func maxRows(pageSize int) int { return 2 * pageSize }

// readPage reads one page as it arrives, by a reader that has read nothing of it: row reads
// every element of the array, other fields are skipped. next is the token of the next page, ""
// at the end.
func readPage[T any](r *reader, array string, most int, row func(*reader) T) (rows []T, next string, err error) {
	if r.peek() != jsontext.KindBeginObject {
		r.fail("an object")
	}
	found := false
	for name := range r.fields {
		switch string(name) {
		case array:
			found = true
			rows = append(rows, readRows(r, most, row)...)
		case "next_page_token":
			next = r.string()
		}
	}
	if err := r.end(); err != nil {
		return nil, "", err
	}
	if !found {
		return nil, "", &valueError{want: "a list: it has no " + array}
	}
	return rows, next, nil
}

// readRows reads an array. An element that is no object is a row that says nothing: what
// that means is for those to judge who know what a row must say.
func readRows[T any](r *reader, most int, row func(*reader) T) []T {
	var rows []T
	for range r.elements {
		if len(rows) == most {
			r.fail("a page of the size asked for")
			return nil
		}
		if r.peek() != jsontext.KindBeginObject {
			rows = append(rows, *new(T))
			continue
		}
		rows = append(rows, row(r))
	}
	return rows
}
