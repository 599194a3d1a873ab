package desk

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/smart"
)

var launchTemplate = pages.Parse(pageFiles, "launch.html", "page/head.html")

// launchForm is what the simulator is asked for.
type launchForm struct {
	Kind, User, Patient, Encounter, Intent, Banner, Minutes string
	identity.Simulation
}

// behaviour is one of the record systems that can be imitated.
type behaviour struct {
	ID, Name, Hint string
	On             bool
}

// launchPage is the launch simulator.
type launchPage struct {
	head
	Fields     []pages.Field
	Patients   []pages.Choice // that the visitor may see, to choose from
	Context    []pages.Field
	Behaviours []behaviour
	Fail       pages.Field
	Minutes    pages.Field
	Ready      *ready
	Now        time.Time
}

// ready is a launch that waits for the app.
type ready struct {
	EHR         bool
	URL         string // where the browser goes; "" when the app did not register that
	ISS, Launch string
	Other       string // name of another user for whom it is; "" for the visitor
}

func showLaunch(v *pages.Visit, c *identity.Client) error {
	form := launchForm{Kind: "ehr", User: v.User.ID, Minutes: "30", Banner: "true", Patient: v.Query.Get("patient")}
	if m, err := v.Identity.Simulation(v.R.Context(), c.ID); err != nil {
		return err
	} else if m != nil {
		form.Simulation = *m
	}
	if c.LaunchURI == "" {
		form.Kind = "patient"
	}
	return writeLaunch(v, c, form, nil, nil)
}

func writeLaunch(v *pages.Visit, c *identity.Client, form launchForm, now *ready, problems []pages.Problem) error {
	h, err := heading(v, c, "/launch")
	if err != nil {
		return err
	}
	f := frame(v, "Launch "+c.Name, "", pages.Wide)
	f.Problems, f.Notice = problems, notices[v.Query.Get("done")]
	page := launchPage{head: h, Ready: now, Now: v.Now}
	if page.Patients, err = patients(v, form.Patient); err != nil {
		return err
	}
	users, err := v.Identity.SandboxUsers(v.R.Context())
	if err != nil {
		return err
	}
	choices := []pages.Choice{{Value: v.User.ID, Name: v.UserName() + ", who is you", Chosen: form.User == v.User.ID}}
	for _, u := range users {
		if u.ID != v.User.ID {
			choices = append(choices, pages.Choice{Value: u.ID, Name: cmp.Or(u.Name, u.Login) + ", " + rolesOf(u), Chosen: form.User == u.ID})
		}
	}
	page.Fields = []pages.Field{
		{ID: "kind", Label: "Launch", Choices: pages.Choices(form.Kind, "ehr", "From the record system (EHR launch)", "patient", "By itself (standalone, the patient begins in the app)")},
		{ID: "user", Label: "User", Choices: choices, Error: f.Problem("user")},
	}
	page.Context = []pages.Field{
		{ID: "encounter", Label: "Encounter", Hint: "The id of one of the patient's visits.", Value: form.Encounter, Optional: true, Short: true, Error: f.Problem("encounter")},
		{ID: "intent", Label: "Intent", Hint: "What the user wants, such as reconcile-medications.", Value: form.Intent, Optional: true, Short: true},
		{ID: "banner", Label: "Patient banner", Choices: pages.Choices(form.Banner, "true", "The app shows who the patient is", "false", "The record system does"), Short: true},
	}
	page.Behaviours = []behaviour{
		{"v1", "Knows scopes of SMART 1 only", "patient/Observation.read, and nothing that is written as .rs", form.V1},
		{"norefresh", "Gives no refresh tokens", "offline_access and online_access are not granted", form.NoRefresh},
		{"readonly", "Lets nothing be written", "granted scopes only read", form.ReadOnly},
		{"sparse", "Has sparse data", "much that is optional is missing: reference ranges, dosage, addresses", form.Sparse},
		{"slow", "Answers slowly", "every answer of the FHIR API takes two seconds more", form.Slow},
	}
	page.Fail = pages.Field{ID: "fail", Label: "Error to inject", Choices: pages.Choices(string(form.Fail), "", "None", string(identity.FailExpired), "Access tokens expire after ten seconds, whatever the app was told",
		string(identity.FailDenied), "The user says no (access_denied)", string(identity.FailScope), "No scope is known (invalid_scope)"), Optional: true}
	page.Minutes = pages.Field{ID: "minutes", Label: "For how long", Choices: pages.Choices(form.Minutes, "15", "15 minutes", "30", "30 minutes", "120", "2 hours"), Short: true}
	return v.Write(pages.StatusOf(problems), f, launchTemplate, page)
}

func rolesOf(u identity.User) string {
	var words []string
	for _, r := range u.Roles {
		words = append(words, strings.ReplaceAll(string(r), "-", " "))
	}
	return strings.Join(words, ", ")
}

// patientsShown is how many patients are proposed.
const patientsShown = 100

