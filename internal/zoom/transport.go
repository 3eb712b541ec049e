package zoom

import "net/http"

const (
	// idleConns is how many connections to one host are kept where it speaks HTTP/1: as
	// many as a large account's meetings are read by at once, and some. The default of 2
	// makes most requests dial.
	idleConns = 16
	// readBuffer is how much is read off a connection at once: pages are some hundred kilobytes.
	readBuffer = 64 << 10
)

// NewTransport makes a transport as [http.DefaultTransport] is one, for replies that are long and
// come from one host.
func NewTransport() *http.Transport {
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok { // somebody has put another one in its place
		transport = &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	}
	transport = transport.Clone()
	transport.MaxIdleConnsPerHost, transport.ReadBufferSize = idleConns, readBuffer
	return transport
}
