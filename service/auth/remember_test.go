package auth_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// silently asks without a page to be shown, and returns the answer's query.
func (b browser) silently(ask url.Values) url.Values {
	b.t.Helper()
	ask.Set("prompt", "none")
	return b.do(b.http, "GET", b.url+"/auth/authorize?"+ask.Encode(), nil).location().Query()
}

// asks says whether the user is asked for consent; the code, if not.
func (b browser) asks(ask url.Values, want bool) (code string) {
	b.t.Helper()
	g := b.open(ask)
	if asked := strings.Contains(g.body, "Allow Growth Chart access?"); asked != want {
		b.t.Errorf("%v: asked %v, want %v: %s", ask, asked, want, g.header.Get("Location"))
	}
	if want {
		return ""
	}
	return g.location().Query().Get("code")
}

func TestWhatAUserAllowedIsNotAskedAgainInTheSameSession(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	b := p.browser()
	first := p.token(codeForm(c, b.code(c, "openid fhirUser launch/patient online_access patient/*.rs", "ann"))).want(200).json()
	for _, scope := range []string{"openid fhirUser launch/patient online_access patient/*.rs", "openid patient/Observation.rs", "patient/Observation.rs?category=laboratory"} {
		tokens := p.token(codeForm(c, b.asks(p.ask(c, scope), false))).want(200).json()
		if tokens["scope"] != scope || tokens["patient"] != "ann" {
			t.Errorf("%s: %v", scope, tokens)
		}
		p.fhir("Observation?patient=ann", tokens["access_token"].(string)).want(200)
	}
	for _, scope := range []string{"patient/*.cruds", "user/Patient.rs", "fhirUser profile", "launch/patient offline_access patient/*.rs"} {
		b.asks(p.ask(c, scope), true)
	}
	ask := p.ask(c, "patient/*.rs")
	ask.Set("prompt", "consent")
	b.asks(ask, true)
	// Signed in anew, it is another session.
	p.clock.Pass(time.Second)
	ask.Set("prompt", "login")
	b.open(ask).signIn("ann").has("Allow Growth Chart access?")
	other, _ := p.register()
	b.asks(p.ask(other, "patient/*.rs"), true)
	p.browser().open(p.ask(c, "patient/*.rs")).signIn("ann").has("Allow Growth Chart access?")
	p.token(refreshForm(c, first["refresh_token"].(string))).want(200)
}

func TestWhatOutlivesTheSessionIsRememberedInOthers(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	p.tokens(c, "offline_access patient/*.rs", "ann")
	b := p.browser()
	g := b.open(p.ask(c, "patient/*.rs")).signIn("ann")
	tokens := p.token(codeForm(c, g.location().Query().Get("code"))).want(200).json()
	if tokens["scope"] != "patient/*.rs" || tokens["refresh_token"] != nil {
		t.Error(tokens)
	}
	// A key that outlives the session is never made without asking.
	if got := b.silently(p.ask(c, "offline_access patient/*.rs")).Get("error"); got != "consent_required" {
		t.Error(got)
	}
}

func TestAnotherPatientIsAskedFor(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	b := p.browser()
	const scope = "launch/patient patient/*.rs"
	code := b.open(p.ask(c, scope)).signIn("noor").send("patient", "ann").allow().Get("code")
	p.token(codeForm(c, code)).want(200)
	b.open(p.ask(c, scope)).send("patient", "bob").want(200).has("Allow Growth Chart access?", "Bob Baker")
	back := b.open(p.ask(c, scope)).send("patient", "ann").location().Query()
	if got := p.token(codeForm(c, back.Get("code"))).want(200).json()["patient"]; got != "ann" {
		t.Error(got)
	}
	// Which patient it is to be nobody can say for the user.
	if got := b.silently(p.ask(c, scope)).Get("error"); got != "interaction_required" {
		t.Error(got)
	}
}

