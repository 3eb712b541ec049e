package mistwindow

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Fault is something that goes wrong with requests. The zero Fault does nothing.
type Fault struct {
	// Path limits the fault to requests whose path contains it.
	Path string
	// Times is how often it happens; 0 means until it is cancelled.
	Times int
	// Status is answered instead of the reply, with a body that is not JSON.
	Status int
	// RetryAfter goes with Status.
	RetryAfter time.Duration
	// Body is answered as JSON with status 200, to be malformed.
	Body string
	// Cut closes the connection without an answer.
	Cut bool
	// Hang answers nothing until the client gives up.
	Hang bool
}

// Inject switches a fault on and returns what switches it off.
func (w *Window) Inject(f Fault) (cancel func()) {
	fault := &f
	if f.Times == 0 {
		fault.Times = -1
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, fault)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.faults = slices.DeleteFunc(w.faults, func(one *Fault) bool { return one == fault })
	}
}

// RemoveSite takes a site away, as an administrator would.
func (w *Window) RemoveSite(id uuid.UUID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.removed[id] = true
}

// SetSkew sets the cloud's clock off by d.
func (w *Window) SetSkew(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.skew = d
}

func (w *Window) faultFor(r *http.Request) *Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, fault := range w.faults {
		if fault.Times != 0 && strings.Contains(r.URL.Path, fault.Path) {
			if fault.Times > 0 {
				fault.Times--
			}
			return fault
		}
	}
	return nil
}

// act does the fault and reports whether the request is over.
func (f *Fault) act(rw http.ResponseWriter, r *http.Request) bool {
	switch {
	case f.Hang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case f.Cut:
		panic(http.ErrAbortHandler)
	case f.Status != 0:
		if f.RetryAfter > 0 {
			rw.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())))
		}
		rw.Header().Set("Content-Type", "text/html")
		rw.WriteHeader(f.Status)
		_, _ = io.WriteString(rw, "<html><body>"+http.StatusText(f.Status)+"</body></html>")
	case f.Body != "":
		rw.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(rw, f.Body)
	default:
		return false
	}
	return true
}