// patients are those that the visitor may see; none for who sees no records.
func patients(v *pages.Visit, chosen string) ([]pages.Choice, error) {
	if !v.Staff() {
		return nil, nil
	}
	s, err := v.Records("")
	if err != nil {
		return nil, err
	}
	found, err := s.Search(v.R.Context(), records.SearchRequest{Type: "Patient", Pairs: []search.Pair{{Name: "_sort", Value: "family"}, {Name: "_count", Value: "100"}}})
	if k := fault.KindOf(err); k == fault.Forbidden {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []pages.Choice
	for _, e := range found.Entries[:min(len(found.Entries), patientsShown)] {
		patient, err := pages.ParseElement(e.JSON)
		if err != nil {
			return nil, err
		}
		all = append(all, pages.Choice{Value: string(e.Key.ID), Name: cmp.Or(patient.At("name").Name(), "without a name") + ", born " + cmp.Or(pages.Date(patient.Text("birthDate")), "unknown"), Chosen: string(e.Key.ID) == chosen})
	}
	return all, nil
}

// launch starts a simulation, and with it a launch from the record system.
func launch(v *pages.Visit, c *identity.Client) error {
	ctx := v.R.Context()
	if v.Form.Get("do") == "end" {
		if err := v.Identity.EndSimulation(ctx, c.ID); err != nil {
			return err
		}
		return done(v, c, "/launch", "ended")
	}
	form := launchForm{
		Kind: v.Form.Get("kind"), User: v.Form.Get("user"), Patient: strings.TrimSpace(v.Form.Get("patient")), Encounter: strings.TrimSpace(v.Form.Get("encounter")),
		Intent: strings.TrimSpace(v.Form.Get("intent")), Banner: v.Form.Get("banner"), Minutes: v.Form.Get("minutes"),
	}
	on := func(name string) bool { return slices.Contains(v.Form["behaviour"], name) }
	form.Simulation = identity.Simulation{
		Client: c.ID, By: v.User.ID, Address: address(v), V1: on("v1"), NoRefresh: on("norefresh"), ReadOnly: on("readonly"), Sparse: on("sparse"), Slow: on("slow"),
		Fail: identity.Failure(v.Form.Get("fail")),
	}
	minutes := map[string]time.Duration{"15": 15 * time.Minute, "30": 30 * time.Minute, "120": 2 * time.Hour}[form.Minutes]
	if minutes == 0 {
		return fault.New(fault.Invalid, fault.CodeValue, "minutes", "Choose for how long.")
	}
	form.Until = v.Now.Add(minutes)
	now := &ready{EHR: form.Kind != "patient", ISS: v.Identity.FHIRBase()}
	if form.V1 || form.NoRefresh { // discovery tells of it
		now.ISS = v.Identity.SimulatedBase(c.ID)
	}
	err := v.Identity.Simulate(ctx, form.Simulation)
	if err == nil && now.EHR {
		err = registerLaunch(v, c, form, now)
	} else if err == nil {
		now.URL = c.URI
	}
	if problems := launchProblems(err); problems != nil {
		return writeLaunch(v, c, form, nil, problems)
	}
	if err != nil {
		return err
	}
	return writeLaunch(v, c, form, now, nil)
}

// registerLaunch makes the handle by which the app finds its context (SMART App
// Launch 2.2 §2.0.7).
func registerLaunch(v *pages.Visit, c *identity.Client, form launchForm, now *ready) (err error) {
	if form.User != v.User.ID {
		users, err := v.Identity.SandboxUsers(v.R.Context())
		if err != nil {
			return err
		}
		i := slices.IndexFunc(users, func(u identity.User) bool { return u.ID == form.User })
		if i < 0 {
			return identity.Refuse(identity.InvalidRequest, "user: choose one of the users of the sandbox")
		}
		now.Other = cmp.Or(users[i].Name, users[i].Login)
	}
	banner := form.Banner == "true"
	now.Launch, err = v.Identity.RegisterLaunch(v.R.Context(), identity.Launch{
		Client: c.ID, User: form.User, Context: smart.Context{Patient: form.Patient, Encounter: form.Encounter, Intent: form.Intent, Banner: &banner, Style: v.Identity.Issuer() + "/auth/style.json"},
	})
	if err == nil && c.LaunchURI != "" {
		now.URL = withQuery(c.LaunchURI, url.Values{"iss": {now.ISS}, "launch": {now.Launch}})
	}
	return err
}

// launchProblems are what of a launch can be set right.
func launchProblems(err error) []pages.Problem {
	r, ok := errors.AsType[*identity.Refused](err)
	if !ok {
		return nil
	}
	field, _, _ := strings.Cut(r.Why, ":")
	if !slices.Contains([]string{"patient", "encounter", "user"}, field) {
		field = ""
	}
	return []pages.Problem{{Field: field, Message: pages.Sentence(r.Why)}}
}

// withQuery adds parameters to an address and leaves the rest of it as it is.
func withQuery(address string, values url.Values) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += values.Encode()
	return u.String()
}
