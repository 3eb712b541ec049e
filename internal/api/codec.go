package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"

	"go.temporal.io/sdk/converter"
)

// What the Temporal UI and `temporal --codec-endpoint …/codec` call: the first for what they
// show, the second for what they send. Without the second, an endpoint that somebody set
// once and for all would keep them from starting, signalling and updating anything.
const (
	decodePath = "/codec/decode"
	encodePath = "/codec/encode"
)

// codecHandler opens and seals payloads for the operator. Payloads are of all orgs, so no
// org's token and no session opens any: that takes the operator's own secret. It takes the
// same to seal, though workers read plain payloads as well.
func (s *Server) codecHandler() http.Handler {
	handler := converter.NewPayloadCodecHTTPHandler(s.codec.Codec)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.allowUI(w, r)
		if !s.mayUseCodec(r) {
			s.writeError(w, r, unauthorized())
			return
		}
		handler.ServeHTTP(w, r)
	})
}

func (s *Server) mayUseCodec(r *http.Request) bool {
	if s.codec.AllowLoopback && s.fromUI(r) && loopbackHost(r.RemoteAddr) && loopbackHost(r.Host) {
		return true
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if s.codec.Token.IsZero() || !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	// Hashes are of one length: the comparison does not tell that of the secret either.
	given, want := sha256.Sum256([]byte(strings.TrimSpace(token))), sha256.Sum256([]byte(s.codec.Token.Reveal()))
	return subtle.ConstantTimeCompare(given[:], want[:]) == 1
}

func (s *Server) fromUI(r *http.Request) bool {
	return s.codec.UIOrigin != "" && r.Header.Get("Origin") == s.codec.UIOrigin
}

func (s *Server) preflight(w http.ResponseWriter, r *http.Request) {
	s.allowUI(w, r)
	w.WriteHeader(http.StatusNoContent)
}

// allowUI lets the pages of the Temporal UI, and no others, read our answer.
func (s *Server) allowUI(w http.ResponseWriter, r *http.Request) {
	w.Header().Add("Vary", "Origin")
	if !s.fromUI(r) {
		return
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", s.codec.UIOrigin)
	h.Set("Access-Control-Allow-Credentials", "true") // no cookie counts here, but the operator's proxy may know people by one
	h.Set("Access-Control-Allow-Methods", "POST")
	// The extras are the id token of a UI with a sign-in of its own: a browser that may not send it sends nothing.
	h.Set("Access-Control-Allow-Headers", "Authorization, Authorization-Extras, Content-Type, X-Namespace")
	h.Set("Access-Control-Max-Age", "600")
}

// loopbackHost reports whether a host, with or without port, is this machine. A Host
// header that is not keeps out pages that had their name resolved to 127.0.0.1.
func loopbackHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
