package clinic

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/smart"
)

// app is one that can be launched.
type app struct {
	ID, Name, Home, Host string
	OwnBanner            bool // it wants to show who the patient is
	client               *identity.Client
}

// maxApps is how many apps are offered.
const maxApps = 200

var errEnough = errors.New("clinic: enough apps")

// apps are those that are approved and have said where they are launched, by name.
func (h *chart) apps() ([]app, error) {
	var all []app
	err := h.Identity.Clients(h.R.Context(), "", func(c *identity.Client) error {
		if a, ok := launchable(c); ok {
			all = append(all, a)
		}
		if len(all) == maxApps {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	slices.SortFunc(all, func(a, b app) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return all, nil
}

func launchable(c *identity.Client) (app, bool) {
	u, err := url.Parse(c.LaunchURI)
	if err != nil || c.LaunchURI == "" || !c.Approved || c.Suspended || !c.May(identity.AuthorizationCode) || u.Scheme != "https" && u.Scheme != "http" {
		return app{}, false
	}
	return app{ID: c.ID, Name: c.Name, Home: c.URI, Host: u.Host, OwnBanner: c.OwnBanner, client: c}, true
}

// app finds one that can be launched.
func (h *chart) app(id string) (app, error) {
	c, err := h.Identity.Client(h.R.Context(), id)
	if err == nil {
		if a, ok := launchable(c); ok {
			return a, nil
		}
	}
	if err != nil && !errors.Is(err, identity.ErrNoClient) {
		return app{}, err
	}
	return app{}, fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no such app here, or it is not approved any more.")
}

var appsTemplate = parse("apps.html")

// intents are what an app can be opened for; each app says which it knows.
func intents() []pages.Choice {
	return pages.Choices("", "", "Nothing in particular", "reconcile-medications", "Reconcile medications", "order-review", "Review orders", "summary-timeline-view", "See the timeline")
}

// showApps offers the apps.
func showApps(h *chart) error {
	base, err := h.page("/apps")
	if err != nil {
		return err
	}
	data := struct {
		page
		Apps    []app
		Intents []pages.Choice
		Launch  string
	}{page: base, Intents: intents(), Launch: h.Link("/launch")}
	if data.Apps, err = h.apps(); err != nil {
		return err
	}
	wanted := h.Query.Get("app") // it comes first
	slices.SortStableFunc(data.Apps, func(a, b app) int {
		if (a.ID == wanted) == (b.ID == wanted) {
			return 0
		}
		if a.ID == wanted {
			return -1
		}
		return 1
	})
	return h.write(h.frame("Apps"), appsTemplate, data)
}

// launch registers what the app is to know, and leads to the app: in the chart, or,
// for another window, at once.
func (c *Clinic) launch(h *chart) error {
	a, err := h.app(h.Form.Get("app"))
	if err != nil {
		return err
	}
	h.Note(audit.Operation, "launch "+a.ID)
	if err := h.context(); err != nil {
		return err
	}
	framed := h.Form.Get("mode") != "window"
	// In the chart the patient stands above the app already, unless the app wants to show that.
	banner := !framed || h.Form.Get("banner") == "app" || h.Form.Get("banner") == "" && a.client.OwnBanner
	context := smart.Context{Patient: string(h.id), Banner: &banner, Intent: h.Form.Get("intent")} // auth adds where the style is
	if h.Encounter != noEncounter {
		context.Encounter = h.Encounter
	}
	handle, err := h.Identity.RegisterLaunch(h.R.Context(), identity.Launch{Client: a.ID, User: h.User.ID, Context: context})
	if err != nil {
		return err
	}
	if framed {
		return h.See(h.URL(strings.TrimPrefix(h.Link("/app/"+url.PathEscape(a.ID)+"?"+url.Values{"launch": {handle}}.Encode()), h.Path(""))))
	}
	return h.showWindow(a, h.launchURL(a, handle))
}

// launchURL is where an app is launched (SMART App Launch §2.0.7).
func (h *chart) launchURL(a app, handle string) string {
	u, err := url.Parse(a.client.LaunchURI)
	if err != nil {
		return a.client.LaunchURI
	}
	q := u.Query()
	q.Set("iss", h.Identity.FHIRBase())
	q.Set("launch", handle)
	u.RawQuery = q.Encode()
	return u.String()
}

var windowTemplate = pages.Parse(pageFiles, "window.html")

// showWindow is what a new window shows until the app is there. A redirect would be
// bound by the policy for forms of the page before, which cannot know where the app
// leads.
func (h *chart) showWindow(a app, address string) error {
	f := frame(h.Visit, a.Name, pages.Narrow)
	h.W.Header().Set("Refresh", "0; url="+address)
	return h.Write(http.StatusOK, f, windowTemplate, struct{ Name, Address string }{a.Name, address})
}

var appTemplate = parse("app.html")

// showApp shows an app in the chart. The handle is good for one launch: when the page
// is shown again, it offers another.
func (c *Clinic) showApp(h *chart) error {
	a, err := h.app(h.R.PathValue("app"))
	if err != nil {
		return err
	}
	base, err := h.page("/apps")
	if err != nil {
		return err
	}
	data := struct {
		page
		App             app
		Launch, Address string
		Used, Refused   bool
		Down            string
		Own             bool // the app shows who the patient is
	}{page: base, App: a, Launch: h.Link("/launch")}
	handle := h.Query.Get("launch")
	l, err := h.Identity.Launch(h.R.Context(), handle, a.ID)
	switch {
	case errors.Is(err, identity.ErrLaunch) || err == nil && (l.User != h.User.ID || l.Context.Patient != string(h.id)):
		data.Used = true
	case err != nil:
		return err
	default:
		data.Address = h.launchURL(a, handle)
		data.Own = l.Context.Banner != nil && *l.Context.Banner
		data.Down, data.Refused = c.ask(h.R.Context(), a.client.LaunchURI, origin(h.Identity.Issuer()))
	}
	f := h.frame(a.Name)
	f.Frames = append([]string{"'self'", origin(a.client.LaunchURI)}, a.client.AllOrigins()...)
	return h.write(f, appTemplate, data)
}

// origin is that of an address: "https://app.example".
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
