package collect_test

import (
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"callweave/internal/collect"
	"callweave/internal/macaddr"
	"callweave/internal/measure"
	"callweave/internal/network"
	"callweave/internal/secret"
	"callweave/internal/world/mistwindow"
)

var laptop = macaddr.Addr{0x5c, 0x5b, 0x35, 0, 0, 1}

// archive is what the tests below import: a site, a lease and a sample of it.
func archive(site uuid.UUID, at time.Time) []network.Record {
	return []network.Record{
		{Site: &network.Site{ID: site, Name: "Cologne"}},
		{Lease: &network.Lease{SiteID: site, MAC: laptop, Hostname: secret.New("laptop-of-smith"), From: at, To: at.Add(time.Hour)}},
		{Client: &network.ClientSample{MAC: laptop, RSSIDBm: measure.Of(-61), From: at, To: at.Add(time.Minute)}},
	}
}

func sequence(records []network.Record, errs ...error) iter.Seq2[network.Record, error] {
	return func(yield func(network.Record, error) bool) {
		for _, record := range records {
			if !yield(record, nil) {
				return
			}
		}
		for _, err := range errs {
			if !yield(network.Record{}, err) {
				return
			}
		}
	}
}

func stop(err error) error { return err }

func (b *bundle) importer() *collect.Importer { return collect.NewImporter(b.store, b.vault, b.now) }

func TestImportOfANetworkNobodyPolls(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	b.exec(t, "update orgs set mist_url = ''")
	site := uuid.New()
	ago := noon.Add(-48 * time.Hour)

	if result := b.poll(t, 0); result != (collect.Result{}) || b.window.Calls(b.token) != 0 {
		t.Errorf("a poll of no network: %+v, %d requests", result, b.window.Calls(b.token))
	}
	if synced, problem := b.health(t); !synced.Equal(noon.Add(-30*time.Minute)) || problem != "" {
		t.Errorf("without a network complete up to %s (%q), want half an hour ago", synced, problem)
	}
	b.exec(t, "update orgs set devices_synced_at = null")
	for range 2 {
		done, err := b.importer().Import(t.Context(), b.org.ID, sequence(archive(site, ago)), stop)
		if want := (collect.Imported{Sites: 1, Leases: 1, Clients: 1, From: ago, To: ago.Add(time.Hour)}); err != nil || done != want {
			t.Errorf("%+v, %v, want %+v", done, err, want)
		}
	}
	if synced, _ := b.health(t); !synced.Equal(ago.Add(time.Hour)) {
		t.Errorf("complete up to %s, want the end of what was imported", synced)
	}
	for table, want := range map[string]int{"sites": 1, "leases": 1, "client_samples": 1} {
		if got := b.count(t, "select count(*) from "+table); got != want {
			t.Errorf("%d rows in %s, want %d", got, table, want)
		}
	}
	if n := b.count(t, "select count(*) from leases where source = 'import' and hostname_sealed is not null and position('smith' in encode(hostname_sealed, 'escape')) = 0"); n != 1 {
		t.Error("the name of the client is not sealed")
	}
	// What is imported later says more, never less.
	bare := archive(site, ago)
	bare[1].Lease.Hostname, bare[1].Lease.To = secret.Text{}, ago.Add(30*time.Minute)
	bare[2].Client.RSSIDBm = measure.Value{}
	if _, err := b.importer().Import(t.Context(), b.org.ID, sequence(bare), stop); err != nil {
		t.Fatal(err)
	}
	if n := b.count(t, "select count(*) from leases l, client_samples c where l.hostname_sealed is not null and l.to_at = $1 and c.rssi_dbm = -61", ago.Add(time.Hour)); n != 1 {
		t.Error("an import with less took something away")
	}
	// Time that has not come yet completes nothing.
	soon := archive(site, b.now().Add(-20*time.Minute))
	if _, err := b.importer().Import(t.Context(), b.org.ID, sequence(soon), stop); err != nil {
		t.Fatal(err)
	}
	if synced, _ := b.health(t); !synced.Equal(b.now()) {
		t.Errorf("complete up to %s, want now", synced)
	}
}

func TestImportLeavesCompletenessToTheCollector(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	b.poll(t, 0)
	before, _ := b.health(t)
	known := b.org.Sites[0]
	records := archive(known.ID, noon.Add(-time.Hour))
	if _, err := b.importer().Import(t.Context(), b.org.ID, sequence(records), stop); err != nil {
		t.Fatal(err)
	}
	if after, _ := b.health(t); !after.Equal(before) {
		t.Errorf("complete up to %s, before %s", after, before)
	}
	if n := b.count(t, "select count(*) from sites where site_id = $1 and cardinality(public_ips) > 0 and timezone <> ''", known.ID); n != 1 {
		t.Error("the import of a site without addresses took those away that were known")
	}
}

func TestImportRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	site := uuid.New()
	good := archive(site, noon.Add(-time.Hour))
	unreadable := errors.New("line 7")
	tests := map[string]struct {
		records []network.Record
		errs    []error
		want    string
	}{
		"another org's site": {[]network.Record{{Where: "f:1", Lease: &network.Lease{SiteID: uuid.New(), MAC: laptop, From: noon, To: noon.Add(1)}}}, nil, "f:1: site_id: want a site of the org"},
		"the future":         {[]network.Record{{Where: "f:1", Client: &network.ClientSample{MAC: laptop, From: noon, To: noon.Add(24 * time.Hour)}}}, nil, "f:1: end_at: want a time that has passed"},
		"an unreadable line": {good, []error{unreadable}, "line 7"},
	}
	for name, tt := range tests {
		_, err := b.importer().Import(t.Context(), b.org.ID, sequence(tt.records, tt.errs...), stop)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
		rejected := 0
		done, err := b.importer().Import(t.Context(), b.org.ID, sequence(tt.records, tt.errs...), func(error) error {
			rejected++
			return nil
		})
		if err != nil || done.Rejected != 1 || rejected != 1 {
			t.Errorf("%s, keeping on: %+v, %v", name, done, err)
		}
	}
	if n := b.count(t, "select count(*) from leases"); n != 1 {
		t.Errorf("%d leases: what was before the unreadable line is to be stored", n)
	}

	b.exec(t, "update links set status = 'unlinking'")
	if _, err := b.importer().Import(t.Context(), b.org.ID, sequence(good), stop); !errors.Is(err, collect.ErrNotLinked) {
		t.Errorf("without a link: %v", err)
	}
}

// Batches keep to some thousand rows and some days, whatever the archive holds.
func TestImportInBatches(t *testing.T) {
	t.Parallel()
	b := setup(t, mistwindow.Config{})
	var records []network.Record
	for i := range 6000 {
		at := noon.Add(-time.Duration(i) * time.Minute)
		records = append(records, network.Record{Client: &network.ClientSample{MAC: laptop, From: at.Add(-time.Minute), To: at}})
	}
	for i := range 30 { // two years, not in order
		at := noon.Add(-time.Duration(i*13%30) * 25 * 24 * time.Hour)
		records = append(records, network.Record{Client: &network.ClientSample{MAC: macaddr.Addr{1}, From: at.Add(-time.Minute), To: at}})
	}
	done, err := b.importer().Import(t.Context(), b.org.ID, sequence(records), stop)
	if stored := b.count(t, "select count(*) from client_samples"); err != nil || done.Clients != 6030 || stored != 6030 {
		t.Errorf("%+v with %d stored, %v", done, stored, err)
	}
}