// Of an app without secret only an https address shows that it is the app.
func TestAnAppThatAnybodyCanBeIsNotRemembered(t *testing.T) {
	p := practice(t)
	for address, remembered := range map[string]bool{redirect: true, "http://127.0.0.1:4000/back": false, "http://localhost:4000/back": false, "com.example.app:/back": false} {
		for _, how := range []identity.ClientAuth{identity.AuthNone, identity.AuthPost} {
			c, secret := p.register(func(c *identity.Client) { c.Auth, c.Redirects = how, []string{address} })
			ask := p.ask(c, "patient/*.rs")
			ask.Set("redirect_uri", address)
			b := p.browser()
			form := codeForm(c, b.open(ask).signIn("ann").allowAt(address).Get("code"))
			form.Set("redirect_uri", address)
			if secret != "" {
				form.Set("client_secret", secret)
			}
			p.token(form).want(200)
			b.asks(ask, !remembered && how == identity.AuthNone)
		}
	}
}

func TestARequestWithoutPagesSucceedsOnceItWasAllowed(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	b := p.browser()
	const scope = "openid patient/*.rs"
	if got := b.silently(p.ask(c, scope)).Get("error"); got != "login_required" {
		t.Error(got)
	}
	g := b.open(p.ask(c, scope)).signIn("ann")
	if got := b.silently(p.ask(c, scope)).Get("error"); got != "consent_required" {
		t.Error(got)
	}
	id := p.token(codeForm(c, g.allow().Get("code"))).want(200).json()["id_token"].(string)
	// Again and again, for longer than the first token lasts.
	for range 3 {
		p.clock.Pass(25 * time.Minute)
		back := b.silently(p.ask(c, scope))
		if back.Get("state") != "st=ate &1" || back.Get("iss") != p.url {
			t.Error(back)
		}
		tokens := p.token(codeForm(c, back.Get("code"))).want(200).json()
		if tokens["patient"] != "ann" || tokens["scope"] != scope {
			t.Error(tokens)
		}
	}
	ask := p.ask(c, scope)
	ask.Set("id_token_hint", id)
	if got := b.silently(ask); got.Get("code") == "" {
		t.Error(got)
	}
	ask.Set("max_age", "600")
	if got := b.silently(ask).Get("error"); got != "login_required" {
		t.Error(got)
	}
	p.clock.Pass(13 * time.Hour)
	if got := b.silently(p.ask(c, scope)).Get("error"); got != "login_required" {
		t.Error(got)
	}
}

func TestAHintOfAnotherUserSignsNobodyIn(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	other, _ := p.register()
	hint := p.tokens(c, "openid patient/*.rs", "ann")["id_token"].(string)
	b := p.browser()
	p.user("bob", identity.Patient, identity.Link{Type: "Patient", ID: "bob"})
	p.token(codeForm(c, b.code(c, "openid patient/*.rs", "bob"))).want(200)
	ask := p.ask(c, "openid patient/*.rs")
	ask.Set("id_token_hint", hint)
	if got := b.silently(ask).Get("error"); got != "login_required" {
		t.Error(got)
	}
	ask.Del("prompt")
	if got := b.open(ask).location().Query().Get("error"); got != "login_required" {
		t.Error(got)
	}
	ask.Set("client_id", other.ID)
	if got := b.silently(ask).Get("error"); got != "invalid_request" {
		t.Errorf("a hint that was given to another app: %s", got)
	}
	ask.Set("id_token_hint", hint+"x")
	if got := b.silently(ask).Get("error"); got != "invalid_request" {
		t.Errorf("a hint that nobody signed: %s", got)
	}
}

func TestEndingAnAppsAccessHasItAskAgain(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	b := p.browser()
	ask := p.ask(c, "online_access patient/*.rs")
	p.token(codeForm(c, b.code(c, "online_access patient/*.rs", "ann"))).want(200)
	later := p.token(codeForm(c, b.silently(ask).Get("code"))).want(200).json()
	g := page{b.do(b.http, "GET", p.url+"/account", nil), b, ""}
	if n := strings.Count(g.body, "<h2>Growth Chart</h2>"); n != 1 {
		t.Errorf("the app is listed %d times", n)
	}
	id := regexp.MustCompile(`name="grant" value="([^"]*)"`).FindStringSubmatch(g.body)[1]
	g.to("/account/apps/end", "grant", id).want(200)
	p.fhir("Patient/ann", later["access_token"].(string)).want(401)
	p.token(refreshForm(c, later["refresh_token"].(string))).refused(400, identity.InvalidGrant)
	if got := b.silently(ask).Get("error"); got != "consent_required" {
		t.Error(got)
	}
	// So it is when the app gives it back.
	ask.Del("prompt")
	p.token(codeForm(c, b.open(ask).allow().Get("code"))).want(200)
	later = p.token(codeForm(c, b.silently(ask).Get("code"))).want(200).json()
	p.do(p.client, "POST", p.url+"/auth/revoke", url.Values{"token": {later["refresh_token"].(string)}, "client_id": {c.ID}}).want(200)
	if got := b.silently(ask).Get("error"); got != "consent_required" {
		t.Error(got)
	}
}

