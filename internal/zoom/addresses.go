package zoom

import (
	"net/netip"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxAddresses is how many addresses of one device are kept.
const maxAddresses = 16

// readAddresses reads a list of addresses, or one text with several. What cannot be read
// is unknown: it comes from the participants' own devices, and is no reason to lose more.
func readAddresses(r *reader) []netip.Addr {
	var addresses []netip.Addr
	add := func() {
		for part := range strings.FieldsFuncSeq(r.string(), func(c rune) bool { return c == ',' || c == ';' || c == ' ' }) {
			if address := parseAddress(part); address.IsValid() && len(addresses) < maxAddresses {
				addresses = append(addresses, address)
			}
		}
	}
	if r.peek() != jsontext.KindBeginArray {
		add()
		return addresses
	}
	for range r.elements {
		add()
	}
	return addresses
}

// parseAddress reads one IP address; the zero Addr where there is none. A zone names an
// interface of the participant's device and means nothing here.
func parseAddress(text string) netip.Addr {
	address, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil || address.IsUnspecified() {
		return netip.Addr{}
	}
	return address.Unmap().WithZone("")
}
