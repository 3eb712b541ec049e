package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"callweave/internal/correlate"
	"callweave/internal/explain"
	"callweave/internal/explainbench"
	"callweave/internal/macaddr"
	"callweave/internal/world"
)

// explainedMinute is what Callweave says of a bad minute, beside what made it bad in truth.
type explainedMinute struct {
	at                 time.Time
	site, siteID       string
	meeting, mac       string
	direction, metric  string
	beyond             float64 // the measured value in units of its threshold
	bucket             string
	unit               string // of the amounts below: ms, or units of the threshold
	observed, expected float64
	top                string  // the feature that adds most
	adds, without      float64 // what it adds, and what would have been without
	answer             explainbench.Answer
}

// judged counts buckets of bad minutes with a known cause.
type judged struct{ right, unknown, all int }

// measureExplained compares the buckets of an org's bad minutes with their true causes, and
// asks the API to explain the worst minute of each of three causes.
func (m *machine) measureExplained(ctx context.Context, org *world.Org, settled map[[16]byte]*world.Meeting) (tally judged, shown []explainedMinute, err error) {
	causes := causesOf(m.clouds.world, settled)
	ids := make([]string, 0, len(settled))
	for key := range settled {
		ids = append(ids, base64.StdEncoding.EncodeToString(key[:]))
	}
	rows, err := m.db.Query(ctx, badMinutes, org.ID, ids)
	if err != nil {
		return tally, nil, fmt.Errorf("read bad minutes: %w", err)
	}
	defer rows.Close()
	answers := map[world.Cause]explainbench.Answer{}
	for _, answer := range explainbench.Answers() {
		answers[answer.Cause] = answer
	}
	worst := map[world.Cause]explainedMinute{}
	for rows.Next() {
		var e explainedMinute
		var site uuid.UUID
		if err := rows.Scan(&e.at, &e.site, &site, &e.meeting, &e.mac, &e.direction, &e.metric, &e.bucket, &e.beyond); err != nil {
			return tally, nil, fmt.Errorf("read bad minutes: %w", err)
		}
		e.siteID = site.String()
		mac, err := macaddr.Parse(e.mac)
		if err != nil {
			return tally, nil, fmt.Errorf("read bad minutes: %w", err)
		}
		answer, known := answers[causes[moment{e.meeting, mac, e.at.Unix()}]]
		if !known {
			continue // noise, which no fault of the world explains
		}
		e.answer = answer
		tally.all++
		switch e.bucket {
		case string(answer.Bucket):
			tally.right++
		case string(correlate.BucketUnknown):
			tally.unknown++
		}
		if e.beyond > worst[answer.Cause].beyond {
			worst[answer.Cause] = e
		}
	}
	if err := rows.Err(); err != nil {
		return tally, nil, fmt.Errorf("read bad minutes: %w", err)
	}
	shown = slices.SortedFunc(maps.Values(worst), func(a, b explainedMinute) int { return cmp.Compare(b.beyond, a.beyond) })
	shown = shown[:min(3, len(shown))]
	for i := range shown {
		if err := m.explain(ctx, org, &shown[i]); err != nil {
			return tally, nil, err
		}
	}
	return tally, shown, nil
}

const badMinutes = `
with bad as (
    select c.*, (to_jsonb(c) ->> (worst_direction || '_' || case worst_metric when 'loss' then 'loss_ratio' else worst_metric || '_ms' end))::real as measured
    from call_minutes c where org_id = $1 and bad and meeting_id = any($2) and client_mac is not null)
select start_at, s.name, s.site_id, meeting_id, client_mac::text, worst_direction, worst_metric, bucket,
    measured / case worst_metric when 'loss' then o.loss_bad_ratio when 'jitter' then o.jitter_bad_ms else o.latency_bad_ms end
from bad join sites s using (org_id, site_id) join orgs o using (org_id)
order by start_at, leg_id`

// moment is a minute of one client in one meeting.
type moment struct {
	meeting string
	client  macaddr.Addr
	at      int64
}

