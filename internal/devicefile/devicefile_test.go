package devicefile_test

import (
	"errors"
	"io"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"callweave/internal/devicefile"
	"callweave/internal/macaddr"
	"callweave/internal/measure"
	"callweave/internal/network"
	"callweave/internal/secret"
)

var (
	site  = uuid.MustParse("1f6c3f0a-0000-4000-8000-000000000001")
	mac   = macaddr.Addr{0x5c, 0x5b, 0x35, 0, 0, 1}
	ap    = macaddr.Addr{0x5c, 0x5b, 0x35, 1, 0, 1}
	start = time.Date(2026, 11, 18, 15, 0, 0, 123456000, time.UTC)
)

func records() []network.Record {
	end := start.Add(time.Minute)
	return []network.Record{
		{Site: &network.Site{
			ID: site, Name: `Köln, "Dom"`, Timezone: "Europe/Berlin", PublicAddrs: []netip.Addr{netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("2001:db8::1")},
			Subnets: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")},
		}},
		{Site: &network.Site{ID: site, Name: "Bare"}},
		{Device: &network.Device{SiteID: site, MAC: ap, Kind: network.Gateway, Name: "gw, 1"}},
		{LeaseSource: "session", Lease: &network.Lease{
			SiteID: site, MAC: mac, IP: netip.MustParseAddr("10.0.0.7"), Hostname: secret.New("laptop, =1"), DeviceMAC: ap,
			SSID: "office \\ \"5\"", Band: network.Band5, From: start, To: end.Add(300 * time.Hour),
		}},
		{Lease: &network.Lease{SiteID: site, MAC: mac, Wired: true, From: start, To: end}},
		{Client: &network.ClientSample{
			MAC: mac, DeviceMAC: ap, Band: network.Band6, From: start, To: end, Channel: measure.Of(37), RSSIDBm: measure.Of(-61.33),
			SNRDB: measure.Of(0), TxRateMbps: measure.Of(1201.1), RxRateMbps: measure.Of(86.7), TxRetriesDelta: measure.Of(0),
			RxRetriesDelta: measure.Of(3), TxBytesDelta: measure.Of(1e12 / 3), RxBytesDelta: measure.Of(1), WiFiVersion: measure.Of(6), Streams: measure.Of(2),
		}},
		{Client: &network.ClientSample{MAC: mac, From: start, To: end}},
		{Radio: &network.RadioSample{From: start, To: end, Radio: network.RadioSnapshot{
			SiteID: site, DeviceMAC: ap, Band: network.Band24, Channel: measure.Of(11), BandwidthMHz: measure.Of(20), TxPowerDBm: measure.Of(17),
			NoiseFloorDBm: measure.Of(-92), Clients: measure.Of(0), UtilRatio: measure.Of(0.3), UtilNonWiFiRatio: measure.Of(1),
		}}},
		{WAN: &network.WANSample{From: start, To: end, WAN: network.WANSnapshot{
			SiteID: site, DeviceMAC: ap, Port: "ge-0/0/0", LatencyMS: measure.Of(12.3), JitterMS: measure.Of(0), LossRatio: measure.Of(0.001),
			DownloadMbps: measure.Of(0.1), UploadMbps: measure.Of(2),
		}}},
	}
}

var equal = []cmp.Option{
	cmp.AllowUnexported(measure.Value{}), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}, secret.Text{}),
	cmpopts.IgnoreFields(network.Record{}, "Where"),
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, format := range []devicefile.Format{devicefile.CSV, devicefile.JSONL} {
		var text strings.Builder
		w := devicefile.NewWriter(&text, format, "")
		for _, record := range records() {
			if err := w.Write(record); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		var got []network.Record
		for record, err := range devicefile.Read(strings.NewReader(text.String()), devicefile.Options{Name: "all", Format: format}) {
			if err != nil {
				t.Fatalf("%v\n%s", err, text.String())
			}
			got = append(got, record)
		}
		if diff := cmp.Diff(records(), got, equal...); diff != "" {
			t.Errorf("%s (-want +got):\n%s\n%s", format, diff, text.String())
		}
	}
}

// read returns the records and the errors of a file.
func read(format devicefile.Format, kind devicefile.Kind, text string) (got []network.Record, problems []string) {
	for record, err := range devicefile.Read(strings.NewReader(text), devicefile.Options{Name: "f", Format: format, Kind: kind}) {
		if err != nil {
			problems = append(problems, err.Error())
			continue
		}
		got = append(got, record)
	}
	return got, problems
}

