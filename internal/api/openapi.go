package api

import (
	_ "embed"
	"net/http"
)

// openapi describes every route of the starter but the console's pages, in OpenAPI 3.0.
// Tests hold the routes, and what they answer, to it.
//
//go:embed openapi.json
var openapi []byte

// OpenAPI returns the document that GET /api/openapi.json answers with.
func OpenAPI() []byte { return openapi }

func (s *Server) showOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(openapi) // the client went away: nobody is left to tell
}
