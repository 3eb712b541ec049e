package zoom

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/url"
	"strconv"

	"callweave/internal/provider"
)

// maxPages bounds a listing that never ends.
const maxPages = 10_000

// restarts is how often a listing begins again because its page token died.
const restarts = 2

// listing is one paged list of the dashboard.
type listing struct {
	operation string
	category  string
	path      string // escaped
	query     url.Values
	array     string // the field that holds the rows
	pageSize  int
}

// pages hands the rows of every page to yield, in order. It ends with errPageTokenDied
// where the listing took longer than a page token lives. Errors of yield pass through.
func pages[T any](ctx context.Context, c *Client, caller provider.Caller, list listing, row func(*reader) T, yield func([]T) error) error {
	query := url.Values{"page_size": {strconv.Itoa(list.pageSize)}}
	maps.Copy(query, list.query)
	before := func(ctx context.Context) error { return c.admit(ctx, list, caller.AccountRef) }
	for range maxPages {
		target, err := c.endpoint(list.path, query)
		if err != nil {
			return &provider.Error{Kind: provider.Misconfigured, Operation: list.operation, Err: err}
		}
		var (
			rows []T
			next string
		)
		err = c.get(ctx, list.operation, caller.Access, target, before, func(body io.Reader) error {
			r := c.readers.Get().(*reader) //nolint:forcetypeassert // the pool has no other
			r.reset(body)
			defer func() {
				r.body = nil
				c.readers.Put(r)
			}()
			rows, next, err = readPage(r, list.array, maxRows(list.pageSize), row)
			return err
		})
		if err != nil {
			return err
		}
		if err := yield(rows); err != nil {
			return err
		}
		if next == "" {
			return nil
		}
		query.Set("next_page_token", next)
	}
	return &provider.Error{Kind: provider.Malformed, Operation: list.operation, Err: errors.New("listing does not end")}
}

// admit waits for the account's turn and charges one request.
func (c *Client) admit(ctx context.Context, list listing, ref provider.AccountRef) error {
	if err := c.pace.wait(ctx, ref.String(), list.category); err != nil {
		return &provider.Error{Kind: provider.Transient, Operation: list.operation, Err: err}
	}
	if c.config.Meter == nil {
		return nil
	}
	return c.config.Meter.Reserve(ctx, ref, list.category, 1)
}
