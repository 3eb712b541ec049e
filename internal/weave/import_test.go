package weave_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"callweave/internal/collect"
	"callweave/internal/devicefile"
	"callweave/internal/world"
)

// minutes reads all call minutes of all orgs, every column.
func (b *bundle) minutes(t *testing.T) []string {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), "select to_jsonb(c)::text from call_minutes c order by org_id, leg_id, start_at")
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// export writes what is kept of an org's network.
func (b *bundle) export(t *testing.T, org *world.Org, format devicefile.Format) []byte {
	t.Helper()
	var file bytes.Buffer
	w := devicefile.NewWriter(&file, format, "")
	all := collect.Kinds{Sites: true, Leases: true, Clients: true, Radios: true, WANs: true}
	if err := collect.NewExporter(b.store, b.vault).Export(t.Context(), org.ID, time.Time{}, b.now(), all, w.Write); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// imported imports a file, which must be good.
func (b *bundle) imported(t *testing.T, org *world.Org, format devicefile.Format, file []byte) collect.Imported {
	t.Helper()
	records := devicefile.Read(bytes.NewReader(file), devicefile.Options{Name: "file", Format: format})
	done, err := collect.NewImporter(b.store, b.vault, b.now).Import(t.Context(), org.ID, records, func(err error) error { return err })
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// What one database collected from the cloud, imported into another that never heard of
// one, gives the same call minutes, to the last digit of every column.
func TestImportGivesTheSameCallMinutes(t *testing.T) {
	t.Parallel()
	cfg := world.DemoConfig(20261123)
	cfg.MeetingsPerDay = 80
	begin := time.Date(2026, 11, 18, 15, 0, 30, 0, time.UTC)
	from := setup(t, cfg, begin)
	const polls = 12
	for range polls {
		from.collect(t)
		from.clock.Add(60)
	}
	from.collect(t)
	meetings := from.world.MeetingsEnding(from.account, begin.Add(-5*time.Hour), from.now().Add(-2*time.Minute))
	from.harvest(t, meetings)
	for _, org := range from.world.Orgs {
		from.weave(t, org.ID)
	}
	want := from.minutes(t)
	if len(want) < 1000 {
		t.Fatalf("only %d call minutes: the test proves little", len(want))
	}
	for _, format := range []devicefile.Format{devicefile.CSV, devicefile.JSONL} {
		b := setup(t, cfg, from.now())
		b.exec(t, "update orgs set mist_url = ''")
		b.harvest(t, meetings)
		for _, org := range b.world.Orgs {
			if early := b.weave(t, org.ID); early.Meetings != 0 || early.Waiting != len(meetings) {
				t.Errorf("%s: before the import: %+v, want all %d meetings to wait", format, early, len(meetings))
			}
			file := from.export(t, org, format)
			done := b.imported(t, org, format, file)
			if again := b.imported(t, org, format, file); again != done {
				t.Errorf("%s: importing again: %+v, first %+v", format, again, done)
			}
			if back := b.export(t, org, format); !bytes.Equal(file, back) {
				t.Errorf("%s: what is exported after the import is not what was imported (%d bytes, %d)", format, len(back), len(file))
			}
			woven := b.weave(t, org.ID)
			t.Logf("%s, %s: %+v from %d bytes; %d legs, %d minutes", format, org.Name, done, len(file), woven.LegsMatched, woven.Minutes)
			if woven.Waiting != 0 || woven.Meetings != len(meetings) {
				t.Errorf("%s: after the import: %+v, want all %d meetings woven", format, woven, len(meetings))
			}
		}
		if diff := cmp.Diff(want, b.minutes(t)); diff != "" {
			t.Errorf("%s: call minutes (-collected +imported):\n%.2000s", format, diff)
		}
	}
}
