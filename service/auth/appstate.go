package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// App state has a FHIR endpoint of its own, of Basic resources only: what apps
// keep there is not among the records.
const appStatePath = "/app-state"

var appStateEndpoints = []endpoint{
	{appStatePath + "/Basic", "GET, POST", corsClients, (*call).appStates, failFHIR},
	{appStatePath + "/Basic/{id}", "PUT, DELETE", corsClients, (*call).appState, failFHIR},
}

// failFHIR answers with an OperationOutcome.
func failFHIR(c *call, err error) {
	realm := `Bearer realm="` + c.Identity.Issuer() + `"`
	switch {
	case errors.Is(err, identity.ErrToken):
		if bearer(c.r) != "" {
			realm += `, error="invalid_token"`
		}
		c.w.Header().Set("WWW-Authenticate", realm)
		err = fault.Wrap(err, fault.Unauthenticated, fault.CodeLogin, "", "App state needs a valid access token.")
	case errors.Is(err, errAppStateScope):
		c.w.Header().Set("WWW-Authenticate", realm+`, error="insufficient_scope"`)
	case errors.Is(err, identity.ErrPrecondition):
		err = fault.Wrap(err, fault.PreconditionFailed, fault.CodeConflict, "", "This app state has another version by now, or is not there. Search for it and try again.")
	}
	web.Fail(c.w, c.r, err)
}

var errAppStateScope = errors.New("auth: no scope for this app state")

// appStates searches for states, or keeps a new one.
func (c *call) appStates() error {
	a, err := c.access()
	if err != nil {
		return err
	}
	if c.r.Method != http.MethodPost {
		return c.searchAppStates(a)
	}
	b, err := c.readBasic()
	if err != nil {
		return err
	}
	c.concerns(b.subject())
	if b.ID != "" || b.Meta["versionId"] != nil {
		return fault.New(fault.Unprocessable, fault.CodeBusinessRule, "Basic.id", "new app state has no id and no meta.versionId: the server chooses them")
	}
	s := &identity.AppState{Code: b.code(), Subject: b.subject()}
	if err := c.mayState(a, smart.Create, s); err != nil {
		return err
	}
	if s.Body, err = b.kept(); err != nil {
		return err
	}
	if err := c.Identity.CreateAppState(c.r.Context(), s); err != nil {
		return err
	}
	c.w.Header().Set("Location", c.url(appStatePath+"/Basic/"+s.ID))
	return c.writeState(http.StatusCreated, s)
}

