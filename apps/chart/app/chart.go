package app

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/inglehealth/ingle/client/smart"
)

// view is what the chart's page shows.
type view struct {
	Base, Client string
	Patient      person
	Conditions   list[condition]
	Vitals       list[measurement]
	Token        *smart.Token
	Expires      string
	Context      []fact
}

// fact is a line of the launch context.
type fact struct{ Name, Value string }

// patience bounds what one page asks the server for.
const patience = 30 * time.Second

// open is a handler for the browser's chart; without one it leads to the start.
func (a *App) open(f func(http.ResponseWriter, *http.Request, *smart.Source) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		source, ok := a.charts.get(a.cookie(r, chartCookie))
		if !ok {
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return nil
		}
		ctx, stop := context.WithTimeout(r.Context(), patience)
		defer stop()
		return f(w, r.WithContext(ctx), source)
	}
}

func (a *App) chart(w http.ResponseWriter, r *http.Request, source *smart.Source) error {
	ctx := r.Context()
	token, err := source.Token(ctx)
	if err != nil {
		return err
	}
	v := view{Base: a.client.Server.Base, Client: a.client.ID}
	if id := token.Context.Patient; id != "" {
		read := a.reader(source)
		if v.Patient, err = read.patient(ctx, id); err != nil {
			return err
		}
		if v.Conditions, err = read.conditions(ctx, id); err != nil {
			return err
		}
		if v.Vitals, err = read.vitals(ctx, id); err != nil {
			return err
		}
	}
	v.Token = source.Current() // reading may have renewed it
	v.Expires = "when the server says so"
	if !v.Token.Expires.IsZero() {
		v.Expires = v.Token.Expires.UTC().Format("15:04:05 UTC")
	}
	v.Context = facts(v.Token)
	return write(w, http.StatusOK, "chart", v)
}

// facts are what the launch told, by its names.
func facts(t *smart.Token) []fact {
	c := t.Context
	all := []fact{{"patient", c.Patient}, {"encounter", c.Encounter}, {"intent", c.Intent}, {"tenant", c.Tenant}, {"smart_style_url", c.Style}}
	if c.Banner != nil {
		all = append(all, fact{"need_patient_banner", map[bool]string{true: "true", false: "false"}[*c.Banner]})
	}
	for _, item := range c.Items {
		all = append(all, fact{"fhirContext", sentence(", ", item.Type, item.Reference, item.Canonical, string(item.Identifier), item.Role)})
	}
	if t.Identity != nil {
		all = append(all, fact{"fhirUser", t.Identity.FHIRUser}, fact{"sub", t.Identity.Subject})
	}
	var told []fact
	for _, f := range all {
		if f.Value != "" {
			told = append(told, f)
		}
	}
	return told
}

// refresh renews the token, though it may have time left.
func (a *App) refresh(w http.ResponseWriter, r *http.Request, source *smart.Source) error {
	if _, err := source.Renew(r.Context(), source.Current()); err != nil {
		return err
	}
	http.Redirect(w, r, "/chart", http.StatusSeeOther)
	return nil
}

// leave forgets the chart, without ending what was allowed.
func (a *App) leave(w http.ResponseWriter, r *http.Request) error {
	a.charts.drop(a.cookie(r, chartCookie))
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

// decode reads a resource as far as v has its elements.
func decode(body []byte, v any) error {
	if err := json.Unmarshal(body, v); err != nil {
		return problem{http.StatusBadGateway, "An answer that makes no sense", "The server sent what is not the FHIR that was asked for: " + err.Error()}
	}
	return nil
}
