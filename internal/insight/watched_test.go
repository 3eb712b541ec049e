package insight_test

import (
	"encoding/base64"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"callweave/internal/collect"
	"callweave/internal/insight"
	"callweave/internal/measure"
	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/internal/store"
	"callweave/internal/store/db"
	"callweave/internal/vault"
	"callweave/internal/weave"
	"callweave/internal/world"
	"callweave/internal/world/mistwindow"
)

// watched is a world whose first org is watched and woven by the product: devices come
// through the Mist window, and only what is harvested is taken from the world itself.
type watched struct {
	*bundle
	world     *world.World
	vault     *vault.Vault
	ref       provider.AccountRef
	collector *collect.Collector
	weaver    *weave.Weaver
	clock     *atomic.Int64
}

func (w *watched) now() time.Time { return time.Unix(w.clock.Load(), 0).UTC() }

func watch(t *testing.T, cfg world.Config, begin time.Time, every, lookback time.Duration) *watched {
	t.Helper()
	made, err := world.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{
		bundle: setup(t), world: made, clock: new(atomic.Int64),
		ref: provider.AccountRef{Provider: provider.Zoom, AccountID: made.Accounts[0].ID},
	}
	w.org = made.Orgs[0].ID
	w.clock.Store(begin.Unix())
	window := mistwindow.New(made, mistwindow.Config{Now: w.now})
	server := httptest.NewServer(window)
	t.Cleanup(server.Close)
	keyset, err := vault.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	master, err := vault.OpenMaster(keyset)
	if err != nil {
		t.Fatal(err)
	}
	w.vault = vault.New(master, w.store)
	token, err := master.SealText(vault.PurposeNetworkToken, secret.New(window.Issue(w.org)))
	if err != nil {
		t.Fatal(err)
	}
	w.exec(t, "insert into accounts (provider, account_id) values ($1, $2)", w.ref.Provider, w.ref.AccountID)
	if err := w.store.PutOrg(t.Context(), db.UpsertOrgParams{OrgID: w.org, Name: "Watched", MistUrl: server.URL, MistTokenSealed: token}); err != nil {
		t.Fatal(err)
	}
	w.exec(t, "insert into links (provider, account_id, org_id, linked_by_sealed) values ($1, $2, $3, '')", w.ref.Provider, w.ref.AccountID, w.org)
	w.collector = collect.New(w.store, w.vault, collect.OpenMist(master, server.Client(), w.now), collect.Config{Now: w.now, Every: every, Lookback: lookback})
	models, err := insight.NewModels(w.store, w.now)
	if err != nil {
		t.Fatal(err)
	}
	w.weaver = weave.New(w.store, w.vault, models)
	return w
}

func (w *watched) poll(t *testing.T) {
	t.Helper()
	if result, err := w.collector.Collect(t.Context(), w.org, func() {}); err != nil || result.Skipped {
		t.Fatalf("poll: %+v, %v", result, err)
	}
}

// harvest lands meetings as a complete harvest would.
func (w *watched) harvest(t *testing.T, meetings []*world.Meeting) {
	t.Helper()
	key, err := w.vault.Key(t.Context(), vault.AccountScope(w.ref))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range meetings {
		id := base64.StdEncoding.EncodeToString(m.UUID[:])
		seen := store.SeenMeeting{
			Meeting:    provider.Meeting{ID: id, Number: m.Number, StartAt: m.StartAt, EndAt: m.EndAt, ParticipantCount: len(m.Legs)},
			HostSealed: []byte{0},
		}
		if _, err := w.store.SeeMeetings(t.Context(), w.ref, store.OriginLive, provider.ListPast, []store.SeenMeeting{seen}, w.now()); err != nil {
			t.Fatal(err)
		}
		landing := store.MeetingLanding{AccountRef: w.ref, MeetingID: id, ReadAt: w.now()}
		for _, l := range m.Legs {
			leg := w.leg(id, l)
			sealed, err := key.SealPerson("person", leg.Person)
			if err != nil {
				t.Fatal(err)
			}
			landing.Legs = append(landing.Legs, store.LegLanding{Leg: leg, PersonSealed: sealed})
		}
		if err := w.store.LandMeeting(t.Context(), landing); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *watched) leg(meeting string, l *world.Leg) provider.Leg {
	leg := provider.Leg{
		MeetingID: meeting, ParticipantID: l.UserID, JoinAt: l.JoinAt, LeaveAt: l.LeaveAt, DataCenter: l.DataCenter,
		Guest: l.Person == nil, NetworkType: l.Network, PublicIP: l.PublicIP, PrivateIPs: []netip.Addr{l.PrivateIP}, MAC: l.MAC,
		Person: provider.Person{Name: secret.New("Somebody"), Hostname: secret.New(l.Hostname)},
	}
	stream := func(s world.Stream) provider.Stream {
		if !s.Present {
			return provider.Stream{}
		}
		return provider.Stream{LatencyMS: measure.Of(s.LatencyMS), JitterMS: measure.Of(s.JitterMS), LossAvgRatio: measure.Of(s.LossAvgPercent / 100)}
	}
	for _, m := range w.world.Minutes(l) {
		if m.HasMedia() {
			leg.Samples = append(leg.Samples, provider.MediaSample{
				StartAt: m.StartAt, EndAt: m.StartAt.Add(time.Minute), Granularity: provider.PerMinute,
				AudioIn: stream(m.AudioIn), AudioOut: stream(m.AudioOut), VideoIn: stream(m.VideoIn), VideoOut: stream(m.VideoOut),
				ScreenIn: stream(m.ScreenIn), ScreenOut: stream(m.ScreenOut),
				SystemCPUMaxPercent: measure.Of(float64(m.CPU.SystemMax)),
			})
		}
	}
	return leg
}

// weave weaves all that is ready.
func (w *watched) weave(t *testing.T) {
	t.Helper()
	for {
		result, err := w.weaver.Weave(t.Context(), w.ref, w.org, func() {})
		if err != nil {
			t.Fatal(err)
		}
		if result.Ready == 0 || result.Meetings == 0 {
			if result.Waiting > 0 {
				t.Fatalf("meetings wait for devices: %+v", result)
			}
			return
		}
	}
}

// woven reads all call minutes, by leg and time, and the legs of the world that they are of.
func (w *watched) woven(t *testing.T, meetings []*world.Meeting) (minutes []db.CallMinute, centers map[int64]string, of map[int64]*world.Leg) {
	t.Helper()
	type key struct {
		meeting, participant string
		joinAt               int64
	}
	legs := map[key]*world.Leg{}
	from, to := meetings[0].StartAt, meetings[0].EndAt
	for _, m := range meetings {
		for _, l := range m.Legs {
			legs[key{base64.StdEncoding.EncodeToString(m.UUID[:]), l.UserID, l.JoinAt.Unix()}] = l
		}
		if m.EndAt.After(to) {
			to = m.EndAt
		}
	}
	rows, err := w.pool.Query(t.Context(), "select leg_id, meeting_id, participant_id, join_at, data_center from legs")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	of, centers = map[int64]*world.Leg{}, map[int64]string{}
	var ids []int64
	for rows.Next() {
		var id int64
		var k key
		var joinAt time.Time
		var center string
		if err := rows.Scan(&id, &k.meeting, &k.participant, &joinAt, &center); err != nil {
			t.Fatal(err)
		}
		k.joinAt = joinAt.Unix()
		of[id], centers[id] = legs[k], center
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	minutes, err = w.store.LegMinutes(t.Context(), w.org, ids, from.Add(-time.Hour), to.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return minutes, centers, of
}