// appState replaces or deletes one state, in the version that If-Match names.
func (c *call) appState() error {
	a, err := c.access()
	if err != nil {
		return err
	}
	did := smart.Update
	if c.r.Method == http.MethodDelete {
		did = smart.Delete
	}
	match := c.r.Header.Get("If-Match")
	if match == "" {
		return fault.New(fault.PreconditionFailed, fault.CodeRequired, "", "Send If-Match with the ETag of the app state that is meant, so that nothing newer is lost.")
	}
	s, err := c.Identity.AppState(c.r.Context(), c.r.PathValue("id"))
	if err != nil {
		return err
	}
	c.concerns(s.Subject)
	// What the app may not have is not there.
	if c.mayState(a, did, s) != nil || match != stateTag(s) {
		return identity.ErrPrecondition
	}
	if did == smart.Delete {
		if err := c.Identity.DeleteAppState(c.r.Context(), s); err != nil {
			return err
		}
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	b, err := c.readBasic()
	if err != nil {
		return err
	}
	if b.ID != s.ID {
		return fault.New(fault.Invalid, fault.CodeValue, "Basic.id", "the id in the body must be that of the address")
	}
	if b.code() != s.Code || b.subject() != s.Subject {
		return fault.New(fault.PreconditionFailed, fault.CodeBusinessRule, "Basic.code", "code and subject of app state never change: make another one")
	}
	if s.Body, err = b.kept(); err != nil {
		return err
	}
	if err := c.Identity.UpdateAppState(c.r.Context(), s); err != nil {
		return err
	}
	return c.writeState(http.StatusOK, s)
}

// searchAppStates finds the states of one code and one subject, or none.
func (c *call) searchAppStates(a *identity.Access) error {
	code, subject := c.query.Get("code"), c.query.Get("subject")
	missing := c.query.Get("subject:missing")
	for name, values := range c.query {
		if name != "code" && name != "subject" && name != "subject:missing" || len(values) > 1 {
			return fault.New(fault.Invalid, fault.CodeNotSupported, "", "App state is searched for by code and subject, or subject:missing=true, each once; not by %s.", fault.Shorten(name))
		}
	}
	if !strings.Contains(code, "|") || (subject == "") != (missing == "true") || missing != "" && missing != "true" {
		return fault.New(fault.Invalid, fault.CodeRequired, "", "App state is searched for by code=system|code, and by subject, an absolute reference, or subject:missing=true.")
	}
	if c.act != nil {
		c.act.Query = c.query.Encode()
	}
	c.concerns(subject)
	if err := c.mayState(a, smart.Search, &identity.AppState{Code: code, Subject: subject}); err != nil {
		return err
	}
	found, err := c.Identity.AppStates(c.r.Context(), code, subject)
	if err != nil {
		return err
	}
	bundle := searchset{Type: "Bundle", Kind: "searchset", Total: len(found), Links: []link{{"self", c.url(appStatePath+"/Basic") + "?" + c.query.Encode()}}}
	for _, s := range found {
		resource, err := stateJSON(s)
		if err != nil {
			return err
		}
		e := searchsetEntry{FullURL: c.url(appStatePath + "/Basic/" + s.ID), Resource: resource}
		e.Search.Mode = "match"
		bundle.Entries = append(bundle.Entries, e)
	}
	return c.writeFHIR(http.StatusOK, bundle)
}

// concerns notes for the audit log of whom a subject makes state.
func (c *call) concerns(subject string) {
	if id, ok := strings.CutPrefix(subject, c.Identity.FHIRBase()+"/Patient/"); ok {
		audit.TrailOf(c.r.Context()).Ask(fhir.Key{Type: "Patient", ID: fhir.ID(id)})
	}
}

// searchset is a Bundle of what was found.
type searchset struct {
	Type    string           `json:"resourceType"`
	Kind    string           `json:"type"`
	Total   int              `json:"total"`
	Links   []link           `json:"link"`
	Entries []searchsetEntry `json:"entry,omitempty"`
}

type link struct {
	Relation string `json:"relation"`
	URL      string `json:"url"`
}

type searchsetEntry struct {
	FullURL  string          `json:"fullUrl"`
	Resource json.RawMessage `json:"resource"`
	Search   struct {
		Mode string `json:"mode"`
	} `json:"search"`
}

func (c *call) writeState(status int, s *identity.AppState) error {
	text, err := stateJSON(s)
	if err != nil {
		return err
	}
	c.w.Header().Set("ETag", stateTag(s))
	return c.writeFHIR(status, text)
}

func stateTag(s *identity.AppState) string { return `W/"` + strconv.FormatInt(s.Version, 10) + `"` }

// writeFHIR answers with a resource that nobody may keep.
func (c *call) writeFHIR(status int, resource any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(resource); err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/fhir+json; charset=utf-8")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	c.w.WriteHeader(status)
	_, _ = c.w.Write(b.Bytes()) // the client may be gone
	return nil
}

// stateSubjects are the types that a subject may have.
var stateSubjects = []string{"Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Person"}

// mayState says whether a token allows an interaction with a state: the app must
// be registered with, and the token have, a scope for Basic that names the code;
// and the subject must be the patient in context, the user, or, to read only,
// nobody. Only a service or an administrator writes what has no subject.
func (c *call) mayState(a *identity.Access, i smart.Interactions, s *identity.AppState) error {
	registered := a.Scopes
	if a.Client != "" {
		client, err := c.Identity.Client(c.r.Context(), a.Client)
		if err != nil {
			return err
		}
		registered = client.Scopes
	}
	for _, one := range a.Scopes.Resources() {
		if namesState(one, i, s.Code) && c.reachesState(a, one.Level, i, s.Subject) {
			for _, r := range registered.Resources() {
				if r.Level == one.Level && namesState(r, i, s.Code) {
					return nil
				}
			}
		}
	}
	return fault.Wrap(errAppStateScope, fault.Forbidden, fault.CodeForbidden, "",
		"The token does not allow this with app state of this code and subject: the app has to be registered with, and ask for, a scope such as patient/Basic.%s?code=system|code.", i)
}

// namesState says whether a scope is for the state of a code and no other.
func namesState(s smart.Scope, i smart.Interactions, code string) bool {
	plain, ok := codeNamed(s)
	return ok && s.Interactions&i == i && (plain == code || s.Query == "code="+code)
}

// codeNamed is the code of the state that a scope is for, if it is for state.
func codeNamed(s smart.Scope) (code string, ok bool) {
	name, value, _ := strings.Cut(s.Query, "=")
	if s.Type != "Basic" || name != "code" || strings.Contains(value, "&") {
		return "", false
	}
	code, err := url.QueryUnescape(value)
	return code, err == nil
}

func (c *call) reachesState(a *identity.Access, level smart.Level, i smart.Interactions, subject string) bool {
	id := func(typ, id string) bool { return id != "" && subject == c.Identity.FHIRBase()+"/"+typ+"/"+id }
	switch {
	case level == smart.System:
		return true
	case subject == "":
		return i == smart.Search || level == smart.User && hasAny(&identity.User{Roles: a.Roles}, administrators)
	case level == smart.Patient:
		return id("Patient", a.Context.Patient)
	}
	for _, l := range a.Links {
		if id(string(l.Type), string(l.ID)) || id("PractitionerRole", string(l.PractitionerRole)) {
			return true
		}
	}
	return false
}
