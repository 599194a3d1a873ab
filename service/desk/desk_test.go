package desk_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/store"
)

const verifier = "a-verifier-that-is-long-enough-to-be-one-0123456789"

// asking are the parameters of an authorization request that is as it should be.
func (w *workshop) asking(id string) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	return url.Values{"response_type": {"code"}, "client_id": {id}, "redirect_uri": {back}, "scope": {"openid launch/patient offline_access patient/*.rs"}, "state": {"some state"},
		"nonce": {"n"}, "aud": {w.URL + "/fhir"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
}

var hidden = regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`)

// follow follows redirects within the server.
func (b *browser) follow(p page) (page, string) {
	b.T.Helper()
	at := ""
	for p.Status == 303 && strings.HasPrefix(p.Header.Get("Location"), b.URL) {
		at = p.Header.Get("Location")
		p = b.send("GET", at, nil)
	}
	return p, at
}

// allow allows an app what it asks for and returns the code.
func (b *browser) allow(ask url.Values) string {
	b.T.Helper()
	p, at := b.follow(b.send("GET", "/auth/authorize?"+ask.Encode(), nil))
	p.want(200).Has("Allow Pulse access?")
	form := url.Values{"allow": {"1"}, "term": {"open"}}
	for _, m := range hidden.FindAllStringSubmatch(p.Body, -1) {
		form.Add(m[1], html.UnescapeString(m[2]))
	}
	for _, m := range regexp.MustCompile(`name="scope" value="([^"]*)"`).FindAllStringSubmatch(p.Body, -1) {
		form.Add("scope", html.UnescapeString(m[1]))
	}
	led, err := url.Parse(b.send("POST", at, form).want(303).Header.Get("Location"))
	if err != nil {
		b.T.Fatal(err)
	}
	return led.Query().Get("code")
}

