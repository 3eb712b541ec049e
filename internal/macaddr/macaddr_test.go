package macaddr_test

import (
	"errors"
	"testing"

	"callweave/internal/macaddr"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"f85e-a012-92d8", "f85ea01292d8"},
		{" 00:0a:95:9d:68:16", "000a959d6816"},
		{"00-0A-95-9D-68-16", "000a959d6816"},
		{"5C5B350E0410", "5c5b350e0410"},
		{"5c5b.350e.0410", "5c5b350e0410"},
		{"", ""},
		{" ", ""},
		{"-", ""},
		{"00:00:00:00:00:00", ""},
		{"ff:ff:ff:ff:ff:ff", ""},
	} {
		got, err := macaddr.Parse(c.text)
		if err != nil || got.String() != c.want {
			t.Errorf("%q: got %q, %v; want %q", c.text, got, err, c.want)
		}
	}
	for _, text := range []string{"5c5b350e041", "5c5b350e04100", "hello", "zz:zz:zz:zz:zz:zz", "00:00:5e:00:53"} {
		if _, err := macaddr.Parse(text); !errors.Is(err, macaddr.ErrInvalid) {
			t.Errorf("%q: want ErrInvalid, got %v", text, err)
		}
	}
}

func TestLocal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"da0a959d6816": true, "000a959d6816": false} {
		addr, err := macaddr.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if addr.Local() != want {
			t.Errorf("%s: Local() = %t", text, !want)
		}
		if back := macaddr.FromHardware(addr.Hardware()); back != addr {
			t.Errorf("%s came back as %s", addr, back)
		}
	}
	if (macaddr.Addr{}).Hardware() != nil {
		t.Error("an unknown address is not NULL")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("f85e-a012-92d8")
	f.Add(" 00:0a:95:9d:68:16")
	f.Fuzz(func(t *testing.T, text string) {
		addr, err := macaddr.Parse(text)
		if err != nil || addr.IsZero() {
			return
		}
		if back, err := macaddr.Parse(addr.String()); err != nil || back != addr {
			t.Errorf("%q: %s came back as %s, %v", text, addr, back, err)
		}
	})
}