func causesOf(w *world.World, settled map[[16]byte]*world.Meeting) map[moment]world.Cause {
	causes := map[moment]world.Cause{}
	for key, meeting := range settled {
		id := base64.StdEncoding.EncodeToString(key[:])
		for _, leg := range meeting.Legs {
			if leg.Client == nil {
				continue
			}
			for _, minute := range w.Minutes(leg) {
				causes[moment{id, leg.Client.MAC, minute.StartAt.Unix()}] = minute.Cause
			}
		}
	}
	return causes
}

// explain asks the API what it says of a minute, as a helpdesk person does.
func (m *machine) explain(ctx context.Context, org *world.Org, e *explainedMinute) error {
	mac, err := macaddr.Parse(e.mac)
	if err != nil {
		return err
	}
	path := fmt.Sprintf("/api/v1/sites/%s/stats/calls/client/%s/troubleshoot?meeting_id=%s&limit=1000", e.siteID, mac, url.QueryEscape(e.meeting))
	var answer struct {
		Results []struct {
			Timestamp   int64 `json:"timestamp"`
			Explanation struct {
				Unit           string             `json:"unit"`
				Observed       float64            `json:"observed"`
				Expected       float64            `json:"expected"`
				Contributions  map[string]float64 `json:"contributions"`
				Counterfactual struct {
					Value float64 `json:"value"`
				} `json:"counterfactual"`
			} `json:"explanation"`
		} `json:"results"`
	}
	if err := m.call(ctx, http.MethodGet, org, path, &answer); err != nil {
		return err
	}
	for _, result := range answer.Results {
		if result.Timestamp != e.at.Unix() {
			continue
		}
		x := result.Explanation
		e.unit, e.observed, e.expected, e.without = x.Unit, x.Observed, x.Expected, x.Counterfactual.Value
		for name, adds := range x.Contributions {
			if adds > e.adds || adds == e.adds && name < e.top {
				e.top, e.adds = name, adds
			}
		}
		return nil
	}
	return fmt.Errorf("%s: the minute of %s is not explained", path, e.at)
}

// printExplained shows the three minutes. Nearly all were before the demonstration began: what
// the network still knows of them is coarse, and no model is the org's own yet.
func (r *report) printExplained(out io.Writer) {
	for _, o := range r.orgs {
		if o.judged.all == 0 {
			continue
		}
		fmt.Fprintf(out, "\nWhy were they bad at %s? Of %d bad minutes that a fault of the world caused, %d are in the right bucket, %d in none.\n",
			o.org.Name, o.judged.all, o.judged.right, o.judged.unknown)
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "  when\twhere\twhat\tcallweave says\tthe world's cause")
		for _, e := range o.explained {
			fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\n", e.at.Format("15:04 MST"), e.site, e.what(), e.says(), e.truth())
		}
		_ = table.Flush()
		fmt.Fprintln(out, "  Of what was before the demonstration began the network knows means of ten minutes and more only, and the model is the factory's: docs/explain.md says how right it is with minutes, and with days of them.")
	}
}

func (e *explainedMinute) what() string {
	return fmt.Sprintf("%s %s %s, %s expected", e.direction, e.metric, e.amount(e.observed), e.amount(e.expected))
}

// amount is in the metric's unit: of jitter and loss the model knows how many limits they are.
func (e *explainedMinute) amount(v float64) string {
	if e.unit == "ms" {
		return fmt.Sprintf("%.0f ms", v)
	}
	return fmt.Sprintf("%.1f × limit", v)
}

func (e *explainedMinute) says() string {
	if e.top == "" || e.bucket == string(explain.FarEnd) || e.bucket == string(correlate.BucketUnknown) {
		return e.bucket
	}
	return fmt.Sprintf("%s: %s +%s, without it %s", e.bucket, e.top, e.amount(e.adds), e.amount(e.without))
}

func (e *explainedMinute) truth() string {
	mark := "✗"
	if e.bucket == string(e.answer.Bucket) {
		mark = "✓"
	}
	return fmt.Sprintf("%s %s", e.answer.Cause, mark)
}
