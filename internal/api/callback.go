package api

import (
	"embed"
	"html/template"
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"callweave/internal/authorize"
	"callweave/internal/provider"
	"callweave/internal/secret"
	"callweave/workflows"
)

//go:embed pages/*.html
var pageFiles embed.FS

//nolint:gochecknoglobals // parsed once, never written again
var pages = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

// pagePolicy lets the pages' one style sheet in, and nothing else.
const pagePolicy = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// reasons are what an administrator is told; the Authorize workflow's codes too.
func reason(code string) (text string, status int) {
	switch code {
	case "":
		return "The account is linked. You can close this page.", http.StatusOK
	case authorize.CodeMissingState:
		return "The app is installed, but no organization is linked to the account yet, and nothing is read from it.", http.StatusOK
	case authorize.CodeInvalidState:
		return "This address is not one that we handed out. Begin again from the page where you wanted to link the account.", http.StatusBadRequest
	case authorize.CodeExpired:
		return "You came back too late: a link must be confirmed within ten minutes. Begin again.", http.StatusBadRequest
	case authorize.CodeAlreadyUsed:
		return "This authorization was answered before. If the account is not in the table, begin again.", http.StatusBadRequest
	case authorize.CodePending:
		return "The app was allowed, but the account's service does not say yet which account it is. We go on asking for an hour, and the account comes up in the table when it does. You can close this page.", http.StatusAccepted
	case authorize.CodeAccessDenied:
		return "The authorization was declined. Nothing was linked.", http.StatusOK
	case workflows.CodeMissingScopes:
		return "The app may not even read which account it was added to. Nothing was linked. Add the permissions that the documentation lists to the app, and begin again.", http.StatusOK
	case workflows.CodeSuperseded:
		return "The account was authorized once more after this, and that authorization counts. If the account is not in the table, begin again.", http.StatusOK
	case workflows.CodeAppDisabled:
		return "The account's administrator does not allow the app. Nothing was linked. Have it allowed, and begin again.", http.StatusOK
	case workflows.CodeUnlinking:
		return "The account was unlinked a moment ago and is still being erased. Begin again in some minutes.", http.StatusOK
	case workflows.CodeProviderUnavailable:
		return "The account's service does not answer. Nothing was linked. Begin again later.", http.StatusOK
	case workflows.CodeMisconfigured:
		return "We are not set up correctly, and our operators have to mend it. Your account is not the cause, and nothing was linked.", http.StatusOK
	}
	return "The account could not be linked (" + code + "). Begin again; if it happens once more, tell your operator this code.", http.StatusOK
}

// callback receives the browser that comes back from the provider. The code in its query
// is a secret: it goes to the sealed row and nowhere else.
func (s *Server) callback(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	request := authorize.Callback{
		Provider: provider.Name(r.PathValue("provider")),
		State:    query.Get("state"),
		Code:     secret.New(query.Get("code")),
		Error:    query.Get("error"),
	}
	if text := r.PathValue("org_id"); text != "" {
		org, err := uuid.Parse(text)
		if err != nil {
			s.page(w, r, authorize.Ending{Code: authorize.CodeInvalidState}, "")
			return
		}
		request.OrgID = org
	}
	end, err := s.authorize.Finish(r.Context(), request)
	s.conclude(w, r, end, err)
}

// pending is where the waiting page asks again. It has no code and changes nothing that
// the callback did not.
func (s *Server) pending(w http.ResponseWriter, r *http.Request) {
	end, err := s.authorize.Resume(r.Context(), provider.Name(r.PathValue("provider")), r.URL.Query().Get("state"))
	s.conclude(w, r, end, err)
}

func (s *Server) conclude(w http.ResponseWriter, r *http.Request, end authorize.Ending, err error) {
	noteOrg(r.Context(), end.OrgID)
	if err != nil {
		s.logger.ErrorContext(r.Context(), "callback failed", "request_id", requestID(r.Context()), "error", err)
		s.page(w, r, authorize.Ending{Code: authorize.CodeFailed}, "")
		return
	}
	switch {
	case end.Pending:
		again := url.URL{Path: "/api/v1/oauth2/app/" + r.PathValue("provider") + "/pending"}
		again.RawQuery = url.Values{"state": {r.URL.Query().Get("state")}}.Encode()
		s.page(w, r, end, again.String())
	case end.Forward != "":
		http.Redirect(w, r, end.Forward, http.StatusSeeOther)
	default:
		s.page(w, r, end, "")
	}
}

func (s *Server) page(w http.ResponseWriter, r *http.Request, end authorize.Ending, again string) {
	text, status := reason(end.Code)
	if end.Code == authorize.CodeFailed {
		status = http.StatusInternalServerError
	}
	title := "Linking an account"
	if end.Pending {
		text, status = "The account is being linked. This page looks again by itself.", http.StatusAccepted
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", pagePolicy)
	w.WriteHeader(status)
	err := pages.ExecuteTemplate(w, "ending.html", map[string]any{
		"Title": title, "Text": text, "Again": again, "Installed": end.Code == authorize.CodeMissingState,
	})
	if err != nil {
		s.logger.WarnContext(r.Context(), "page was not written", "request_id", requestID(r.Context()), "error", err)
	}
}
