package api

import (
	"net/http"
	"reflect"
	"strings"
	"unicode"

	"callweave/internal/access"
	"callweave/internal/insight"
	"callweave/internal/measure"
	"callweave/internal/store/db"
)

// column is a measurement of a call minute, under the name of its column, which carries the unit.
type column struct {
	name  string
	media bool // of the call; else of the device and its network
	field int
}

// measurements finds the columns of a call minute that hold measurements, in their order, so
// that whoever adds one need not tell the API.
func measurements() []column {
	var columns []column
	minute := reflect.TypeFor[db.CallMinute]()
	for i := range minute.NumField() {
		field := minute.Field(i)
		name := columnName(field.Name)
		of, _, _ := strings.Cut(name, "_")
		switch of {
		case "audio", "video", "client", "radio", "ap", "wan", "site":
			if field.Type == reflect.TypeFor[measure.Value]() {
				columns = append(columns, column{name: name, field: i, media: of == "audio" || of == "video"})
			}
		}
	}
	return columns
}

// columnName undoes what sqlc does to a column's name.
func columnName(field string) string {
	var name strings.Builder
	for i, letter := range field {
		if unicode.IsUpper(letter) && i > 0 {
			name.WriteByte('_')
		}
		name.WriteRune(unicode.ToLower(letter))
	}
	return name.String()
}

// of returns the measurement of a minute.
func (c column) of(minute reflect.Value) measure.Value {
	value, _ := reflect.TypeAssert[measure.Value](minute.Field(c.field))
	return value
}

// timeline shows a client minute by minute: what the call measured, what the network knew,
// how the minute was judged, and what made it so. meeting_id narrows to one meeting.
func (s *Server) timeline(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	mac, err := pathMAC(r)
	if err != nil {
		return err
	}
	if err := onlyFilters(r.URL.Query(), "meeting_id", "app"); err != nil {
		return err
	}
	most := maxLimit // a call fits
	if r.URL.Query().Get("limit") != "" {
		if most, err = limit(r.URL.Query()); err != nil {
			return err
		}
	}
	page, err := s.minutes(r, who, db.CallMinutesParams{ClientMac: mac.Hardware()}, most)
	if err != nil {
		return err
	}
	if page.meeting != nil && page.total == 0 {
		return notFound(page.meeting.String())
	}
	explanations, err := s.explained(r.Context(), who.OrgID, page.rows)
	if err != nil {
		return err
	}
	s.writeMinutes(w, r, page, mac.String(), func(j *jsonText, i int) {
		s.appendMoment(j, &page.rows[i], explanations[i])
	})
	return nil
}

// appendMoment writes an item with all that was measured. What is unknown is absent.
func (s *Server) appendMoment(j *jsonText, row *db.CallMinute, explanation *insight.Explanation) {
	appendItem(j, row, explanation)
	j.int("end", row.EndAt.Unix())
	j.known("band", row.Band)
	if row.Bad != nil {
		j.bool("bad", *row.Bad)
	}
	minute := reflect.ValueOf(row).Elem()
	for _, part := range [...]struct {
		name  string
		media bool
	}{{"media", true}, {"device", false}} {
		j.key(part.name)
		j.open('{')
		for _, c := range s.columns {
			if value := c.of(minute); c.media == part.media && value.Known() {
				j.key(c.name)
				j.text = appendNumber(j.text, value)
			}
		}
		j.close('}')
	}
}