func TestWhatPeopleWrite(t *testing.T) {
	t.Parallel()
	want := []network.Record{{Lease: &network.Lease{
		SiteID: site, MAC: mac, IP: netip.MustParseAddr("10.0.0.7"), DeviceMAC: ap, Band: network.Band24,
		From: time.Date(2026, 11, 18, 15, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 18, 15, 0, 0, 500_000_000, time.UTC),
	}}}
	tests := map[string]struct {
		format devicefile.Format
		kind   devicefile.Kind
		text   string
	}{
		"a spreadsheet": {devicefile.CSV, devicefile.Lease, "\xef\xbb\xbfMAC,Site_ID,start_at,end_at,ip,ap_mac,band\r\n" +
			"5C-5B-35-00-00-01,1F6C3F0A-0000-4000-8000-000000000001,2026-11-18T16:00:00+01:00,1795014000.5, 10.0.0.7 ,5c5b.3501.0001,2.4\r\n\r\n"},
		"with kinds": {devicefile.CSV, "", "kind,mac,site_id,start_at,end_at,ip,ap_mac,band,rssi_dbm\n" +
			"leases,5c:5b:35:00:00:01,1f6c3f0a-0000-4000-8000-000000000001,1795014000,1795014000.5,10.0.0.7,5c5b35010001,24,"},
		"json": {devicefile.JSONL, devicefile.Lease, "\n" + `{"mac":"5c5b35000001","site_id":"1f6c3f0a-0000-4000-8000-000000000001","start_at":1795014000,` +
			`"end_at":"2026-11-18T15:00:00.5Z","ip":"10.0.0.7","ap_mac":"5c5b35010001","band":24,"hostname":null,"ssid":"","wired":false}` + "\n"},
	}
	for name, tt := range tests {
		got, problems := read(tt.format, tt.kind, tt.text)
		if diff := cmp.Diff(want, got, equal...); diff != "" || problems != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, problems, diff)
		}
	}
}

func TestBadLinesAreNamed(t *testing.T) {
	t.Parallel()
	const good = `{"mac":"5c5b35000001","start_at":1795014000,"end_at":1795014060}`
	line := func(field, value string) string {
		return strings.Replace(good, "{", `{"`+field+`":`+value+`,`, 1)
	}
	long := strings.Repeat("x", 100<<10)
	tests := map[string]struct{ line, want string }{
		"not JSON":        {"{", "f:2: want one JSON object in a line"},
		"a list":          {"[]", "f:2: want one JSON object in a line"},
		"nothing in it":   {"{}", "f:2: want a record, got an empty one"},
		"too long":        {`{"mac":"` + long + `"}`, "f:2: want at most 64 KiB in a line"},
		"no field":        {line("Smith", "1"), "f:2: a field is none of kind, mac, start_at"},
		"other kind's":    {line("util_ratio", "1"), "f:2: util_ratio: a client has none: leave it empty"},
		"missing":         {`{"start_at":1795014000,"end_at":1795014060}`, "f:2: mac: a client needs one"},
		"of nobody":       {strings.Replace(good, "5c5b35000001", "00:00:00:00:00:00", 1), "f:2: mac: a client needs one"},
		"address":         {strings.Replace(good, "5c5b35000001", "Smith", 1), "f:2: mac: want 12 hexadecimal digits, with or without separators"},
		"milliseconds":    {strings.Replace(good, "1795014060", "1795014060000", 1), "f:2: end_at: want seconds since 1970: these are milliseconds"},
		"day":             {strings.Replace(good, "1795014060", `"18.11.2026"`, 1), "f:2: end_at: want a time like 2026-11-18T15:00:00Z or seconds since 1970, from the year 2000 on"},
		"backwards":       {strings.Replace(good, "1795014060", "1795014000", 1), "f:2: end_at: want a time after start_at"},
		"too far":         {strings.Replace(good, "1795014060", "1795114060", 1), "f:2: end_at: want at most 2h0m0s after start_at"},
		"signal":          {line("rssi_dbm", "61"), "f:2: rssi_dbm: want a number from -130 to 0"},
		"not a number":    {line("snr_db", `"NaN"`), "f:2: snr_db: want a number from -50 to 130"},
		"band":            {line("band", `"5 GHz"`), "f:2: band: want 24, 5 or 6"},
		"an object":       {line("channel", `{"a":"Smith"}`), "f:2: channel: want a string, a number, true, false or null"},
		"unknown's value": {line("Smith", `{}`), "f:2: want a string, a number, true, false or null"},
		"kind":            {line("kind", `"Smith"`), "f:2: kind: want site, device, lease, client, radio or wan"},
	}
	for name, tt := range tests {
		got, problems := read(devicefile.JSONL, devicefile.Client, good+"\n"+tt.line+"\n"+good)
		if len(got) != 2 || len(problems) != 1 || !strings.HasPrefix(problems[0], tt.want) {
			t.Errorf("%s: %d records, %q, want 2 and %q", name, len(got), problems, tt.want)
		}
		if strings.Contains(strings.Join(problems, ""), "Smith") {
			t.Errorf("%s: repeats what stood there: %q", name, problems)
		}
	}
	const header = "mac,start_at,end_at\n"
	const row = "5c5b35000001,1795014000,1795014060\n"
	for name, bad := range map[string]string{
		"few values": "5c5b35000001,1795014000\n", "many values": "5c5b35000001,1,2,3\n", "open quote": "\"5c5b35000001,1,2\n",
	} {
		got, problems := read(devicefile.CSV, devicefile.Client, header+row+bad+row)
		want := []string{"f:3: want 3 values separated by commas, as the header has, with every quote closed"}
		if diff := cmp.Diff(want, problems); diff != "" || len(got) != 2 {
			t.Errorf("%s: %d records (-want +got):\n%s", name, len(got), diff)
		}
	}
}

