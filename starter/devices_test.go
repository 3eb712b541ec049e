package main

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
)

const imported = `kind,site_id,name,mac,start_at,end_at,ip,hostname,ap_mac,band,rssi_dbm
site,1f6c3f0a-0000-4000-8000-000000000001,Cologne,,,,,,,,
device,1f6c3f0a-0000-4000-8000-000000000001,ap-1,5c5b35010001,,,,,,,
lease,1f6c3f0a-0000-4000-8000-000000000001,,5C:5B:35:00:00:01,2026-11-18T15:00:00Z,2026-11-18T16:00:00Z,10.0.0.7,laptop,5c5b35010001,5,
client,,,5C:5B:35:00:00:01,1795014000,1795014060,,,5c5b35010001,5,-61
`

// linked makes the org and a link of it; without a network of its own.
func (b *bundle) linked(t *testing.T) {
	t.Helper()
	if code, _, problems := b.run(t, "org", "add", "--id", b.org.String(), "--name", "Acme"); code != exitDone {
		t.Fatal(problems)
	}
	for _, sql := range []string{
		"insert into accounts (provider, account_id) values ('zoom', 'a')",
		"insert into links (provider, account_id, org_id, linked_by_sealed) select 'zoom', 'a', org_id, '' from orgs",
	} {
		if _, err := b.conn(t).Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
}

func TestImportAndExportDevices(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		file, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if strings.HasSuffix(name, ".gz") {
			zip := gzip.NewWriter(file)
			_, err = zip.Write([]byte(text))
			if err == nil {
				err = zip.Close()
			}
		} else {
			_, err = file.WriteString(text)
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	all := write("all.csv.gz", imported)
	org := []string{"--org", b.org.String()}
	if code, _, problems := b.run(t, append([]string{"devices", "import", all}, org...)...); code != exitFailed || !strings.Contains(problems, "not found") {
		t.Errorf("import for no org: exit %d, %s", code, problems)
	}
	b.linked(t)
	var done struct{ Sites, Devices, Leases, Rejected int }
	for range 2 {
		b.json(t, &done, append([]string{"devices", "import", all}, org...)...)
		if done.Sites != 1 || done.Devices != 1 || done.Leases != 1 || done.Rejected != 0 {
			t.Errorf("imported %+v", done)
		}
	}
	code, first, problems := b.run(t, append([]string{"devices", "export"}, org...)...)
	if code != exitDone || strings.Count(first, "\n") != 4 || !strings.Contains(first, `"name":"ap-1","type":"ap"`) || !strings.Contains(first, `"hostname":"laptop"`) {
		t.Fatalf("export: exit %d, %s%s", code, first, problems)
	}
	back := write("all.jsonl", first)
	b.json(t, &done, append([]string{"devices", "import", back}, org...)...)
	if _, second, _ := b.run(t, append([]string{"devices", "export"}, org...)...); second != first {
		t.Errorf("after a round trip:\n%s, before:\n%s", second, first)
	}
	if _, leases, _ := b.run(t, append([]string{"devices", "export", "--kind", "leases", "--format", "csv", "--to", "2026-11-18"}, org...)...); leases != "site_id,mac,start_at,end_at,ip,hostname,ap_mac,ssid,band,wired,source\n" {
		t.Errorf("leases of the time before: %s", leases)
	}

	// Sites are read first, whatever the order; the others name what they are about.
	site := write("sites.csv", "site_id,name\n2f6c3f0a-0000-4000-8000-000000000002,Bonn\n")
	radios := write("radios.csv", "site_id,ap_mac,band,start_at,end_at,util_ratio\n2f6c3f0a-0000-4000-8000-000000000002,5c5b35010001,5,1795014000,1795014060,0.3\n"+
		"2f6c3f0a-0000-4000-8000-000000000002,5c5b35010001,5,1795014000,1795014060,30\n")
	code, _, problems = b.run(t, append([]string{"devices", "import", radios, site}, org...)...)
	if want := radios + ":3: util_ratio: want a number from 0 to 1"; code != exitFailed || !strings.Contains(problems, want) {
		t.Errorf("a bad line: exit %d, %s, want %s", code, problems, want)
	}
	code, text, problems := b.run(t, append([]string{"devices", "import", "--keep-going", radios, site}, org...)...)
	if code != exitDone || !strings.Contains(problems, ":3: util_ratio") || !strings.Contains(text, "REJECTED") {
		t.Errorf("keeping on: exit %d, %s, %s", code, problems, text)
	}
	for _, args := range [][]string{
		{"devices", "import", "-"},
		{"devices", "import"},
		{"devices", "import", "x.txt"},
		{"devices", "export", "--kind", "x"},
		{"org", "add", "--id", uuid.NewString(), "--name", "x", "--mist-url", "https://mist.example"},
	} {
		if args[0] == "devices" {
			args = append(args, org...)
		}
		if code, _, _ := b.run(t, args...); code != exitUsage {
			t.Errorf("%v: exit %d, want %d", args, code, exitUsage)
		}
	}
	if code, _, problems := b.run(t, append([]string{"devices", "import", filepath.Join(dir, "none.csv"), "--kind", "lease"}, org...)...); code != exitFailed || !strings.Contains(problems, "none.csv") {
		t.Errorf("no file: exit %d, %s", code, problems)
	}
	for _, days := range []string{"30", "0"} {
		if code, _, problems := b.run(t, "org", "set", "--id", b.org.String(), "--devices-days", days, "--minutes-days", "800"); code != exitDone {
			t.Fatal(problems)
		}
		var orgs []shownOrg
		b.json(t, &orgs, "org", "list")
		if got := orgs[0]; *got.MinutesDays != 800 || got.MediaDays != nil || (got.DevicesDays == nil) != (days == "0") {
			t.Errorf("with --devices-days %s: %+v", days, got)
		}
	}
	for _, args := range [][]string{{}, {"--media-days", "-1"}, {"--media-days", "100000"}} {
		if code, _, _ := b.run(t, append([]string{"org", "set", "--id", b.org.String()}, args...)...); code != exitUsage {
			t.Errorf("org set %v: exit %d, want %d", args, code, exitUsage)
		}
	}
	// An org that has a network keeps it when only its name is given.
	b.addOrg(t)
	b.run(t, "org", "add", "--id", b.org.String(), "--name", "Renamed")
	var orgs []shownOrg
	if b.json(t, &orgs, "org", "list"); len(orgs) != 1 || orgs[0].Name != "Renamed" || orgs[0].MistURL == "" {
		t.Errorf("renamed: %+v", orgs)
	}
}
