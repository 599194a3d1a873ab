package kit

import (
	"context"
	"net/http"
	"time"

	"github.com/inglehealth/ingle/client/smart"
)

// Visit is one request for a page of a session. It belongs to the request's
// goroutine.
type Visit struct {
	W    http.ResponseWriter
	R    *http.Request
	FHIR *smart.FHIR
	// Patient is the id of the patient in context; "" for none.
	Patient string
	Now     time.Time

	app     *App
	key     string
	session *session
}

// patience bounds what one page asks the server for.
const patience = 30 * time.Second

// open is a handler for a session of the browser; without one it leads to the start.
func (a *App) open(f func(*Visit) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		key := r.PathValue("session")
		s, ok := a.sessions.get(key)
		if !ok || s.browser != a.browser(r) {
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return nil
		}
		ctx, stop := context.WithTimeout(r.Context(), patience)
		defer stop()
		token, err := s.source.Token(ctx)
		if err != nil {
			return err
		}
		return f(&Visit{
			W: w, R: r.WithContext(ctx), FHIR: a.client.Server.FHIR(s.source), Patient: token.Context.Patient, Now: time.Now(),
			app: a, key: key, session: s,
		})
	}
}

// Token is the token as it is now: reading may have renewed it.
func (v *Visit) Token() *smart.Token { return v.session.source.Current() }

// Server is the base of the FHIR server.
func (v *Visit) Server() string { return v.app.client.Server.Base }

// Client is the app's client_id there.
func (v *Visit) Client() string { return v.app.client.ID }

// Address is that of the page, which its forms add their name to.
func (v *Visit) Address() string { return "/open/" + v.key }

// Context is the context of the request.
func (v *Visit) Context() context.Context { return v.R.Context() }

// Frame begins the page of a patient. The name above it is left out when the EHR
// shows one (need_patient_banner).
func (v *Visit) Frame(title string, p Person) Frame {
	f := Frame{Title: title, Address: v.Address(), Own: len(v.session.style) > 0, Open: true}
	if banner := v.Token().Context.Banner; banner == nil || *banner {
		f.Person = &p
	}
	f.CanRefresh = v.Token().Refresh != ""
	return f
}

// Write answers with a page: a template of the Plan, whose data has a Frame.
func (v *Visit) Write(name string, data any) error {
	return v.app.write(v.W, http.StatusOK, name, data)
}

// Back leads to the page of the session again.
func (v *Visit) Back() error {
	http.Redirect(v.W, v.R, v.Address(), http.StatusSeeOther)
	return nil
}

// refresh renews the token, though it may have time left.
func (a *App) refresh(v *Visit) error {
	if _, err := v.session.source.Renew(v.Context(), v.Token()); err != nil {
		return err
	}
	return v.Back()
}

// leave forgets the session, without ending what was allowed.
func (a *App) leave(v *Visit) error {
	a.sessions.drop(v.key)
	http.Redirect(v.W, v.R, "/", http.StatusSeeOther)
	return nil
}
