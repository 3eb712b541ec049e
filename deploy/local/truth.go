package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/google/uuid"

	"callweave/internal/world"
	"callweave/internal/world/zoomwindow"
)

// settleAfter is the worker's default: before it, a meeting's data may be partial.
const settleAfter = 30 * time.Minute

// meetingRow is one harvested meeting.
type meetingRow struct {
	id      string
	state   string
	seenAt  time.Time
	legs    int
	samples int
}

// measure compares what is stored with what is true: the account's side, then the org's.
func (r *report) measure(ctx context.Context, m *machine, org *world.Org) (string, error) {
	var settled map[[16]byte]*world.Meeting
	err := m.betweenRequests(ctx, r.account.ID, func() error {
		rows, err := m.meetingRows(ctx)
		if err != nil {
			return err
		}
		if settled, err = r.settledMeetings(m, rows); err != nil {
			return err
		}
		return r.measureHarvest(ctx, m, rows, settled)
	})
	if err != nil {
		return "", err
	}
	seen, err := r.measureOrg(ctx, m, org, settled)
	if err != nil {
		return "", err
	}
	r.orgs = append(r.orgs, seen)
	return fmt.Sprintf("%d of %d bad minutes", seen.bad.got, seen.bad.truth), nil
}

// betweenRequests reads while nothing is asked of Zoom for an account, and reads again
// where something was: its schedule goes on all the while, and what a pass in the middle
// has spent is in no ledger yet.
func (m *machine) betweenRequests(ctx context.Context, account string, read func() error) error {
	return await(ctx, 200*time.Millisecond, func() (bool, error) {
		before := m.clouds.zoom.Metered(account)
		var harvesting bool
		err := m.db.QueryRow(ctx, "select exists (select from harvest_claims where account_id = $1)", account).Scan(&harvesting)
		if err != nil {
			return false, fmt.Errorf("read claims: %w", err)
		}
		if harvesting {
			return false, nil
		}
		if err := read(); err != nil {
			return false, err
		}
		return m.clouds.zoom.Metered(account) == before, nil
	})
}

// settledMeetings are the world's meetings of the rows whose data is complete.
func (r *report) settledMeetings(m *machine, rows []meetingRow) (map[[16]byte]*world.Meeting, error) {
	if len(rows) == 0 {
		return nil, errNothing
	}
	settled := map[[16]byte]*world.Meeting{}
	for _, row := range rows {
		raw, err := base64.StdEncoding.DecodeString(row.id)
		if err != nil || len(raw) != 16 {
			return nil, fmt.Errorf("meeting id %q is not 16 bytes in base64", row.id)
		}
		meeting, known := m.clouds.world.MeetingByUUID(r.account, [16]byte(raw))
		if !known {
			return nil, fmt.Errorf("the world knows no meeting %s", row.id)
		}
		if row.state == "settled" {
			settled[meeting.UUID] = meeting
		}
	}
	return settled, nil
}

func (m *machine) meetingRows(ctx context.Context) ([]meetingRow, error) {
	found, err := m.db.Query(ctx, `
select m.meeting_id, m.state, m.seen_at,
       (select count(*) from legs l where (l.provider, l.account_id, l.meeting_id) = (m.provider, m.account_id, m.meeting_id)),
       (select count(*) from legs l join media_samples s using (leg_id) where (l.provider, l.account_id, l.meeting_id) = (m.provider, m.account_id, m.meeting_id))
from meetings m`)
	if err != nil {
		return nil, fmt.Errorf("read meetings: %w", err)
	}
	defer found.Close()
	var rows []meetingRow
	for found.Next() {
		var row meetingRow
		if err := found.Scan(&row.id, &row.state, &row.seenAt, &row.legs, &row.samples); err != nil {
			return nil, fmt.Errorf("read meetings: %w", err)
		}
		rows = append(rows, row)
	}
	return rows, found.Err()
}

// measureHarvest compares the account's data, and the requests it took.
func (r *report) measureHarvest(ctx context.Context, m *machine, rows []meetingRow, settled map[[16]byte]*world.Meeting) error {
	r.harvest = harvested{}
	h := &r.harvest
	err := m.db.QueryRow(ctx, "select min(from_at), max(to_at) from windows where account_id = $1", r.account.ID).Scan(&h.from, &h.to)
	if err != nil {
		return fmt.Errorf("read windows: %w", err)
	}
	// Zoom lists a meeting a minute after its end.
	for _, meeting := range m.clouds.world.MeetingsStarting(r.account, h.from, h.to) {
		if meeting.EndAt.Add(time.Minute).Before(h.to) {
			h.meetings.truth++
		}
	}
	for _, row := range rows {
		h.meetings.got++
		if row.state != "settled" {
			h.unsettled++
			continue
		}
		h.legs.got += row.legs
		h.samples.got += row.samples
	}
	for _, meeting := range settled {
		h.legs.truth += len(meeting.Legs)
		for _, leg := range meeting.Legs {
			for _, minute := range m.clouds.world.Minutes(leg) {
				if minute.HasMedia() {
					h.samples.truth++
				}
			}
		}
	}
	h.requests.got = m.clouds.zoom.Metered(r.account.ID)
	h.requests.truth, err = r.fewestRequests(ctx, m, rows)
	return err
}

