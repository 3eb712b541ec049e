package console

import (
	"embed"
	"fmt"
	"html/template"
	"net/url"
	"time"

	"callweave/internal/provider"
)

//go:embed pages/*.html
var pageFiles embed.FS

func parse() (map[string]*template.Template, error) {
	templates := map[string]*template.Template{}
	for _, page := range []string{
		"signin", "links", "link", "unlink", "leaving", "linked", "receipts", "receipt", "calls", "call", "sites", "site", "incidents", "incident", "message",
	} {
		parsed, err := template.New("").Funcs(functions()).ParseFS(pageFiles, "pages/frame.html", "pages/parts.html", "pages/"+page+".html")
		if err != nil {
			return nil, fmt.Errorf("read page %s: %w", page, err)
		}
		templates[page] = parsed
	}
	return templates, nil
}

// functions are what pages may use beside their data.
func functions() template.FuncMap {
	return template.FuncMap{
		"when": func(t time.Time) moment { return moment{t, "2 Jan 2006, 15:04", "datetime", true} },
		"day":  func(t time.Time) moment { return moment{t, "2 Jan 2006", "date", false} },
		"hour": func(t time.Time) moment { return moment{t, "15:04", "time", false} },
		// span is when something was, with its zone: it may be pasted elsewhere.
		"whenZone": func(t time.Time) moment { return moment{t, "2 Jan 2006, 15:04", "datetime-zone", true} },
		"hourZone": func(t time.Time) moment { return moment{t, "15:04", "time-zone", true} },

		"percent":      percent,
		"count":        func(n any) string { return count(toInt(n)) },
		"plural":       func(n any, one string) string { return plural(int(toInt(n)), one) },
		"providerName": providerName,
		"providerText": func(name string) string { return providerName(provider.Name(name)) },
		"segment":      url.PathEscape,
		"share":        share,
		"buckets":      buckets,
		"bucketName":   bucketName,
		"bucketMark":   bucketMark,
		"iso":          func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"utc":          func(t time.Time, layout string) string { return t.UTC().Format(layout) },
		"incidentsOf":  func(list incidentList, withSite bool) incidentTable { return incidentTable{list, withSite} },
		"callsOf":      func(calls []call, empty string) callList { return callList{calls, empty} },
	}
}

// moment is a time as pages show it: in UTC, until the script knows the viewer's zone.
type moment struct {
	time.Time
	layout string
	Format string
	Named  bool // with its zone
}

// ISO is the time for programs.
func (m moment) ISO() string { return m.UTC().Format(time.RFC3339) }

// Text is the time for people.
func (m moment) Text() string { return m.UTC().Format(m.layout) }

type incidentTable struct {
	incidentList

	WithSite bool // in a column
}

type callList struct {
	Calls []call
	Empty string
}

func toInt(n any) int64 {
	switch n := n.(type) {
	case int:
		return int64(n)
	case int32:
		return int64(n)
	case int64:
		return n
	}
	return 0
}

// share is a part of a whole in units of a bar of 100.
func share(part, whole any) string {
	if toInt(whole) == 0 {
		return "0"
	}
	return unit(100 * float64(toInt(part)) / float64(toInt(whole)))
}