// tokens exchanges a code.
func (b *browser) tokens(id, code string) map[string]any {
	b.T.Helper()
	p := b.send("POST", "/auth/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {id}, "code": {code}, "redirect_uri": {back}, "code_verifier": {verifier}}).want(200)
	var got map[string]any
	if err := json.Unmarshal([]byte(p.Body), &got); err != nil {
		b.T.Fatal(err)
	}
	return got
}

// The journey of a developer: register, launch through the simulator, break the
// redirect, read in the trace what is wrong, set it right.
func TestADeveloperFindsAndMendsABrokenRedirect(t *testing.T) {
	for _, database := range []string{"SQLite", "PostgreSQL"} {
		t.Run(database, mendsARedirect)
	}
}

func mendsARedirect(t *testing.T) {
	w := newWorkshop(t, true)
	b := w.enter("dev")
	id, _ := b.register()
	app := "/developers/app/" + id
	b.get(app+"/launch").want(200).Has("Launch simulator", "Ann Archer")
	ready := b.post(app+"/launch", "do", "launch", "kind", "ehr", "user", w.userID("dev"), "patient", "ann", "minutes", "30", "banner", "true").want(200).Has("Ready to launch", "https://app.example/launch?iss=")
	handle := regexp.MustCompile(`igl_la_[\w-]+`).FindString(ready.Body)

	ask := w.asking(id)
	ask.Set("scope", "openid launch offline_access patient/*.rs")
	ask.Set("launch", handle)
	ask.Set("redirect_uri", "https://app.example/elsewhere")
	b.send("GET", "/auth/authorize?"+ask.Encode(), nil).want(400)
	b.get(app+"/trace").want(200).Has("1 step failed", "redirect_uri mismatch", "“https://app.example/elsewhere”", "“"+back+"”", "Register this address").Lacks(handle)
	b.post(app+"/trace", "do", "add", "redirect", "https://app.example/elsewhere").want(303)
	if c, err := w.Identity.Client(t.Context(), id); err != nil || !c.MatchRedirect("https://app.example/elsewhere") || !c.MatchRedirect(back) {
		t.Errorf("%v %+v", err, c)
	}
	b.get(app+"/trace?done=added").want(200).Has("The address is registered", "launch the app again").Lacks("Register this address")

	ask.Set("redirect_uri", back)
	got := b.tokens(id, b.allow(ask))
	if got["patient"] != "ann" || got["need_patient_banner"] != true {
		t.Errorf("%v", got)
	}
	b.send("GET", "/fhir/Observation?patient=ann&_elements=code", nil, "Authorization", "Bearer "+got["access_token"].(string)).want(200)
	b.get(app+"/trace").want(200).Has("The user allowed it, and the browser was led back to the app with a code", "The app exchanged the code for tokens", "GET /fhir/Observation?_elements=code&patient=ann").
		Lacks(got["access_token"].(string), got["refresh_token"].(string), handle, verifier)
	if err := w.Log.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.get(app+"/requests").want(200).Has("search", "Observation?patient=ann&_elements=code", "token-issue")
	b.get(app+"/requests?only=errors").want(200).Has("auth/authorize", "invalid_request").Lacks("token-issue")
	b.get(app+"/data").want(200).Has("Observation", "search × 1", "patient × 1", "code × 1", "patient/Observation.s")
}

// userID is the id of a user.
func (w *workshop) userID(login string) string {
	w.T.Helper()
	u, err := w.Identity.UserByLogin(w.T.Context(), login)
	if err != nil {
		w.T.Fatal(err)
	}
	return u.ID
}

func TestADeskIsForDevelopersAndShowsTheirOwnApps(t *testing.T) {
	w := newWorkshop(t, true)
	id, _ := w.enter("dev").register()
	app := "/developers/app/" + id
	eve, ann := w.enter("eve"), w.enter("ann")
	nobody := w.enter("eve")
	nobody.HTTP.Jar = nil
	for _, path := range []string{"", "/launch", "/trace", "/trace.json", "/requests", "/data"} {
		eve.get(app + path).want(404)
		ann.get(app + path).want(403)
		nobody.get(app + path).want(303)
	}
	for _, path := range []string{"/developers", "/developers/new", "/developers/tokens", "/developers/query", "/developers/trace"} {
		eve.get(path).want(200)
		ann.get(path).want(403)
		nobody.get(path).want(303)
	}
	eve.get("/developers").Has("You have registered no app yet").Lacks(id)
	for _, path := range []string{"", "/launch", "/trace"} {
		for _, do := range []string{"delete", "secret", "launch", "end", "record", "forget", "add"} {
			eve.post(app+path, "do", do, "confirm", "1", "redirect", "https://evil.example", "minutes", "30").want(404)
		}
	}
	if m, err := w.Identity.Simulation(t.Context(), id); err != nil || m == nil {
		t.Errorf("%v %v", m, err)
	}
}

func TestNoFormOfTheDeskIsTakenFromElsewhere(t *testing.T) {
	w := newWorkshop(t, true)
	b := w.enter("dev")
	id, _ := b.register()
	for _, path := range []string{"/developers/new", "/developers/tokens", "/developers/trace", "/developers/app/" + id, "/developers/app/" + id + "/launch", "/developers/app/" + id + "/trace"} {
		b.send("POST", path, url.Values{"token": {"x"}, "do": {"delete"}, "confirm": {"1"}}).want(403)
		b.send("POST", path, url.Values{"token": {b.token}, "do": {"delete"}, "confirm": {"1"}}, "Origin", "https://evil.example").want(403)
		b.send("POST", path, url.Values{"token": {b.token}, "do": {"delete"}, "confirm": {"1"}}, "Sec-Fetch-Site", "cross-site").want(403)
	}
	b.get("/developers/app/" + id).want(200)
}

func TestAnAppIsRegisteredInAnyOfFourKinds(t *testing.T) {
	w := newWorkshop(t, true)
	b := w.enter("dev")
	b.get("/developers/new").want(200).Has("whenever the keys change")
	b.post("/developers/new", "client_name", "Pulse", "kind", "secret", "redirect_uris", "http://app.example/cb", "scope", "patient/*.rs").want(422).Has(`href="#redirect_uris"`, "use https")
	b.post("/developers/new", "client_name", "Pulse", "kind", "secret", "redirect_uris", back, "scope", "__introspect").want(422).Has(`href="#scope"`)
	b.post("/developers/new", "client_name", "Pulse", "kind", "none", "redirect_uris", back, "scope", "patient/*.rs").want(422).Has("what kind of app")

	id, secret := b.register("kind", "secret")
	if secret == "" {
		t.Error("no secret")
	}
	b.get("/developers/app/"+id).want(200).Has("clientSecret", "CLIENT_SECRET", "smart.Secret", id, back).Lacks(secret)
	b.post("/developers/app/"+id, "do", "secret").want(200).Has("only now", "igl_cs_").Lacks(secret)

	id, _ = b.register("kind", "keys")
	c, err := w.Identity.Client(t.Context(), id)
	if err != nil || !strings.Contains(string(c.JWKS), `"crv":"P-384"`) || strings.Contains(string(c.JWKS), `"d":`) {
		t.Errorf("%v %s", err, c.JWKS)
	}
	made := b.post("/developers/app/"+id, "do", "generate").want(200).Has("only now", `"d": `, "PRIVATE_JWK")
	private := regexp.MustCompile(`"d": "([\w-]+)"`).FindStringSubmatch(made.Text())[1]
	b.get("/developers/app/" + id).want(200).Lacks(private)

	b.get("/developers/new")
	service := b.post("/developers/new", "client_name", "Nightly", "kind", "backend", "scope", "system/*.rs").want(200).Has("client_credentials", `"d": `)
	id = regexp.MustCompile(`/developers/app/([\w-]+)`).FindStringSubmatch(service.Body)[1]
	if c, err := w.Identity.Client(t.Context(), id); err != nil || c.May(identity.AuthorizationCode) {
		t.Errorf("%v %+v", err, c)
	}
}

func TestSettingsAreChangedWithinWhatWasApproved(t *testing.T) {
	w := newWorkshop(t, false)
	b := w.enter("dev")
	id, _ := b.register()
	app := "/developers/app/" + id
	b.get(app).want(200).Has("waits for approval")
	b.get(app + "/launch").want(200).Has("Only in a sandbox").Lacks("Start and launch")
	b.get(app + "/trace").want(200).Has("Only in a sandbox")
	b.post(app+"/launch", "do", "launch", "kind", "ehr", "user", w.userID("dev"), "minutes", "30").want(422).Has("in a sandbox only")
	b.post(app+"/trace", "do", "add", "redirect", "https://app.example/other").want(403)
	b.post(app+"/trace", "do", "record").want(400)
	if err := w.Identity.ApproveClient(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	save := func(name, redirects, scope string) page {
		return b.post(app, "do", "save", "client_name", name, "redirect_uris", redirects, "scope", scope, "launch", "https://app.example/launch")
	}
	save("Pulse", back+"\nhttps://evil.example/x", "patient/*.rs").want(422).Has("registered anew")
	save("Pulse", back, "patient/*.rs user/*.cruds").want(422)
	save("Your Bank", back, "patient/*.rs").want(422)
	save("Pulse", back, "patient/*.rs").want(303)
	if c, err := w.Identity.Client(t.Context(), id); err != nil || !c.Approved || c.Scopes.String() != "patient/*.rs" || len(c.Redirects) != 1 {
		t.Errorf("%v %+v", err, c)
	}
	b.post(app, "do", "delete").want(422).Has(`href="#confirm"`)
	b.post(app, "do", "delete", "confirm", "1").want(303)
	b.get("/developers?done=deleted").want(200).Has("The app was deleted", "You have registered no app yet")
}

func TestADeveloperRegistersOnlySoManyApps(t *testing.T) {
	w := newWorkshop(t, true)
	b := w.enter("dev")
	owner := w.userID("dev")
	for range 99 {
		if _, err := w.Identity.CreateClient(t.Context(), &identity.Client{Name: "Pulse", Auth: identity.AuthNone, Redirects: []string{back}, Owner: owner, Scopes: []string{"patient/*.rs"}, Grants: []identity.GrantType{identity.AuthorizationCode}}); err != nil {
			t.Fatal(err)
		}
	}
	b.register()
	b.get("/developers/new")
	b.post("/developers/new", "client_name", "Pulse", "kind", "public", "redirect_uris", back, "scope", "patient/*.rs").want(422).Has("which is the most")
}

func TestTheInspectorTellsOfOwnTokensOnly(t *testing.T) {
	w := newWorkshop(t, true)
	b, eve := w.enter("dev"), w.enter("eve")
	id, _ := b.register()
	ann := w.enter("ann")
	got := b.tokens(id, ann.allow(w.asking(id)))
	access, refresh, idToken := got["access_token"].(string), got["refresh_token"].(string), got["id_token"].(string)
	b.get("/developers/tokens")
	eve.get("/developers/tokens")
	b.post("/developers/tokens", "secret", access).want(200).Has("An access token of Pulse", "good", "Patient in context", "See all health records of this patient").Lacks(access)
	b.post("/developers/tokens", "secret", "Bearer "+refresh).want(200).Has("A refresh token of Pulse").Lacks(refresh)
	b.post("/developers/tokens", "secret", idToken).want(200).Has("An id_token for Pulse", "of this server, and right", "Claims").Lacks(idToken)
	forged := idToken[:strings.LastIndexByte(idToken, '.')] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 256))
	b.post("/developers/tokens", "secret", forged).want(200).Has("never believe what it says", "not to be believed").Lacks(forged)
	for _, token := range []string{access, refresh, idToken, forged} {
		eve.post("/developers/tokens", "secret", token).want(422).Has("no token of an app that you registered").Lacks("Pulse", token)
	}
	for _, token := range []string{"", "igl_at_nothing", "a.b.c", strings.Repeat("x", 20_000), "eyJ9.e30.x"} {
		b.post("/developers/tokens", "secret", token).want(422)
	}
	w.Pass(2 * time.Hour)
	b = w.enter("dev")
	b.get("/developers/tokens")
	b.post("/developers/tokens", "secret", access).want(200).Has("not good any more").Lacks(access)
	b.post("/developers/tokens", "secret", idToken).want(200).Has("expired")
}

