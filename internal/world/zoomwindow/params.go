package zoomwindow

import (
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// listType is the type parameter of every dashboard endpoint. It defaults to live.
type listType string

const (
	typeLive    listType = "live"
	typePast    listType = "past"
	typePastOne listType = "pastOne"
)

func listTypeOf(q url.Values, pastOne bool) (listType, *reply) {
	switch t := listType(q.Get("type")); {
	case t == "":
		return typeLive, nil
	case t == typeLive, t == typePast, t == typePastOne && pastOne:
		return t, nil
	}
	rep := invalidField("type", "Invalid field.")
	return "", &rep
}

func pageSizeOf(q url.Values, byDefault, maximum int) (int, *reply) {
	if !q.Has("page_size") {
		return byDefault, nil
	}
	n, err := strconv.Atoi(q.Get("page_size"))
	if err != nil || n < 1 || n > maximum {
		rep := invalidField("page_size", fmt.Sprintf("Must be between 1 and %d.", maximum))
		return 0, &rep
	}
	return n, nil
}

// The two forms of from and to; both are UTC.
const (
	dateForm     = "2006-01-02"
	dateTimeForm = "2006-01-02 15:04:05"
)

// How far a call may reach, by the dashboard's documentation.
const (
	maxRangeMonths = 1
	maxAgeMonths   = 6
)

// rangeOf reads from and to. Both ends are inclusive, to the second; a bare date as
// the end is the whole day.
func rangeOf(q url.Values, now time.Time) (from, before time.Time, failure *reply) {
	fail := func(field, message string) (time.Time, time.Time, *reply) {
		rep := invalidField(field, message)
		return time.Time{}, time.Time{}, &rep
	}
	from, _, err := parseTime(q.Get("from"))
	if err != nil {
		return fail("from", "Invalid field.")
	}
	to, bare, err := parseTime(q.Get("to"))
	if err != nil {
		return fail("to", "Invalid field.")
	}
	before = to.Add(time.Second)
	if bare {
		before = to.Add(day)
	}
	switch {
	case to.Before(from):
		return fail("to", "The end is before the beginning.")
	case to.After(from.AddDate(0, maxRangeMonths, 0)):
		return fail("to", "The range must not exceed one month.")
	case from.Before(now.UTC().AddDate(0, -maxAgeMonths, 0).Truncate(day)):
		return fail("from", "Only data of the last six months is available.")
	}
	return from, before, nil
}

func parseTime(text string) (t time.Time, bareDate bool, err error) {
	if t, err = time.Parse(dateForm, text); err == nil {
		return t, true, nil
	}
	if t, err = time.Parse(dateTimeForm, text); err != nil {
		return time.Time{}, false, fmt.Errorf("read time: %w", err)
	}
	return t, false, nil
}
