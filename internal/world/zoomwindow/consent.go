package zoomwindow

import (
	"bytes"
	"html/template"
	"net/http"
)

// The fields of the consent form.
const (
	fieldRequest  = "request"
	fieldUser     = "user_id"
	fieldDecision = "decision"

	decisionAllow   = "allow"
	decisionDecline = "decline"
)

const consentHTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Authorize app (simulated Zoom)</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;color:#1c2733;background:#fff}
h1{font-size:1.4rem} fieldset{border:1px solid #c6ced6;border-radius:.5rem;padding:1rem;margin:0 0 1rem}
label{display:block;padding:.25rem 0} li{font-family:ui-monospace,monospace;font-size:.85rem}
button{font:inherit;padding:.5rem 1.5rem;border-radius:.5rem;border:1px solid #0b5cff;cursor:pointer;background:#fff;color:#0b5cff}
button[value=allow]{background:#0b5cff;color:#fff} .note{color:#5b6875;font-size:.85rem}
</style>
</head>
<body>
<h1>An app wants to access your Zoom account</h1>
<p>App <code>{{.ClientID}}</code> asks for:</p>
<ul>{{range .Scopes}}<li>{{.}}</li>{{end}}</ul>
<form id="consent" method="post" action="authorize">
<input type="hidden" name="request" value="{{.Request}}">
<fieldset>
<legend>Sign in as</legend>
{{range $i, $a := .Admins}}<label><input type="radio" name="user_id" value="{{.UserID}}" data-email="{{.Email}}"{{if eq $i 0}} checked{{end}}>
{{.Name}} &lt;{{.Email}}&gt;, {{.Company}}</label>
{{end}}</fieldset>
<button type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="decline">Decline</button>
</form>
<p class="note">This is a simulated Zoom. Nobody listed here exists.</p>
</body>
</html>
`

type consentAdmin struct{ UserID, Name, Email, Company string }

func (w *Window) consentPage(request string, client Client) reply {
	data := struct {
		ClientID, Request string
		Scopes            []string
		Admins            []consentAdmin
	}{ClientID: client.ID, Request: request, Scopes: w.settings.clientScopes(client.ID)}
	for _, account := range w.accounts {
		for _, p := range account.Admins {
			if w.settings.userRemoved(p.ZoomUserID) {
				continue
			}
			data.Admins = append(data.Admins, consentAdmin{p.ZoomUserID, p.DisplayName(), p.Email, account.Company})
		}
	}
	var page bytes.Buffer
	t, err := template.New("consent").Parse(consentHTML)
	if err == nil {
		err = t.Execute(&page, data)
	}
	if err != nil {
		return htmlReply(http.StatusInternalServerError, "consent page: "+err.Error())
	}
	return htmlReply(http.StatusOK, page.String())
}