// fewestRequests is what the windows that were listed and the reads that were necessary
// cost at least: a meeting first seen before its data had settled needs two.
func (r *report) fewestRequests(ctx context.Context, m *machine, rows []meetingRow) (int, error) {
	found, err := m.db.Query(ctx, "select from_at, to_at from windows where state = 'listed'")
	if err != nil {
		return 0, fmt.Errorf("read windows: %w", err)
	}
	defer found.Close()
	var lists []zoomwindow.List
	for found.Next() {
		var from, to time.Time
		if err := found.Scan(&from, &to); err != nil {
			return 0, fmt.Errorf("read windows: %w", err)
		}
		lists = append(lists, zoomwindow.List{Type: "past", From: from, Before: to}, zoomwindow.List{Type: "pastOne", From: from, Before: to})
	}
	if err := found.Err(); err != nil {
		return 0, fmt.Errorf("read windows: %w", err)
	}
	fewest := m.clouds.zoom.MinimumRequests(r.account, lists, 0)
	for _, row := range rows {
		raw, err := base64.StdEncoding.DecodeString(row.id)
		if err != nil {
			return 0, fmt.Errorf("meeting id: %w", err)
		}
		meeting, _ := m.clouds.world.MeetingByUUID(r.account, [16]byte(raw))
		reads := 1
		if row.state == "settled" && row.seenAt.Before(meeting.EndAt.Add(settleAfter)) {
			reads = 2
		}
		fewest += reads * zoomwindow.MeetingCost(meeting)
	}
	return fewest, nil
}

// measureOrg compares one org's call minutes.
func (r *report) measureOrg(ctx context.Context, m *machine, org *world.Org, settled map[[16]byte]*world.Meeting) (orgSeen, error) {
	seen := orgSeen{org: org, requests: r.harvest.requests}
	var ids []string
	for key, meeting := range settled {
		ids = append(ids, base64.StdEncoding.EncodeToString(key[:]))
		for _, leg := range meeting.Legs {
			if leg.Site == nil || leg.Site.Org.ID != org.ID {
				continue
			}
			if !recognisable(leg) {
				seen.hidden++
				continue
			}
			seen.legs.truth++
			for _, minute := range m.clouds.world.Minutes(leg) {
				if minute.HasMedia() {
					seen.minutes.truth++
				}
				if minute.Bad(world.DefaultThresholds) {
					seen.bad.truth++
				}
			}
		}
	}
	r.settled = ids
	err := m.db.QueryRow(ctx, "select count(*) from matches where org_id = $1 and meeting_id = any($2)", org.ID, ids).Scan(&seen.legs.got)
	if err != nil {
		return seen, fmt.Errorf("count matches: %w", err)
	}
	err = m.db.QueryRow(ctx, "select count(*), count(*) filter (where bad) from call_minutes where org_id = $1 and meeting_id = any($2)", org.ID, ids).
		Scan(&seen.minutes.got, &seen.bad.got)
	if err != nil {
		return seen, fmt.Errorf("count call minutes: %w", err)
	}
	// The API cannot leave out the meetings that have not settled; count theirs beside it.
	var unsettledBad int
	err = m.db.QueryRow(ctx, "select count(*) from call_minutes where org_id = $1 and bad and not meeting_id = any($2)", org.ID, ids).Scan(&unsettledBad)
	if err != nil {
		return seen, fmt.Errorf("count call minutes: %w", err)
	}
	for _, site := range org.Sites {
		answer, err := m.summary(ctx, site, r.harvest.from.Add(-24*time.Hour), time.Now())
		if err != nil {
			return seen, err
		}
		seen.apiBad += int(answer.BadMinutes)
	}
	seen.apiBad -= unsettledBad
	if seen.worst, err = m.worstMinutes(ctx, org.ID); err != nil {
		return seen, err
	}
	seen.judged, seen.explained, err = m.measureExplained(ctx, org, settled)
	return seen, err
}

// recognisable reports whether a leg shows what the network knows its client by: the
// hardware address it sees, the address it gave, or the client's name. Private Wi-Fi
// addresses, phones and blanks hide the first, a tunnel the second; a name that laptops
// come with tells none from the others.
func recognisable(leg *world.Leg) bool {
	return leg.MAC == leg.Client.MAC || (!leg.VPN && leg.PublicIP == leg.Site.PublicIP) || !world.Unnamed(leg.Hostname)
}

// worstMinutes are the bad minutes farthest beyond their threshold.
func (m *machine) worstMinutes(ctx context.Context, org uuid.UUID) ([]badMinute, error) {
	found, err := m.db.Query(ctx, `
with bad as (
    select c.*, (to_jsonb(c) ->> (worst_direction || '_' || case worst_metric when 'loss' then 'loss_ratio' else worst_metric || '_ms' end))::real as measured
    from call_minutes c where org_id = $1 and bad)
select start_at, s.name, client_mac::text, coalesce('AP ' || ap_mac::text, 'wired'), worst_direction, worst_metric,
       case worst_metric when 'loss' then round((measured * 100)::numeric, 2) || ' %' else measured::int || ' ms' end
from bad join sites s using (org_id, site_id) join orgs o using (org_id)
order by measured / case worst_metric when 'loss' then o.loss_bad_ratio when 'jitter' then o.jitter_bad_ms else o.latency_bad_ms end desc, start_at
limit 5`, org)
	if err != nil {
		return nil, fmt.Errorf("read bad minutes: %w", err)
	}
	defer found.Close()
	var worst []badMinute
	for found.Next() {
		var b badMinute
		if err := found.Scan(&b.at, &b.site, &b.client, &b.ap, &b.direction, &b.metric, &b.measured); err != nil {
			return nil, fmt.Errorf("read bad minutes: %w", err)
		}
		worst = append(worst, b)
	}
	return worst, found.Err()
}
