package mistwindow

import (
	"time"
)

// object is a JSON object of a reply.
type object map[string]any

// self answers GET /self for an org's token: one privilege.
func (w *Window) self(r *request) (any, error) {
	return object{
		"name": "Callweave collector",
		"privileges": []object{{
			"scope": "org", "role": "read", "org_id": r.org.ID, "org_name": r.org.Name, "name": r.org.Name,
		}},
	}, nil
}

// usage answers GET /self/usage. The call itself is counted.
func (w *Window) usage(r *request) (any, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return object{
		"requests": r.token.calls, "request_limit": w.limit,
		"seconds": int(r.token.hour.Add(time.Hour).Sub(r.now).Seconds()),
	}, nil
}