func TestBadHeadersEndTheFile(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		kind       devicefile.Kind
		text, want string
	}{
		"empty":       {devicefile.Lease, "", "f is empty"},
		"unknown":     {devicefile.Client, "mac,Smith\n", "f:1: a column is none of kind, mac, start_at"},
		"another's":   {devicefile.Client, "mac,util_ratio\n", "f:1: a column is none of"},
		"twice":       {devicefile.Client, "mac,mac\n", "f:1: column mac is there twice"},
		"of no kind":  {"", "mac,start_at,end_at\n", "f:1: want a column kind"},
		"a long line": {devicefile.Client, strings.Repeat("x", 100<<10) + "\n", "read header of f: f:1: want at most 64 KiB in a line"},
	}
	for name, tt := range tests {
		read := devicefile.Read(strings.NewReader(tt.text+"5c5b35000001,1795014000,1795014060\n"), devicefile.Options{Name: "f", Format: devicefile.CSV, Kind: tt.kind})
		if tt.text == "" {
			read = devicefile.Read(strings.NewReader(""), devicefile.Options{Name: "f", Format: devicefile.CSV, Kind: tt.kind})
		}
		seen := 0
		for _, err := range read {
			seen++
			var bad *devicefile.LineError
			if err == nil || errors.As(err, &bad) || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %q", name, err, tt.want)
			}
		}
		if seen != 1 {
			t.Errorf("%s: %d errors", name, seen)
		}
	}
}

// endless is a file of some size that nobody made.
type endless struct {
	line []byte
	rest []byte
	left int
}

func (e *endless) Read(into []byte) (int, error) {
	if len(e.rest) == 0 {
		if e.left == 0 {
			return 0, io.EOF
		}
		e.left--
		e.rest = e.line
	}
	n := copy(into, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

//nolint:paralleltest // it measures the memory of the process
func TestMemoryDoesNotGrowWithTheFile(t *testing.T) {
	file := &endless{left: 60_000, line: []byte("5c5b35000001,1795014000,1795014060,-61,\"5c5b35010001\n")} // 3 MB, a quote left open in each line
	file.rest = []byte("mac,start_at,end_at,rssi_dbm,ap_mac\n")
	var before, during runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	lines := 0
	for range devicefile.Read(file, devicefile.Options{Name: "f", Format: devicefile.CSV, Kind: devicefile.Client}) {
		if lines++; lines == 50_000 {
			runtime.GC()
			runtime.ReadMemStats(&during)
		}
	}
	if grown := int64(during.HeapAlloc) - int64(before.HeapAlloc); lines != 60_000 || grown > 1<<20 {
		t.Errorf("%d lines took %d bytes", lines, grown)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	type found struct {
		Format devicefile.Format
		GZ, OK bool
		Kind   devicefile.Kind
	}
	for name, want := range map[string]found{
		"leases.csv": {devicefile.CSV, false, true, devicefile.Lease}, "/data/Client_Samples-2026.JSONL.GZ": {devicefile.JSONL, true, true, devicefile.Client},
		"wan.ndjson": {devicefile.JSONL, false, true, devicefile.WAN}, "all.txt": {"", false, false, ""}, "-": {},
	} {
		format, gz, ok := devicefile.FormatOf(name)
		if got := (found{format, gz, ok, devicefile.KindOf(name)}); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}
