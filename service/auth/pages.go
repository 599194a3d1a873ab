package auth

import (
	"embed"
	"html/template"
	"net/url"
	"strings"

	"github.com/inglehealth/ingle/service/pages"
)

//go:embed page/*.html
var pageFiles embed.FS

func parsePage(name string) *pages.Template {
	return pages.Made(func() *template.Template {
		return template.Must(template.New(name).ParseFS(pageFiles, "page/"+name, "page/form.html"))
	})
}

var (
	errorTemplate     = parsePage("error.html")
	patientTemplate   = parsePage("patient.html")
	encounterTemplate = parsePage("encounter.html")
	consentTemplate   = parsePage("consent.html")
	signOutTemplate   = parsePage("signout.html")
	signedOutTemplate = parsePage("signedout.html")
)

// Form is what every form has.
type Form struct {
	Action  string // address that it is sent to
	Step    string
	Token   string // that it must send back
	Session string // for which it is shown, to send back
	Message string // what was wrong with what was sent; "" for nothing
	App     string // name of the app
}

// What the pages show.
type (
	// PatientPage has a patient chosen.
	PatientPage struct {
		Form
		Search    string
		CanSearch bool
		Patients  []Choice
		More      bool
	}
	// EncounterPage has a visit chosen.
	EncounterPage struct {
		Form
		Encounters []Choice
	}
	// ConsentPage asks what the app may do.
	ConsentPage struct {
		Purpose string // of use, in words; "" for none
		Form
		AppURI, PolicyURI, TermsURI string
		User                        string
		Patient                     *Choice // nil for none
		Options                     []Option
		Before                      bool // what is ticked the user allowed before
		Offline                     bool
		Terms                       []Term
		Launched                    bool // from the record system, not by itself
	}
	// Term is how long access may last.
	Term struct {
		Name, Words string
		Chosen      bool
	}
	// ErrorPage says what did not work.
	ErrorPage struct{ Code, Message, Request string }
	// SignOutPage asks whether the session is to end.
	SignOutPage struct {
		Form
		Hidden []Hidden // parameters to send again
	}
	// Hidden is a parameter of a form.
	Hidden struct{ Name, Value string }
)

func (p *progress) formData(step, message string) Form {
	return Form{Action: p.address(), Step: step, Token: p.request.FormToken(p.cookie), Session: p.sessionID(), Message: message, App: p.client.Name}
}

// writePage answers with a page without forms.
func (c *call) writePage(status int, title string, body pages.Body, data any) error {
	return c.writeFrame(status, frame{Title: title, framed: c.inFrame()}, body, data)
}

// writeForm answers with a page whose form is sent here, which may lead to the
// app.
func (p *progress) writeForm(status int, title string, body pages.Body, data any) error {
	return p.writeFrame(status, frame{Title: title, targets: []string{formTarget(p.request.Redirect)}, framed: p.inFrame()}, body, data)
}

// formTarget is what Content-Security-Policy calls the place that a redirect
// leads to.
func formTarget(redirect string) string {
	u, err := url.Parse(redirect)
	if err != nil {
		return ""
	}
	if u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Contains(u.Host, "[") {
		return u.Scheme + ":" // of a native app; it has no host, or none that can be said
	}
	return u.Scheme + "://" + u.Host
}
