package api

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
	"callweave/internal/provider"
)

// deepestRow is how many rows a page may have before it. Whoever wants more narrows the
// time, or exports.
const deepestRow = 100_000

// siteOf is the site that a path names; nil where it names an org. It is called behind the
// guard, which parsed it.
func siteOf(r *http.Request) *uuid.UUID {
	id, err := uuid.Parse(r.PathValue("site_id"))
	if err != nil {
		return nil
	}
	return &id
}

// narrowing are the parameters that narrow some list of calls.
var narrowing = [...]string{"mac", "ap", "ap_mac", "meeting_id", "site_id", "app", "rating", "bad"} //nolint:gochecknoglobals // a constant in all but syntax

// onlyFilters refuses a parameter that narrows another list and not this one: whoever gives it
// would take all for what was asked for. What no list knows is let pass, as Mist does.
func onlyFilters(query url.Values, own ...string) error {
	for _, name := range narrowing {
		if query.Has(name) && !slices.Contains(own, name) {
			return badRequest("%s: want none: this is narrowed by %s", name, strings.Join(own, ", "))
		}
	}
	return nil
}

func macFilter(query url.Values, name string) (net.HardwareAddr, error) {
	text := query.Get(name)
	mac, err := macaddr.Parse(text)
	if err != nil || (mac.IsZero() && text != "") {
		return nil, badRequest("%s: want 12 hexadecimal digits", name)
	}
	return mac.Hardware(), nil
}

func pathMAC(r *http.Request) (macaddr.Addr, error) {
	mac, err := macaddr.Parse(r.PathValue("client_mac"))
	if err != nil || mac.IsZero() {
		return mac, badRequest("client_mac: want 12 hexadecimal digits")
	}
	return mac, nil
}

func appFilter(query url.Values) (string, error) {
	text := query.Get("app")
	if text != "" && !slices.Contains([]string{string(provider.Zoom), string(provider.Teams)}, text) {
		return "", badRequest("app: want zoom or teams")
	}
	return text, nil
}

// meetingFilter returns nil where no meeting is asked for.
func meetingFilter(query url.Values) (*uuid.UUID, error) {
	text := query.Get("meeting_id")
	if text == "" {
		return nil, nil //nolint:nilnil // no filter
	}
	id, ok := parseMeetingID(text)
	if !ok {
		return nil, badRequest("meeting_id: want a UUID, with dashes or as 32 hexadecimal digits, or Zoom's form of it in base64")
	}
	return &id, nil
}

// siteFilter is for what is of an org and may be narrowed to a site; nil where it is not.
func siteFilter(query url.Values) (*uuid.UUID, error) {
	text := query.Get("site_id")
	if text == "" {
		return nil, nil //nolint:nilnil // no filter
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return nil, badRequest("site_id: want a UUID")
	}
	return &id, nil
}

// checkRatings reads one rating or a list of them.
func checkRatings(query url.Values) error {
	for text := range strings.SplitSeq(query.Get("rating"), ",") {
		if n, err := strconv.Atoi(strings.TrimSpace(text)); err != nil || n < 1 || n > 5 {
			return badRequest(`rating: want whole numbers from 1 to 5, like "1" or "1,2"`)
		}
	}
	return nil
}

// pageFilter reads which page of rows is wanted, and how many come before it.
func pageFilter(query url.Values, most int) (page, skip int, err error) {
	text := query.Get("page")
	if text == "" {
		return 1, 0, nil
	}
	page, err = strconv.Atoi(text)
	if err != nil || page < 1 {
		return 0, 0, badRequest("page: want a whole number, 1 or more")
	}
	if page > 1 && (page-1) > deepestRow/max(1, most) {
		return 0, 0, badRequest("page: want at most %d rows before it: narrow start and end, or export", deepestRow)
	}
	return page, (page - 1) * most, nil
}

// boolFilter is false where nothing is said.
func boolFilter(query url.Values, name string) (bool, error) {
	switch query.Get(name) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, badRequest("%s: want true or false", name)
}
