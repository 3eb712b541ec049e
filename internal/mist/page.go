package mist

import (
	"context"
	"errors"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// paged yields the rows of an array reply, page after page, with the cloud's time of
// the page. Rows may move between pages while the list changes, so a row may come
// twice.
func paged[T any](ctx context.Context, c *Client, operation, path string, query url.Values) iter.Seq2[at[T], error] {
	return func(yield func(at[T], error) bool) {
		for page := 1; ; page++ {
			q := clone(query)
			q.Set("limit", strconv.Itoa(pageLimit))
			q.Set("page", strconv.Itoa(page))
			var rows []T
			reply, err := c.get(ctx, operation, path, q, &rows)
			if err != nil {
				yield(at[T]{}, err)
				return
			}
			for _, row := range rows {
				if !yield(at[T]{row: row, at: reply.at}, nil) {
					return
				}
			}
			if lastPage(reply.header, page, len(rows)) {
				return
			}
		}
	}
}

// at is a row and the cloud's time of the reply it came in.
type at[T any] struct {
	row T
	at  time.Time
}

// lastPage decides by the X-Page headers, because the cloud may grant a smaller limit
// than was asked for. Without them a page that is not full is the last.
func lastPage(header http.Header, page, rows int) bool {
	total, err := strconv.Atoi(header.Get("X-Page-Total"))
	limit, errLimit := strconv.Atoi(header.Get("X-Page-Limit"))
	if err != nil || errLimit != nil || limit <= 0 {
		return rows < pageLimit
	}
	return rows == 0 || page*limit >= total
}

// searched is a page of a search reply.
type searched[T any] struct {
	Results []T    `json:"results"`
	Next    string `json:"next"`
}

// search yields the rows of a search reply like [paged], following next as given.
func search[T any](ctx context.Context, c *Client, operation, path string, query url.Values) iter.Seq2[at[T], error] {
	return func(yield func(at[T], error) bool) {
		q := clone(query)
		q.Set("limit", strconv.Itoa(pageLimit))
		target := c.base.JoinPath(path)
		target.RawQuery = q.Encode()
		for visited := map[string]bool{}; ; {
			visited[target.String()] = true
			var page searched[T]
			reply, err := c.getURL(ctx, operation, target, &page)
			if err != nil {
				yield(at[T]{}, err)
				return
			}
			for _, row := range page.Results {
				if !yield(at[T]{row: row, at: reply.at}, nil) {
					return
				}
			}
			if page.Next == "" || len(page.Results) == 0 {
				return
			}
			next, err := c.next(target, page.Next)
			if err == nil && visited[next.String()] {
				err = errors.New("next page leads back")
			}
			if err != nil {
				yield(at[T]{}, malformed(operation, http.StatusOK, err))
				return
			}
			target = next
		}
	}
}

// next resolves the relative URL of the next page. The token goes with it, so it must
// not lead to another host.
func (c *Client) next(current *url.URL, ref string) (*url.URL, error) {
	next, err := current.Parse(ref)
	if err != nil || next.Scheme != c.base.Scheme || next.Host != c.base.Host {
		return nil, errors.New("next page is not of this host")
	}
	return next, nil
}

// window is the query of a search over [from, to), in whole seconds: that is what the
// cloud takes, so the window is widened to them.
func window(from, to time.Time) url.Values {
	end := to.Unix()
	if to.Nanosecond() > 0 {
		end++
	}
	return url.Values{"start": {strconv.FormatInt(from.Unix(), 10)}, "end": {strconv.FormatInt(end, 10)}}
}

func clone(query url.Values) url.Values {
	out := make(url.Values, len(query)+2)
	maps.Copy(out, query)
	return out
}
