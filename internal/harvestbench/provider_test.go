package harvestbench

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"callweave/internal/world"
	"callweave/internal/world/zoomwindow"
)

const (
	clientID     = "client"
	clientSecret = "client-secret-client-secret"
	redirectURL  = "http://callweave.test/callback"
	verifier     = "verifier-verifier-verifier-verifier-verifier-1"

	renderPath = "/bench/render"
)

// day is the UTC day that is harvested.
func day() time.Time { return time.Date(2026, 11, 10, 0, 0, 0, 0, time.UTC) }

// worldOf is a world whose first account has so many meetings a day.
func worldOf(meetings int) (*world.World, error) {
	return world.New(world.Config{
		Seed: 7, Orgs: 3, SitesPerOrg: 4, APsPerSite: 8, Accounts: 1, PeoplePerOrg: max(24, meetings/4), MeetingsPerDay: meetings,
	})
}

func windowOf(w *world.World, now func() time.Time) *zoomwindow.Window {
	return zoomwindow.New(w, zoomwindow.Config{
		Clients: []zoomwindow.Client{{
			ID: clientID, Secret: clientSecret, RedirectURIs: []string{redirectURL},
			Scopes: []string{"dashboard_meetings:read:admin", "user:read:admin"},
		}},
		Now: now, Limits: &zoomwindow.Limits{}, OAuth: zoomwindow.OAuthOptions{AccessLife: 1000 * time.Hour},
	})
}

// providerInput is what the provider's process is told.
type providerInput struct {
	Meetings int
	Now      time.Time // its clock stands still
}

// rendered is what was rendered ahead of time.
type rendered struct {
	Meetings, Legs, Replies int
	Bytes                   int64
}

// replay answers reads of meetings with replies that were rendered before, and the rest
// as the simulated provider does.
type replay struct {
	world  *world.World
	window *zoomwindow.Window

	mu      sync.RWMutex
	replies map[string][]byte
}

func provide(ctx context.Context, input []byte) error {
	var in providerInput
	if err := json.Unmarshal(input, &in); err != nil {
		return fmt.Errorf("provider: %w", err)
	}
	w, err := worldOf(in.Meetings)
	if err != nil {
		return fmt.Errorf("provider: %w", err)
	}
	r := &replay{world: w, window: windowOf(w, func() time.Time { return in.Now }), replies: map[string][]byte{}}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("provider: %w", err)
	}
	server := &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	fmt.Println("http://" + listener.Addr().String()) //nolint:forbidigo // the parent reads it
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("provider: %w", err)
	}
	return nil
}

func replyKey(u *url.URL) string { return u.EscapedPath() + "?" + u.Query().Encode() }

func (r *replay) ServeHTTP(rw http.ResponseWriter, request *http.Request) {
	if request.URL.Path == renderPath {
		r.serveRender(rw, request)
		return
	}
	r.mu.RLock()
	reply, ok := r.replies[replyKey(request.URL)]
	r.mu.RUnlock()
	switch {
	case ok:
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write(reply)
	case strings.Contains(request.URL.Path, "/participants"):
		http.Error(rw, "this reply was not rendered ahead of time", http.StatusNotImplemented)
	default:
		r.window.ServeHTTP(rw, request)
	}
}

func (r *replay) serveRender(rw http.ResponseWriter, request *http.Request) {
	var group errgroup.Group
	group.SetLimit(2)
	// A list has the meetings of its last second, too.
	meetings := r.world.MeetingsStarting(r.world.Accounts[0], day(), day().AddDate(0, 0, 1).Add(time.Second))
	legs := 0
	for _, m := range meetings {
		legs += len(m.Legs)
		group.Go(func() error {
			path := "/v2/metrics/meetings/" + escapeID(base64.StdEncoding.EncodeToString(m.UUID[:])) + "/participants"
			if err := r.render(request, path, 300); err != nil {
				return err
			}
			return r.render(request, path+"/qos", 10)
		})
	}
	if err := group.Wait(); err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	done := rendered{Meetings: len(meetings), Legs: legs, Replies: len(r.replies)}
	for _, reply := range r.replies {
		done.Bytes += int64(len(reply))
	}
	if err := json.NewEncoder(rw).Encode(done); err != nil {
		panic(err) // the benchmark cannot go on
	}
}

// escapeID writes a meeting's id into a path as Zoom wants it.
func escapeID(id string) string {
	escaped := url.QueryEscape(id)
	if strings.HasPrefix(id, "/") || strings.Contains(id, "//") {
		escaped = url.QueryEscape(escaped)
	}
	return escaped
}

// render keeps the pages of one list.
func (r *replay) render(asked *http.Request, path string, pageSize int) error {
	query := url.Values{"type": {"past"}, "page_size": {strconv.Itoa(pageSize)}}
	for {
		request := httptest.NewRequestWithContext(asked.Context(), http.MethodGet, path+"?"+query.Encode(), nil)
		request.Header.Set("Authorization", asked.Header.Get("Authorization"))
		answer := httptest.NewRecorder()
		r.window.ServeHTTP(answer, request)
		if answer.Code != http.StatusOK {
			return fmt.Errorf("render %s: status %d", path, answer.Code)
		}
		var page struct {
			Next string `json:"next_page_token"`
		}
		if err := json.Unmarshal(answer.Body.Bytes(), &page); err != nil {
			return fmt.Errorf("render %s: %w", path, err)
		}
		r.mu.Lock()
		r.replies[replyKey(request.URL)] = answer.Body.Bytes()
		r.mu.Unlock()
		if page.Next == "" {
			return nil
		}
		query.Set("next_page_token", page.Next)
	}
}
