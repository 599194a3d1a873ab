package auth

import (
	"html/template"
	"time"
)

// pageWords are what templates of the account may call.
var pageWords = template.FuncMap{
	"moment": func(t time.Time) template.HTML {
		t = t.UTC()
		return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `">` + t.Format("2 January 2006, 15:04") + ` UTC</time>`) //nolint:gosec // digits and names of months
	},
	"day": func(t time.Time) template.HTML {
		t = t.UTC()
		return template.HTML(`<time datetime="` + t.Format(time.DateOnly) + `">` + t.Format("2 January 2006") + `</time>`) //nolint:gosec // digits and names of months
	},
}

func parseAccount(name string) *template.Template {
	return template.Must(template.New(name).Funcs(pageWords).ParseFS(pageFiles, "page/"+name, "page/field.html"))
}

var (
	appsTemplate       = parseAccount("apps.html")
	sessionsTemplate   = parseAccount("sessions.html")
	securityTemplate   = parseAccount("security.html")
	totpTemplate       = parseAccount("totp.html")
	codesTemplate      = parseAccount("codes.html")
	signInTemplate     = parseAccount("signin.html")
	usersTemplate      = parseAccount("users.html")
	userTemplate       = parseAccount("user.html")
	invitationTemplate = parseAccount("invitation.html")
	linkTemplate       = parseAccount("link.html")
	privacyTemplate    = parseAccount("privacy.html")
	policyTemplate     = parseAccount("policy.html")
	clientsTemplate    = parseAccount("clients.html")
	clientTemplate     = parseAccount("client.html")
	newClientTemplate  = parseAccount("newclient.html")
	secretTemplate     = parseAccount("secret.html")
	outsideTemplate    = parseAccount("outside.html")
)
