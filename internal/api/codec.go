package api

import (
	"net"
	"net/http"

	"go.temporal.io/sdk/converter"

	"callweave/internal/access"
)

// codecPath is what the Temporal UI and `temporal --codec-endpoint …/codec` call. There
// is no encode: nobody outside needs it, and it would let strangers seal.
const codecPath = "/codec/decode"

// decodeHandler opens payloads for people who may read them. They hold ids and counts
// only, but an id is enough to protect.
func (s *Server) decodeHandler() http.Handler {
	decode := converter.NewPayloadCodecHTTPHandler(s.codec.Codec)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.allowUI(w, r)
		if err := s.mayDecode(r); err != nil {
			s.writeError(w, r, err)
			return
		}
		decode.ServeHTTP(w, r)
	})
}

func (s *Server) mayDecode(r *http.Request) error {
	if s.codec.AllowLoopback && s.fromUI(r) && loopbackHost(r.RemoteAddr) && loopbackHost(r.Host) {
		return nil
	}
	if r.Header.Get("Authorization") == "" && s.fromUI(r) && s.codec.Session != nil {
		if who, signedIn := s.codec.Session(r); signedIn {
			return allowed(who)
		}
	}
	who, err := s.identify(r)
	if err != nil {
		return err
	}
	return allowed(who)
}

func allowed(who access.Identity) error {
	if !who.Role.May(access.DecodePayloads) {
		return forbidden()
	}
	return nil
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
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Allow-Methods", "POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Namespace")
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
