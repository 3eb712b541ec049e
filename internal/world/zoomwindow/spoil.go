package zoomwindow

import (
	"net/http"
	"strconv"
	"time"
)

// withFaults answers a request with handle, spoilt by the fault that strikes it, if
// any. handle is told of the fault because some change what a good reply holds.
func (w *Window) withFaults(rw http.ResponseWriter, r *http.Request, s subject, handle func(*Injected) reply) {
	if s.answered == nil {
		s.answered = func(int) {}
	}
	in := w.Faults.strike(s)
	if in == nil {
		rep := handle(nil)
		s.answered(rep.status)
		rep.write(rw)
		return
	}
	if rep, instead := w.instead(in, s); instead {
		s.answered(rep.status)
		rep.write(rw)
		return
	}
	if in.Kind == FaultHang && !in.wait(r) {
		s.answered(0)
		return
	}
	rep := handle(in)
	s.answered(rep.status)
	switch in.Kind {
	case FaultHangAfter:
		if !in.wait(r) {
			return
		}
	case FaultCut:
		cut()
	case FaultTruncated:
		rw.Header().Set("Content-Type", rep.contentType)
		rw.Header().Set("Content-Length", strconv.Itoa(len(rep.body)))
		rw.WriteHeader(rep.status)
		_, _ = rw.Write(rep.body[:len(rep.body)/2])
		_ = http.NewResponseController(rw).Flush()
		cut()
	case FaultMalformedJSON:
		rep.body = append([]byte(`{"code":0,`), rep.body[1:len(rep.body)/2+1]...)
	default: // done before, or by handle
	}
	rep.write(rw)
}

// cut ends the connection without (further) answer.
func cut() { panic(http.ErrAbortHandler) }

// wait holds a request until the fault is released; it reports false when the
// client has gone meanwhile.
func (i *Injected) wait(r *http.Request) bool {
	select {
	case <-i.released:
		return true
	case <-r.Context().Done():
		return false
	}
}

// instead is the reply of the faults that answer without doing anything.
func (w *Window) instead(in *Injected, s subject) (reply, bool) {
	switch in.Kind {
	case FaultStatus:
		return statusReply(in.Status, in.Format), true
	case FaultRateLimit:
		return w.injectedRefusal(in), true
	case FaultUnauthorized:
		return invalidAccessToken(), true
	case FaultForbiddenHTML:
		return htmlReply(http.StatusForbidden, "<html><head><title>403 Forbidden</title></head><body><center><h1>403 Forbidden</h1></center></body></html>"), true
	case FaultNotFound:
		return meetingDoesNotExist(s.meeting), true
	case FaultDropPageTokens:
		w.pages.clear()
	default: // these let the request be handled
	}
	return reply{}, false
}

func statusReply(status int, format string) reply {
	if status == 0 {
		status = http.StatusInternalServerError
	}
	switch format {
	case "html":
		return htmlReply(status, "<html><body><h1>"+strconv.Itoa(status)+" "+http.StatusText(status)+"</h1></body></html>")
	case "empty":
		return reply{status: status, header: http.Header{}, contentType: "text/plain"}
	}
	return apiErrorReply(status, status, http.StatusText(status))
}

func (w *Window) injectedRefusal(in *Injected) reply {
	now := w.cfg.Now().UTC()
	f := refusal{category: Heavy, limit: 40, resetAt: now.Truncate(time.Second).Add(time.Second)}
	switch in.Limit {
	case "minute":
		f = refusal{category: ResourceIntensive, limit: 20, resetAt: now.Truncate(time.Minute).Add(time.Minute)}
	case "daily":
		f = refusal{category: Heavy, daily: true, limit: 60_000, resetAt: now.Truncate(day).Add(day)}
	}
	rep := w.refusalReply(&f)
	rep.header.Del("Retry-After")
	setRetryAfter(rep.header, in.RetryAfter, now, f.resetAt)
	switch {
	case in.HeaderLess:
		for _, name := range []string{"Type", "Limit", "Remaining", "Reset"} {
			rep.header.Del("X-Ratelimit-" + name)
		}
	case w.cfg.Replies.Headers != HeadersNone:
		rep.header.Set("X-Ratelimit-Category", string(f.category))
	}
	return rep
}
