package zoomwindow

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"
)

// FaultKind is what goes wrong.
type FaultKind string

// The faults.
const (
	FaultStatus         FaultKind = "status"           // answers Status, in Format, without doing anything
	FaultRateLimit      FaultKind = "rate_limit"       // 429, as Limit and RetryAfter say
	FaultUnauthorized   FaultKind = "unauthorized"     // 401, code 124, though the token is good
	FaultForbiddenHTML  FaultKind = "forbidden_html"   // 403 with a page, as a proxy in between answers
	FaultNotFound       FaultKind = "not_found"        // 404, code 3001, though the meeting is listed
	FaultHang           FaultKind = "hang"             // waits for [Injected.Release], then goes on
	FaultHangAfter      FaultKind = "hang_after"       // does its work, then waits before it answers
	FaultCut            FaultKind = "cut"              // does its work, then cuts the connection
	FaultTruncated      FaultKind = "truncated"        // half of the body, then a cut
	FaultMalformedJSON  FaultKind = "malformed_json"   // a whole body that is no JSON
	FaultDropPageTokens FaultKind = "drop_page_tokens" // every page token issued so far is dead
	FaultEmptyQoS       FaultKind = "empty_user_qos"   // participants without samples
)

// Fault describes what goes wrong and for which requests: those that match every
// field that is set.
type Fault struct {
	Kind FaultKind `json:"kind"`

	Path      string `json:"path,omitempty"`       // regular expression on the escaped path
	AccountID string `json:"account_id,omitempty"` // of the token or code presented
	Meeting   string `json:"meeting,omitempty"`    // a meeting's UUID in base64
	GrantType string `json:"grant_type,omitempty"` // of a token request

	Skip  int `json:"skip,omitempty"`  // matching requests let through first
	Count int `json:"count,omitempty"` // requests to spoil; 0 is one, negative is all

	Status     int              `json:"status,omitempty"`      // of FaultStatus; default 500
	Format     string           `json:"format,omitempty"`      // of FaultStatus: json (default), html or empty
	Limit      string           `json:"limit,omitempty"`       // of FaultRateLimit: qps (default), minute or daily
	RetryAfter RetryAfterFormat `json:"retry_after,omitempty"` // of FaultRateLimit
	HeaderLess bool             `json:"headerless,omitempty"`  // of FaultRateLimit: no X-RateLimit header at all
}

// Injected is a fault at work.
type Injected struct {
	Fault

	ID string

	owner    *Faults
	path     *regexp.Regexp
	seen     int // under owner.mu
	fired    int // under owner.mu
	hits     chan struct{}
	released chan struct{}
	once     sync.Once
}

// hitBuffer is how many hits may be waiting to be read before further ones are not
// told; they are still counted.
const hitBuffer = 1024

// Hits gives one value for each request that the fault struck, as it strikes.
func (i *Injected) Hits() <-chan struct{} { return i.hits }

// Release lets every request go on that the fault holds or will hold.
func (i *Injected) Release() { i.once.Do(func() { close(i.released) }) }

// Fired is how many requests the fault has struck.
func (i *Injected) Fired() int {
	i.owner.mu.Lock()
	defer i.owner.mu.Unlock()
	return i.fired
}

// Faults are the faults switched on. Its methods are safe for concurrent use.
type Faults struct {
	mu     sync.Mutex
	next   int
	active []*Injected
}

func newFaults() *Faults { return &Faults{} }

// Add switches a fault on. It fails for a path that is no regular expression and for
// a kind there is not.
func (f *Faults) Add(fault Fault) (*Injected, error) {
	switch fault.Kind {
	case FaultStatus, FaultRateLimit, FaultUnauthorized, FaultForbiddenHTML, FaultNotFound, FaultHang, FaultHangAfter,
		FaultCut, FaultTruncated, FaultMalformedJSON, FaultDropPageTokens, FaultEmptyQoS:
	default:
		return nil, fmt.Errorf("add fault: unknown kind %q", fault.Kind)
	}
	path, err := regexp.Compile(fault.Path)
	if err != nil {
		return nil, fmt.Errorf("add fault: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	injected := &Injected{
		Fault: fault, ID: strconv.Itoa(f.next), owner: f, path: path,
		hits: make(chan struct{}, hitBuffer), released: make(chan struct{}),
	}
	f.active = append(f.active, injected)
	return injected, nil
}

// Remove switches a fault off and releases what it holds; it reports whether there
// was one.
func (f *Faults) Remove(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.active, func(in *Injected) bool { return in.ID == id })
	if i < 0 {
		return false
	}
	f.active[i].Release()
	f.active = slices.Delete(f.active, i, i+1)
	return true
}

// Clear switches every fault off and releases what they hold.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, injected := range f.active {
		injected.Release()
	}
	f.active = nil
}

// subject is what a request is about, for a fault to match.
type subject struct {
	path, accountID, meeting, grantType string

	answered func(status int) // told before the answer leaves; may be nil
}

// strike returns the first fault that spoils a request about s, and counts it. At
// most one strikes; the others do not see the request.
func (f *Faults) strike(s subject) *Injected {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, in := range f.active {
		if !in.matches(s) {
			continue
		}
		if count := max(in.Count, 1); in.Count >= 0 && in.fired >= count {
			continue
		}
		if in.seen++; in.seen <= in.Skip {
			continue
		}
		in.fired++
		select {
		case in.hits <- struct{}{}:
		default:
		}
		return in
	}
	return nil
}

func (i *Injected) matches(s subject) bool {
	return i.path.MatchString(s.path) &&
		(i.AccountID == "" || i.AccountID == s.accountID) &&
		(i.Meeting == "" || i.Meeting == s.meeting) &&
		(i.GrantType == "" || i.GrantType == s.grantType)
}