func TestALaunchIsRememberedForItsPatient(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	launch := p.ehr()
	ask := func(patient string) url.Values {
		v := p.ask(c, "launch patient/*.rs")
		v.Set("launch", launch(`{"client_id":"` + c.ID + `","user":"noor","patient":"` + patient + `","intent":"again"}`).want(201).json()["launch"].(string))
		return v
	}
	b := p.browser()
	p.token(codeForm(c, b.open(ask("ann")).signIn("noor").allow().Get("code"))).want(200)
	again := ask("ann")
	tokens := p.token(codeForm(c, b.asks(again, false))).want(200).json()
	if tokens["patient"] != "ann" || tokens["intent"] != "again" {
		t.Error(tokens)
	}
	if got := b.silently(again).Get("error"); got != "invalid_request" {
		t.Errorf("the launch is used twice: %s", got)
	}
	b.asks(ask("bob"), true)
	if got := p.token(codeForm(c, b.silently(ask("ann")).Get("code"))).want(200).json()["patient"]; got != "ann" {
		t.Error(got)
	}
}

func TestAPatientWhoIsGoneIsNotOpenedAgain(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	launch := p.ehr()
	ask := func() url.Values {
		v := p.ask(c, "launch patient/*.rs")
		v.Set("launch", launch(`{"client_id":"` + c.ID + `","user":"noor","patient":"bob"}`).want(201).json()["launch"].(string))
		return v
	}
	b := p.browser()
	p.token(codeForm(c, b.open(ask()).signIn("noor").allow().Get("code"))).want(200)
	p.put(`{"resourceType":"Person","id":"dora"}`) // no more refers to him
	_, err := p.door.Session(records.Principal{ID: "test"}, nil).Delete(t.Context(), fhir.Key{Type: "Patient", ID: "bob"}, records.DeleteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := b.silently(ask()).Get("error"); got != "access_denied" {
		t.Error(got)
	}
}

func TestConsentShowsWhatWasAllowedBefore(t *testing.T) {
	const vitals = "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"
	p := practice(t)
	c, _ := p.register()
	b := p.browser()
	asked := "patient/Patient.rs patient/Condition.rs patient/Observation.rs"
	g := b.open(p.ask(c, asked)).signIn("ann")
	if strings.Contains(g.body, "asked this before") {
		t.Error("nothing was asked before")
	}
	p.token(codeForm(c, g.allow("patient/Patient.rs", vitals).Get("code"))).want(200)
	g = b.open(p.ask(c, asked+" patient/Goal.rs"))
	g.want(200).has("asked this before", "<details open>")
	var proposed []string
	for _, m := range ticked.FindAllStringSubmatch(g.body, -1) {
		proposed = append(proposed, m[1])
	}
	if got := strings.Join(proposed, " "); got != "patient/Patient.rs "+vitals {
		t.Errorf("proposed is %s", got)
	}
	// What was sent stays when the page is shown again.
	g = g.send("allow", "1", "scope", "")
	g.want(422).has("Nothing is ticked")
	if ticked.MatchString(g.body) {
		t.Error("what was unticked is ticked again")
	}
}

// A form that was open when the same was allowed elsewhere counts as it was sent.
func TestTheFormOfConsentCountsWhateverWasAllowedBefore(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	b := p.browser()
	one := b.open(p.ask(c, "patient/Patient.rs patient/Goal.rs")).signIn("ann")
	two := b.open(p.ask(c, "patient/Patient.rs patient/Goal.rs"))
	p.token(codeForm(c, one.allow().Get("code"))).want(200)
	if got := p.token(codeForm(c, two.allow("patient/Patient.rs").Get("code"))).want(200).json()["scope"]; got != "patient/Patient.rs" {
		t.Error(got)
	}
}
