package authorize

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// ErrForward says that the browser must not be sent back to a URL.
var ErrForward = errors.New("forward: want https://host/path with a host that FORWARD_HOSTS lists")

// Forwards knows where browsers may be sent back to: nowhere else, so that our callback
// is no open redirect.
type Forwards struct {
	own   string // scheme://host of PUBLIC_URL
	hosts map[string]bool
}

// NewForwards allows hosts (host or host:port) and the origin of publicURL.
func NewForwards(publicURL string, hosts []string) (Forwards, error) {
	public, err := url.Parse(publicURL)
	if err != nil || public.Host == "" {
		return Forwards{}, errors.New("PUBLIC_URL: want http://host or https://host")
	}
	f := Forwards{own: origin(public), hosts: map[string]bool{}}
	for _, host := range hosts {
		f.hosts[strings.ToLower(host)] = true
	}
	return f, nil
}

// Check returns the URL in its normal form, or [ErrForward] with the reason. Plain http
// is for this machine and for our own origin only.
func (f Forwards) Check(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return "", fmt.Errorf("%w: it is not an absolute URL", ErrForward)
	case u.User != nil || u.Fragment != "":
		return "", fmt.Errorf("%w: it must have no user and no fragment", ErrForward)
	case origin(u) == f.own:
		return u.String(), nil
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return "", fmt.Errorf("%w: it is not https", ErrForward)
	case !f.hosts[hostport(u)]:
		return "", fmt.Errorf("%w: its host is not one of them", ErrForward)
	}
	return u.String(), nil
}

func origin(u *url.URL) string { return strings.ToLower(u.Scheme) + "://" + hostport(u) }

// hostport is the host in lower case, with its port unless that is the scheme's own.
func hostport(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if u.Scheme == "https" {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
