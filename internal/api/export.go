package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/google/uuid"

	"callweave/internal/access"
	"callweave/internal/provider"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/utcday"
	"callweave/internal/vault"
)

const (
	// exportPage is how many minutes an export holds at once. Each page is a short statement,
	// so that a slow reader keeps neither a connection nor a snapshot of the database.
	exportPage = 2000
	// exportPatience is how long a reader may take for a page.
	exportPatience = 60 * time.Second
)

// export is all that was asked for.
type export struct {
	db.ExportMinutesParams
	from, to time.Time
	names    bool
	begin    func(http.ResponseWriter, []column) exportWriter
	media    string // the content type
	suffix   string // of the file
}

// exportWriter writes call minutes in one format.
type exportWriter interface {
	Row(row *db.ExportMinutesRow, person provider.Person) error
	// Flush hands on what was written.
	Flush() error
}

// exportCalls streams all call minutes of an interval, day by day and within a day by leg.
// An answer that cannot be finished is broken off, so that nobody takes it for the whole.
func (s *Server) exportCalls(w http.ResponseWriter, r *http.Request, who access.Identity) error {
	e, err := readExport(r, who)
	if err != nil {
		return err
	}
	if e.SiteID != nil {
		if err := s.ownSite(r.Context(), who.OrgID, e.SiteID.String()); err != nil {
			return err
		}
	}
	people := &opener{vault: s.vault, org: who.OrgID, keys: map[provider.AccountRef]*vault.Key{}}
	if e.names && s.vault == nil {
		return errors.New("export calls: there is no vault to open names with")
	}
	// Before the first row: what leaves is noted, whether it arrives or not.
	err = s.store.Audit(r.Context(), store.Entry{
		OrgID: &who.OrgID, Actor: who.TokenID.String(), Action: "calls exported",
		Detail: map[string]any{"from": e.from.UTC(), "to": e.to.UTC(), "site_id": e.SiteID, "format": e.suffix, "bad": e.OnlyBad, "names": e.names},
	})
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", e.media)
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="calls-%s-%s.%s"`, e.from.UTC().Format("20060102T1504"), e.to.UTC().Format("20060102T1504"), e.suffix))
	if err := s.stream(r.Context(), w, e, people); err != nil {
		if r.Context().Err() == nil {
			s.logger.ErrorContext(r.Context(), "export was broken off", "request_id", requestID(r.Context()), "error", err)
		}
		panic(http.ErrAbortHandler)
	}
	return nil
}

func readExport(r *http.Request, who access.Identity) (e export, err error) {
	query := r.URL.Query()
	if err := onlyFilters(query, "site_id", "bad"); err != nil {
		return e, err
	}
	e.OrgID, e.MaxRows = who.OrgID, exportPage
	switch query.Get("format") {
	case "", "ndjson":
		e.begin, e.media, e.suffix = newNDJSON, "application/x-ndjson", "ndjson"
	case "csv":
		e.begin, e.media, e.suffix = newCSV, "text/csv; charset=utf-8; header=present", "csv"
	default:
		return e, badRequest("format: want csv or ndjson")
	}
	if e.from, e.to, err = window(query, time.Now()); err != nil {
		return e, err
	}
	if e.SiteID, err = siteFilter(query); err != nil {
		return e, err
	}
	if e.OnlyBad, err = boolFilter(query, "bad"); err != nil {
		return e, err
	}
	if e.names, err = boolFilter(query, "names"); err != nil {
		return e, err
	}
	if e.names && !who.Role.May(access.ReadPeople) {
		return e, forbidden()
	}
	return e, nil
}

// stream writes page after page. The partitions are of UTC days, and within one the key is
// the order: no page costs more than the one before it.
func (s *Server) stream(ctx context.Context, w http.ResponseWriter, e export, people *opener) error {
	out, control := e.begin(w, s.columns), http.NewResponseController(w)
	for from := e.from; from.Before(e.to); {
		to := utcday.Next(from)
		if to.After(e.to) {
			to = e.to
		}
		page := e.ExportMinutesParams
		page.FromAt, page.ToAt, page.AfterLeg, page.AfterAt = from, to, math.MinInt64, from
		for {
			rows, err := s.store.ExportMinutes(ctx, page)
			if err != nil {
				return err
			}
			if err := control.SetWriteDeadline(time.Now().Add(exportPatience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
				return fmt.Errorf("write export: %w", err)
			}
			if err := writeRows(ctx, out, rows, e.names, people); err != nil {
				return err
			}
			if err := control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
				return fmt.Errorf("write export: %w", err)
			}
			if len(rows) < exportPage {
				break
			}
			last := &rows[len(rows)-1].CallMinute
			page.AfterLeg, page.AfterAt = last.LegID, last.StartAt
		}
		from = to
	}
	return nil
}

func writeRows(ctx context.Context, out exportWriter, rows []db.ExportMinutesRow, names bool, people *opener) error {
	for i := range rows {
		var person provider.Person
		if names {
			var err error
			if person, err = people.open(ctx, &rows[i]); err != nil {
				return err
			}
		}
		if err := out.Row(&rows[i], person); err != nil {
			return fmt.Errorf("write export: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write export: %w", err)
	}
	return nil
}

// opener opens who was in calls. The minutes of a leg follow each other: it opens each once.
type opener struct {
	vault  *vault.Vault
	org    uuid.UUID
	keys   map[provider.AccountRef]*vault.Key
	leg    int64
	person provider.Person
}

// open returns nobody where the key was destroyed since: then the rows are going, too.
func (o *opener) open(ctx context.Context, row *db.ExportMinutesRow) (provider.Person, error) {
	if row.CallMinute.LegID == o.leg {
		return o.person, nil
	}
	o.leg, o.person = row.CallMinute.LegID, provider.Person{}
	ref := provider.AccountRef{Provider: provider.Name(row.CallMinute.Provider), AccountID: row.CallMinute.AccountID}
	key, known := o.keys[ref]
	if !known {
		var err error
		if key, err = o.vault.Key(ctx, vault.LinkScope(ref, o.org)); err != nil && !errors.Is(err, vault.ErrDestroyed) {
			return o.person, err
		}
		o.keys[ref] = key
	}
	if key == nil || len(row.PersonSealed) == 0 {
		return o.person, nil
	}
	var err error
	o.person, err = key.OpenPerson("person_sealed", row.PersonSealed)
	return o.person, err
}
