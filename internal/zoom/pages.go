package zoom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
func pages[T any](ctx context.Context, c *Client, caller provider.Caller, list listing, yield func([]T) error) error {
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
			rows = make([]T, 0, list.pageSize)
			next, err = decodePage(body, list.array, func(decoder *json.Decoder) error {
				rows = append(rows, *new(T))
				return decode(decoder, &rows[len(rows)-1])
			})
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

// decodePage reads one page as it arrives: element is called at every element of the
// array, other fields are skipped. It returns the token of the next page, "" at the end.
func decodePage(body io.Reader, array string, element func(*json.Decoder) error) (next string, err error) {
	decoder := json.NewDecoder(body)
	if err := expect(decoder, '{'); err != nil {
		return "", err
	}
	found := false
	for decoder.More() {
		key, err := token(decoder)
		if err != nil {
			return "", err
		}
		switch key {
		case array:
			found = true
			if err := decodeArray(decoder, element); err != nil {
				return "", err
			}
		case "next_page_token":
			var following flexText
			if err := decode(decoder, &following); err != nil {
				return "", err
			}
			next = string(following)
		default:
			var skipped json.RawMessage
			if err := decode(decoder, &skipped); err != nil {
				return "", err
			}
		}
	}
	if err := expect(decoder, '}'); err != nil {
		return "", err
	}
	if !found {
		return "", &valueError{"a list: it has no " + array}
	}
	return next, nil
}

func decodeArray(decoder *json.Decoder, element func(*json.Decoder) error) error {
	begin, err := token(decoder)
	if err != nil {
		return err
	}
	if begin == nil {
		return nil // null: an empty list
	}
	if begin != json.Delim('[') {
		return &valueError{"a list"}
	}
	for decoder.More() {
		if err := element(decoder); err != nil {
			return err
		}
	}
	return expect(decoder, ']')
}

func expect(decoder *json.Decoder, wanted json.Delim) error {
	found, err := token(decoder)
	if err != nil {
		return err
	}
	if found != wanted {
		return &valueError{"an object"}
	}
	return nil
}

func token(decoder *json.Decoder) (json.Token, error) {
	found, err := decoder.Token()
	if err != nil {
		return nil, fmt.Errorf("read page: %w", err)
	}
	return found, nil
}

func decode(decoder *json.Decoder, into any) error {
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("read page: %w", err)
	}
	return nil
}
