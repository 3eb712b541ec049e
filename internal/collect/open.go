package collect

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"callweave/internal/mist"
	"callweave/internal/store/db"
	"callweave/internal/vault"
)

// requestTimeout bounds one request: a page of a large org takes seconds.
const requestTimeout = 30 * time.Second

// OpenMist opens the networks of orgs in the Mist cloud, with the token and the address
// that are kept with the org. A nil client means one with a timeout of 30 s, a nil now the
// system's clock.
func OpenMist(master *vault.Master, client *http.Client, now func() time.Time) Open {
	return func(org db.Org) (Network, error) {
		token, err := master.OpenText(vault.PurposeNetworkToken, org.MistTokenSealed)
		if err != nil {
			return Network{}, fmt.Errorf("network token of %s: %w", org.OrgID, err)
		}
		counted := &http.Client{Timeout: requestTimeout}
		if client != nil {
			*counted = *client
		}
		counter := &counter{next: counted.Transport}
		counted.Transport = counter
		cloud, err := mist.New(mist.Config{BaseURL: org.MistUrl, Token: token, HTTP: counted})
		if err != nil {
			return Network{}, fmt.Errorf("network of %s: %w", org.OrgID, err)
		}
		return Network{
			Source:   mist.NewSource(cloud, org.OrgID, now),
			Requests: func() int { return int(counter.sent.Load()) },
		}, nil
	}
}

// counter counts the requests that it sends.
type counter struct {
	next http.RoundTripper
	sent atomic.Int64
}

// RoundTrip implements http.RoundTripper.
func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.sent.Add(1)
	next := c.next
	if next == nil {
		next = http.DefaultTransport
	}
	return next.RoundTrip(r) //nolint:wrapcheck // a transport must hand on its errors as they are
}
