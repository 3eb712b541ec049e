package network

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/google/uuid"

	"callweave/internal/macaddr"
)

// Source is one org's network as its vendor shows it. Implementations are safe for
// concurrent use, spend requests only in these methods, and return errors whose
// class [ClassOf] tells. A sequence ends at its first error.
type Source interface {
	// Sites lists the sites with what is known of their addresses.
	Sites(ctx context.Context) ([]Site, error)
	// Clients yields the clients connected to a site now.
	Clients(ctx context.Context, siteID uuid.UUID) iter.Seq2[ClientSnapshot, error]
	// Devices reads the named devices, radios and uplinks of all sites now.
	Devices(ctx context.Context) (Devices, error)
	// Sessions yields the wireless sessions that ended within [from, to).
	Sessions(ctx context.Context, from, to time.Time) iter.Seq2[Session, error]
	// Sightings yields the clients seen within [from, to). The narrower the window,
	// the fewer clients have several addresses in it.
	Sightings(ctx context.Context, from, to time.Time) iter.Seq2[Sighting, error]
	// PastClient reads a client's history at the vendor's coarse resolution. Like
	// the other two histories it returns [ErrNotOffered] where there is none.
	PastClient(ctx context.Context, siteID uuid.UUID, mac macaddr.Addr, from, to time.Time) ([]ClientSample, error)
	// PastRadio reads the history of one radio of an access point.
	PastRadio(ctx context.Context, siteID uuid.UUID, mac macaddr.Addr, band Band, from, to time.Time) ([]RadioSample, error)
	// PastWAN reads the history of a site's uplink.
	PastWAN(ctx context.Context, siteID uuid.UUID, from, to time.Time) ([]WANSample, error)
	// Budget tells how many requests are left. It costs one itself.
	Budget(ctx context.Context) (Budget, error)
}

// ErrNotOffered says that the network keeps no such history: not a failure, and not
// an empty history either.
var ErrNotOffered = errors.New("network offers no such history")

// Class says what to do about an error of a [Source].
type Class string

// The classes of errors.
const (
	Unauthorized  Class = "unauthorized"  // the token is wrong, revoked or expired: ask for a new one
	Forbidden     Class = "forbidden"     // the token may not read this: widen it or leave it out
	NotFound      Class = "not_found"     // the site or device is gone: drop it
	RateLimited   Class = "rate_limited"  // wait for the delay
	Transient     Class = "transient"     // try again
	Malformed     Class = "malformed"     // the answer cannot be read: quarantine it
	Misconfigured Class = "misconfigured" // our request or address is wrong
)

// classed is what errors of a [Source] provide.
type classed interface {
	error
	Class() Class
	RetryAfter() time.Duration
}

// ClassOf returns the class of err, and for [RateLimited] how long to wait. It
// returns "" for an error of no source: a cancelled context, [ErrNotOffered].
func ClassOf(err error) (Class, time.Duration) {
	if c, ok := errors.AsType[classed](err); ok {
		return c.Class(), c.RetryAfter()
	}
	return "", 0
}
