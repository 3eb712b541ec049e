package api

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"callweave/internal/measure"
	"callweave/internal/provider"
	"callweave/internal/store/db"
)

// exported is what a line of an export says beside the measurements. What is unknown is "".
type exported struct {
	Start          string    `json:"start"` // RFC 3339, UTC
	End            string    `json:"end"`
	App            string    `json:"app"`
	MeetingID      string    `json:"meeting_id"`
	LegID          int64     `json:"leg_id"` // one join of one participant
	SiteID         uuid.UUID `json:"site_id"`
	MAC            string    `json:"mac,omitempty"`
	APMAC          string    `json:"ap_mac,omitempty"`
	Band           string    `json:"band,omitempty"`
	Bad            *bool     `json:"bad,omitempty"` // absent: nothing was measured
	Bucket         string    `json:"bucket,omitempty"`
	WorstMetric    string    `json:"worst_metric,omitempty"`
	WorstDirection string    `json:"worst_direction,omitempty"`
	Name           string    `json:"name,omitempty"` // the last three only for who asked and may
	Email          string    `json:"email,omitempty"`
	Hostname       string    `json:"hostname,omitempty"`
}

func newExported(row *db.ExportMinutesRow, person provider.Person) exported {
	m := &row.CallMinute
	line := exported{
		Start: m.StartAt.UTC().Format(time.RFC3339), End: m.EndAt.UTC().Format(time.RFC3339), App: m.Provider, MeetingID: meetingIDShown(m.MeetingID),
		LegID: m.LegID, SiteID: m.SiteID, MAC: macShown(m.ClientMac), APMAC: macShown(m.ApMac), Band: m.Band,
		Bad: m.Bad, Bucket: m.Bucket, WorstMetric: m.WorstMetric, WorstDirection: m.WorstDirection,
		Name: person.Name.Reveal(), Email: person.Email.Reveal(), Hostname: person.Hostname.Reveal(),
	}
	if row.MeetingUuid != nil {
		line.MeetingID = row.MeetingUuid.String()
	}
	return line
}

// ndjson writes one object a line; measurements that are unknown are left out.
type ndjson struct {
	out     *bufio.Writer
	columns []column
}

func newNDJSON(w http.ResponseWriter, columns []column) exportWriter {
	return &ndjson{out: bufio.NewWriter(w), columns: columns}
}

func (n *ndjson) Row(row *db.ExportMinutesRow, person provider.Person) error {
	text, err := json.Marshal(newExported(row, person))
	if err != nil {
		return fmt.Errorf("encode a call minute: %w", err)
	}
	text = text[:len(text)-1] // its closing brace
	minute := reflect.ValueOf(&row.CallMinute).Elem()
	for _, c := range n.columns {
		if value := c.of(minute); value.Known() {
			text = append(append(append(text, `,"`...), c.name...), `":`...)
			text = appendNumber(text, value)
		}
	}
	_, err = n.out.Write(append(text, "}\n"...))
	return err
}

func (n *ndjson) Flush() error {
	return n.out.Flush() //nolint:wrapcheck // the one caller says what it was about
}

func appendNumber(text []byte, value measure.Value) []byte {
	number, _ := value.Get()
	return strconv.AppendFloat(text, number, 'g', -1, 32)
}

// csvFile writes RFC 4180, with a header; what is unknown is empty.
type csvFile struct {
	out     *csv.Writer
	columns []column
	cells   []string
	err     error // of the header
}

func newCSV(w http.ResponseWriter, columns []column) exportWriter {
	file := &csvFile{out: csv.NewWriter(w), columns: columns}
	file.out.UseCRLF = true
	header := []string{
		"start", "end", "app", "meeting_id", "leg_id", "site_id", "mac", "ap_mac", "band", "bad", "bucket", "worst_metric", "worst_direction",
		"name", "email", "hostname",
	}
	for _, c := range columns {
		header = append(header, c.name)
	}
	file.err = file.out.Write(header)
	return file
}

func (f *csvFile) Row(row *db.ExportMinutesRow, person provider.Person) error {
	if f.err != nil {
		return f.err
	}
	line := newExported(row, person)
	bad := ""
	if line.Bad != nil {
		bad = strconv.FormatBool(*line.Bad)
	}
	f.cells = append(f.cells[:0], line.Start, line.End, line.App, inert(line.MeetingID), strconv.FormatInt(line.LegID, 10), line.SiteID.String(),
		line.MAC, line.APMAC, line.Band, bad, line.Bucket, line.WorstMetric, line.WorstDirection, inert(line.Name), inert(line.Email), inert(line.Hostname))
	minute := reflect.ValueOf(&row.CallMinute).Elem()
	var number []byte
	for _, c := range f.columns {
		number = number[:0]
		if value := c.of(minute); value.Known() {
			number = appendNumber(number, value)
		}
		f.cells = append(f.cells, string(number))
	}
	return f.out.Write(f.cells)
}

func (f *csvFile) Flush() error {
	f.out.Flush()
	return f.out.Error() //nolint:wrapcheck // the one caller says what it was about
}

// inert keeps a spreadsheet from taking a text for a formula: names and hostnames are what
// strangers call themselves (OWASP, "CSV Injection"). Measurements are numbers, and stay so.
func inert(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(text)[0]) {
		return "'" + text
	}
	return text
}