func TestATraceIsSharedAsAFile(t *testing.T) {
	w := newWorkshop(t, true)
	b, eve := w.enter("dev"), w.enter("eve")
	id, _ := b.register()
	ask := w.asking(id)
	ask.Set("redirect_uri", `https://app.example/"><script>alert(1)</script>`)
	b.send("GET", "/auth/authorize?"+ask.Encode(), nil).want(400)
	b.get("/developers/app/" + id + "/trace").want(200).Has("redirect_uri mismatch")
	file := b.get("/developers/app/" + id + "/trace.json").want(200)
	if got := file.Header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment") {
		t.Error(got)
	}
	eve.get("/developers/trace").want(200)
	eve.post("/developers/trace", "trace", file.Body).want(200).Has("redirect_uri mismatch", "Pulse").Lacks("Register this address")
	for _, text := range []string{"", "x", "{}", `{"format":"other"}`} {
		eve.post("/developers/trace", "trace", text).want(422).Has("not a trace that was downloaded here")
	}
	b.post("/developers/app/"+id+"/trace", "do", "forget").want(303)
	b.get("/developers/app/" + id + "/trace").want(200).Has("Nothing yet")
}

func TestTheConsoleSearchesAsTheVisitorMay(t *testing.T) {
	w := newWorkshop(t, true)
	b, eve := w.enter("dev"), w.enter("eve")
	b.get("/developers/query").want(200).Has(`<option value="birthdate">`, `<option value="name:exact">`)
	b.get("/developers/query?type=Observation&name1=patient&value1=ann").want(200).
		Has("Observation/o", `Observation.patient refers to "Patient/ann"`, `<svg class="tree"`, w.URL+"/fhir/Observation?patient=ann", "Roles: practitioner")
	b.get("/developers/query?type=Patient&name1=_id&value1=ann").want(200).Has("alert(1)", "Patient/ann")
	b.get("/developers/query?type=Observation&name1=nonsense&value1=x").want(422).Has("nonsense")
	b.get("/developers/query?type=Nonsense").want(422).Has("no resource type")
	b.get("/developers/query?type=Observation&name1=code&value1=%3Cscript%3Ealert(1)%3C/script%3E").want(200)
	real := newWorkshop(t, false).enter("dev")
	real.get("/developers/query?type=Observation&name1=patient&value1=ann").want(200).Has("Observation/o", "How a search is done is not told").Lacks(`<svg class="tree"`)
	if p := eve.get("/developers/query?type=Observation"); strings.Contains(p.Body, "Observation/o") {
		t.Errorf("somebody without a role in care finds %s", p.Body)
	}
}

func TestTheSecretIsShownThoughNoMoreAppsCanBeTraced(t *testing.T) {
	w := newWorkshop(t, true)
	b := w.enter("dev")
	running, _ := b.register()
	var full []store.ItemChange
	for i := range 500 {
		m := identity.Simulation{Client: fmt.Sprintf("app-%03d", i), Until: w.Time().Add(time.Hour)}
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		full = append(full, store.ItemChange{Expect: store.Any, Item: store.Item{Kind: "simulation", ID: m.Client, Body: text, Expires: m.Until, Keys: []store.ItemKey{{Name: "all", Value: "all"}}}})
	}
	if err := w.Store.WriteItems(t.Context(), true, full...); err != nil {
		t.Fatal(err)
	}
	id, secret := b.register("kind", "secret")
	if id == running || secret == "" {
		t.Error("no secret is shown")
	}
	b.get("/developers/app/" + id).want(200)
	b.post("/developers/app/"+id+"/trace", "do", "record").want(400).Has("simulations run, which is the most")
	b.post("/developers/app/"+id+"/launch", "do", "launch", "kind", "ehr", "user", w.userID("dev"), "patient", "ann", "minutes", "30").want(422).Has("simulations run, which is the most")
}
