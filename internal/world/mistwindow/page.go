package mistwindow

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The limits of a page (Juniper Mist, "REST API Pagination"). A greater limit is
// granted as the greatest: the reference does not say that it is refused.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

func limitOf(q url.Values) (int, error) {
	limit := defaultLimit
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return 0, badRequest("limit: want a number of at least 0")
		}
		limit = min(n, maxLimit)
	}
	return limit, nil
}

// paged answers an array reply: a page of the rows, described by X-Page headers.
func paged[T any](r *request, rows []T) (any, error) {
	limit, page, err := pageOf(r)
	if err != nil {
		return nil, err
	}
	r.header.Set("X-Page-Total", strconv.Itoa(len(rows)))
	r.header.Set("X-Page-Limit", strconv.Itoa(limit))
	r.header.Set("X-Page-Page", strconv.Itoa(page))
	return pick(rows, limit, page), nil
}

func pageOf(r *request) (limit, page int, err error) {
	q := r.URL.Query()
	if limit, err = limitOf(q); err != nil {
		return 0, 0, err
	}
	page = 1
	if text := q.Get("page"); text != "" {
		if page, err = strconv.Atoi(text); err != nil || page < 1 {
			return 0, 0, badRequest("page: want a number of at least 1")
		}
	}
	return limit, page, nil
}

func pick[T any](rows []T, limit, page int) []T {
	from := min((page-1)*limit, len(rows))
	return append([]T{}, rows[from:min(from+limit, len(rows))]...)
}

// hit is a row of a search with its place in the order.
type hit struct {
	at  time.Time // the row's timestamp
	key string    // tells rows of one moment apart
	row any
}

// cursor is where a hit stands: its time in milliseconds, and a number that nobody
// can guess without the row.
func (h hit) cursor() [2]int64 {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(h.key))
	return [2]int64{h.at.UnixMilli(), int64(sum.Sum32())}
}

func compareCursors(a, b [2]int64) int {
	return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
}

// searchReply is the reply of every search.
type searchReply struct {
	Start   int64  `json:"start"`
	End     int64  `json:"end"`
	Limit   int    `json:"limit"`
	Total   int    `json:"total"`
	Results []any  `json:"results"`
	Next    string `json:"next,omitempty"`
}

// searched answers a search: the hits after search_after in order of time, and where
// there are more, the relative URL of the next page.
func searched(r *request, win window, hits []hit) (any, error) {
	q := r.URL.Query()
	limit, err := limitOf(q)
	if err != nil {
		return nil, err
	}
	sort, descending := strings.CutPrefix(q.Get("sort"), "-")
	if sort != "" && sort != "timestamp" {
		return nil, badRequest("sort: this window sorts by timestamp only")
	}
	order := func(a, b [2]int64) int {
		if descending {
			a, b = b, a
		}
		return compareCursors(a, b)
	}
	slices.SortFunc(hits, func(a, b hit) int { return order(a.cursor(), b.cursor()) })
	reply := searchReply{Start: win.start.Unix(), End: win.end.Unix(), Limit: limit, Total: len(hits), Results: []any{}}
	if text := q.Get("search_after"); text != "" {
		var after [2]int64
		if json.Unmarshal([]byte(text), &after) != nil {
			return nil, badRequest("search_after: not one of ours")
		}
		from, found := slices.BinarySearchFunc(hits, after, func(h hit, c [2]int64) int { return order(h.cursor(), c) })
		if found {
			from++
		}
		hits = hits[from:]
	}
	shown := hits[:min(limit, len(hits))]
	for _, h := range shown {
		reply.Results = append(reply.Results, h.row)
	}
	if n := len(shown); n > 0 && n < len(hits) {
		after, err := json.Marshal(shown[n-1].cursor())
		if err != nil {
			return nil, fmt.Errorf("encode cursor: %w", err)
		}
		q.Set("search_after", string(after))
		q.Set("start", strconv.FormatInt(win.start.Unix(), 10))
		q.Set("end", strconv.FormatInt(win.end.Unix(), 10))
		q.Set("limit", strconv.Itoa(limit))
		q.Del("duration")
		reply.Next = r.URL.Path + "?" + q.Encode()
	}
	return reply, nil
}
