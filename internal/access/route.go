package access

import "net/http"

// Mux is where routes are registered; [http.ServeMux] is one.
type Mux interface {
	Handle(pattern string, handler http.Handler)
}

// Route is a handler that says who may use it: whoever has a role that allows Action, or
// anybody, for the reason given in Public. One of the two is set.
type Route struct {
	Action Action
	Public string
	http.Handler
}

// For declares a handler that lets in only whom action is allowed. Its caller sees to that.
func For(action Action, handler http.Handler) Route { return Route{Action: action, Handler: handler} }

// Public declares a handler that anybody may use, and why.
func Public(reason string, handler http.HandlerFunc) Route {
	return Route{Public: reason, Handler: handler}
}
