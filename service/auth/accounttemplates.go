package auth

import (
	"html/template"

	"github.com/inglehealth/ingle/service/pages"
)

func parseAccount(name string) *pages.Template {
	return pages.Made(func() *template.Template {
		return template.Must(template.New(name).Funcs(pages.Words).ParseFS(pageFiles, "page/"+name, "page/field.html"))
	})
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
	outsideTemplate    = parseAccount("outside.html")
)
