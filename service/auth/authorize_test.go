package auth_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

func TestAStandaloneLaunchGivesTokensForTheChosenPatient(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	b := p.browser()
	g := b.open(p.ask(c, "openid fhirUser launch/patient offline_access patient/*.rs")).signIn("noor")
	g.want(200).has("Choose a patient", "Ann Archer", "Bob Baker", "born 1950-02-03")
	back := g.send("patient", "ann").allow()
	if back.Get("state") != "st=ate &1" || back.Get("iss") != p.url {
		t.Errorf("state %q, iss %q", back.Get("state"), back.Get("iss"))
	}
	a := p.token(codeForm(c, back.Get("code"))).want(200)
	tokens := a.json()
	for name, want := range map[string]any{
		"token_type": "Bearer", "expires_in": 3600.0, "patient": "ann", "need_patient_banner": true,
		"scope": "openid fhirUser launch/patient offline_access patient/*.rs", "smart_style_url": p.url + "/auth/style.json",
	} {
		if tokens[name] != want {
			t.Errorf("%s: %v, not %v", name, tokens[name], want)
		}
	}
	for _, name := range []string{"access_token", "refresh_token", "id_token"} {
		if s, ok := tokens[name].(string); !ok || s == "" {
			t.Errorf("%s: %v", name, tokens[name])
		}
	}
	if h := a.header; h.Get("Cache-Control") != "no-store" || h.Get("Pragma") != "no-cache" || !strings.HasPrefix(h.Get("Content-Type"), "application/json") {
		t.Errorf("headers %v", h)
	}
	a.has(`"fhirContext":[{"reference":"PractitionerRole/gp","type":"PractitionerRole"}]`)
}

func TestAPatientIsNotAskedForThePatient(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	code := p.browser().code(c, "launch/patient patient/Observation.rs", "ann")
	if got := p.token(codeForm(c, code)).want(200).json()["patient"]; got != "ann" {
		t.Errorf("patient %v", got)
	}
}

func TestAProxyChoosesAmongThoseItActsFor(t *testing.T) {
	p := practice(t)
	p.put(`{"resourceType":"Patient","id":"stranger","name":[{"family":"Stranger"}]}`)
	c, _ := p.register()
	g := p.browser().open(p.ask(c, "patient/*.rs")).signIn("dora")
	g.want(200).has("Ann Archer", "Bob Baker")
	if strings.Contains(g.body, "Stranger") {
		t.Error("a stranger is offered")
	}
	g = g.send("patient", "stranger")
	g.want(422).has("Choose one of the patients")
	code := g.send("patient", "bob").allow().Get("code")
	if got := p.token(codeForm(c, code)).want(200).json()["patient"]; got != "bob" {
		t.Errorf("patient %v", got)
	}
}

func TestPatientsAreFoundByName(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	b := p.browser()
	g := b.open(p.ask(c, "launch/patient patient/*.rs")).signIn("noor")
	found := b.do(b.http, "GET", g.address+"?name=ann%2Cbob", nil).want(200)
	if found.has("No patient was found"); strings.Contains(found.body, "Ann Archer") {
		t.Error("a comma separates names")
	}
	found = b.do(b.http, "GET", g.address+"?name=bob+bak", nil).want(200).has("Bob Baker")
	if strings.Contains(found.body, "Ann Archer") {
		t.Error("others are found, too")
	}
}

func TestAnEncounterIsChosenWhereOneIsAskedFor(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	p.put(`{"resourceType":"Patient","id":"cleo"}`, `{"resourceType":"Encounter","id":"another","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/cleo"}}`)
	g := p.browser().open(p.ask(c, "launch/patient launch/encounter patient/*.rs")).signIn("noor").send("patient", "ann")
	g.want(200).has("Choose a visit", "ambulatory", "2026-02-01")
	g = g.send("encounter", "another")
	g.want(422).has("Choose one of the visits")
	code := g.send("encounter", "visit").allow().Get("code")
	tokens := p.token(codeForm(c, code)).want(200).json()
	if tokens["encounter"] != "visit" || tokens["scope"] != "launch/patient launch/encounter patient/*.rs" {
		t.Error(tokens)
	}
	g = p.browser().open(p.ask(c, "launch/patient launch/encounter patient/*.rs")).signIn("noor").send("patient", "bob")
	tokens = p.token(codeForm(c, g.allow().Get("code"))).want(200).json()
	if tokens["encounter"] != nil || tokens["scope"] != "launch/patient patient/*.rs" {
		t.Error(tokens)
	}
}

func TestWhoHasNoRecordGivesNoAppAPatient(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	back := p.browser().open(p.ask(c, "patient/*.rs")).signIn("dev").location().Query()
	if back.Get("error") != "access_denied" || back.Get("code") != "" || back.Get("state") != "st=ate &1" {
		t.Error(back)
	}
}

func TestWhatIsUntickedIsNotGranted(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	g := p.browser().open(p.ask(c, "openid offline_access patient/Patient.rs patient/Condition.rs patient/Observation.rs")).signIn("ann")
	back := g.allow("patient/Patient.rs", "patient/Condition.rs")
	tokens := p.token(codeForm(c, back.Get("code"))).want(200).json()
	if tokens["scope"] != "openid patient/Patient.rs patient/Condition.rs" || tokens["refresh_token"] != nil {
		t.Error(tokens)
	}
}

func TestWhatIsUntickedTellsNoContextEither(t *testing.T) {
	p := practice(t)
	c, secret := p.register(func(c *identity.Client) { c.Auth = identity.AuthPost })
	g := p.browser().open(p.ask(c, "openid patient/Patient.rs")).signIn("ann")
	form := codeForm(c, g.allow("openid").Get("code"))
	form.Set("client_secret", secret)
	tokens := p.token(form).want(200).json()
	told := p.do(p.client, "POST", p.url+"/auth/introspect", url.Values{"token": {tokens["access_token"].(string)}, "client_id": {c.ID}, "client_secret": {secret}}).want(200).json()
	if tokens["scope"] != "openid" || tokens["patient"] != nil || tokens["need_patient_banner"] != nil || told["patient"] != nil {
		t.Error(tokens, told)
	}
}

func TestCategoriesCanBeAllowedInsteadOfTheWhole(t *testing.T) {
	const problems = "patient/Condition.rs?category=http://terminology.hl7.org/CodeSystem/condition-category|problem-list-item"
	const vitals = "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"
	p := practice(t)
	c, _ := p.register()
	for _, asked := range []string{"rs", "read"} {
		g := p.browser().open(p.ask(c, "patient/Patient."+asked+" patient/Condition."+asked+" patient/Observation."+asked)).signIn("ann")
		g.has("the list of your health problems", "vital signs", "your living situation")
		back := g.allow("patient/Patient."+asked, problems, vitals)
		if got := p.token(codeForm(c, back.Get("code"))).want(200).json()["scope"]; got != "patient/Patient."+asked+" "+problems+" "+vitals {
			t.Error(got)
		}
	}
}

func TestOfEverythingSomeTypesCanBeAllowed(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	g := p.browser().open(p.ask(c, "patient/*.read")).signIn("ann")
	back := g.allow("patient/Immunization.rs", "patient/Goal.rs")
	if got := p.token(codeForm(c, back.Get("code"))).want(200).json()["scope"]; got != "patient/Goal.rs patient/Immunization.rs" {
		t.Error(got)
	}
}

func TestAFormGrantsNothingThatItsPageDidNotOffer(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	g := p.browser().open(p.ask(c, "openid patient/Patient.rs")).signIn("ann")
	back := g.allow("patient/Patient.rs", "patient/*.cruds", "user/*.cruds", "system/*.cruds", "offline_access", "patient/Patient.cruds")
	if got := p.token(codeForm(c, back.Get("code"))).want(200).json()["scope"]; got != "openid patient/Patient.rs" {
		t.Error(got)
	}
}

func TestWhoeverDeniesIsTakenBackWithAccessDenied(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	g := p.browser().open(p.ask(c, "patient/*.rs")).signIn("ann")
	back := g.send("deny", "1").location()
	if !strings.HasPrefix(back.String(), redirect+"?") || back.Query().Get("error") != "access_denied" || back.Query().Get("iss") != p.url {
		t.Error(back)
	}
	g.send("allow", "1", "scope", "patient/*.rs").want(409).has("answered this already")
}

func TestConsentSaysInWordsWhatIsAllowed(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	p.browser().open(p.ask(c, "openid fhirUser offline_access patient/Condition.rs patient/Observation.cud user/PractitionerRole.rs")).signIn("ann").
		want(200).has("See health problems and diagnoses", "Add, change and delete test results and measurements",
		"See where clinicians work, and what they do there", "Keep its access also when you are away", "For how long", "Do not allow", "Ann Archer")
}

func TestTheUserSaysHowLong(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	g := p.browser().open(p.ask(c, "offline_access patient/*.rs")).signIn("ann")
	g.send("allow", "1", "scope", "patient/*.rs", "scope", "offline_access", "term", "ever").want(422).has("Choose for how long")
	back := g.send("allow", "1", "scope", "patient/*.rs", "scope", "offline_access", "term", "day").location().Query()
	tokens := p.token(codeForm(c, back.Get("code"))).want(200).json()
	p.clock.Pass(23*time.Hour + 30*time.Minute)
	tokens = p.token(refreshForm(c, tokens["refresh_token"].(string))).want(200).json()
	if tokens["expires_in"].(float64) > 1800 {
		t.Error("the access token outlives what the user allowed")
	}
	if told, err := p.identity.Introspect(t.Context(), tokens["refresh_token"].(string)); err != nil || told.Expires.After(p.clock.Time().Add(30*time.Minute)) {
		t.Error("the refresh token outlives what the user allowed", err)
	}
	p.clock.Pass(time.Hour)
	p.token(refreshForm(c, tokens["refresh_token"].(string))).refused(400, identity.InvalidGrant)
}

func TestARequestCanBePosted(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	b := p.browser()
	ask := p.ask(c, "patient/*.rs")
	ask.Del("state")
	a := b.do(b.http, "POST", p.url+"/auth/authorize?state=in+the+address", ask, "Origin", "https://app.example", "Sec-Fetch-Site", "cross-site")
	back := b.follow(a).signIn("ann").allow()
	if back.Get("code") == "" || back.Get("state") != "in the address" {
		t.Error(back)
	}
}

func TestARequestThatIsWrongIsToldToTheApp(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	for name, x := range map[string]struct {
		change func(url.Values)
		code   identity.Code
	}{
		"no response_type":      {func(v url.Values) { v.Del("response_type") }, identity.InvalidRequest},
		"a token":               {func(v url.Values) { v.Set("response_type", "token") }, identity.UnsupportedResponseType},
		"a fragment":            {func(v url.Values) { v.Set("response_mode", "fragment") }, identity.InvalidRequest},
		"no scope":              {func(v url.Values) { v.Del("scope") }, identity.InvalidScope},
		"unknown scopes only":   {func(v url.Values) { v.Set("scope", "eat drink patient/Nonsense.rs system/*.rs") }, identity.InvalidScope},
		"a broken scope":        {func(v url.Values) { v.Set("scope", "patient/*.rs \"") }, identity.InvalidScope},
		"scope twice":           {func(v url.Values) { v.Add("scope", "openid") }, identity.InvalidRequest},
		"no aud":                {func(v url.Values) { v.Del("aud") }, identity.InvalidRequest},
		"no challenge":          {func(v url.Values) { v.Del("code_challenge") }, identity.InvalidRequest},
		"a short challenge":     {func(v url.Values) { v.Set("code_challenge", "abc") }, identity.InvalidRequest},
		"plain":                 {func(v url.Values) { v.Set("code_challenge_method", "plain") }, identity.InvalidRequest},
		"no challenge method":   {func(v url.Values) { v.Del("code_challenge_method") }, identity.InvalidRequest},
		"an unknown prompt":     {func(v url.Values) { v.Set("prompt", "sing") }, identity.InvalidRequest},
		"max_age of words":      {func(v url.Values) { v.Set("max_age", "long") }, identity.InvalidRequest},
		"an unknown launch":     {func(v url.Values) { v.Set("launch", "xyz") }, identity.InvalidRequest},
		"a request object":      {func(v url.Values) { v.Set("request", "e30.e30.") }, identity.RequestNotSupported},
		"a request by address":  {func(v url.Values) { v.Set("request_uri", "https://x.example") }, identity.RequestURINotSupported},
		"nobody to ask":         {func(v url.Values) { v.Set("prompt", "none") }, identity.LoginRequired},
		"none and more":         {func(v url.Values) { v.Set("prompt", "none login") }, identity.InvalidRequest},
		"a nonce without end":   {func(v url.Values) { v.Set("nonce", strings.Repeat("n", 2000)) }, identity.InvalidRequest},
		"launch without launch": {func(v url.Values) { v.Set("scope", "launch") }, identity.InvalidScope},
	} {
		ask := p.ask(c, "patient/*.rs")
		x.change(ask)
		b := p.browser()
		back := b.do(b.http, "GET", p.url+"/auth/authorize?"+ask.Encode(), nil).location()
		if q := back.Query(); !strings.HasPrefix(back.String(), redirect+"?") || q.Get("error") != string(x.code) || q.Get("state") != "st=ate &1" || q.Get("iss") != p.url || q.Get("error_description") == "" {
			t.Errorf("%s: %v", name, back)
		}
	}
}

func TestUnknownScopesAreDropped(t *testing.T) {
	p := practice(t)
	c, _ := p.register(func(c *identity.Client) {
		c.Scopes = smart.Scopes{"openid", "launch/patient", "patient/Observation.rs", "patient/Condition.rs"}
	})
	code := p.browser().code(c, "openid eat system/*.rs patient/Nonsense.rs patient/Observation.sr patient/Observation.cruds patient/Patient.rs launch/patient", "ann")
	if got := p.token(codeForm(c, code)).want(200).json()["scope"]; got != "openid launch/patient patient/Observation.rs" {
		t.Error(got)
	}
}

func TestASessionIsUsedAgainUnlessAFreshSignInIsAskedFor(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	b := p.browser()
	b.code(c, "patient/*.rs", "ann")
	p.clock.Pass(10 * time.Minute)
	b.open(p.ask(c, "patient/*.rs")).has("Allow Growth Chart access?")
	for name, value := range map[string]string{"prompt": "login", "max_age": "300"} {
		ask := p.ask(c, "patient/*.rs")
		ask.Set(name, value)
		b.open(ask).signIn("ann").has("Allow Growth Chart access?")
		p.clock.Pass(10 * time.Minute)
	}
	ask := p.ask(c, "patient/*.rs")
	ask.Set("max_age", "1000")
	b.open(ask).has("Allow Growth Chart access?")
	ask.Set("prompt", "none")
	if got := b.do(b.http, "GET", p.url+"/auth/authorize?"+ask.Encode(), nil).location().Query().Get("error"); got != "consent_required" {
		t.Error(got)
	}
}

func TestALoginHintIsFilledIn(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	ask := p.ask(c, "patient/*.rs")
	ask.Set("login_hint", `ann" autofocus onfocus="x`)
	a := p.browser().open(ask)
	if strings.Contains(a.body, `" autofocus onfocus="x`) {
		t.Error("the hint is not escaped")
	}
	a.has(`value="ann" autofocus onfocus="x"`)
}

func TestTwoTabsAreTwoRequests(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	b := p.browser()
	one, two := p.ask(c, "patient/Patient.rs"), p.ask(c, "patient/Observation.rs")
	one.Set("state", "one")
	two.Set("state", "two")
	first := b.open(one)
	second := b.open(two)
	second = second.signIn("ann")
	// The first tab still shows the form of the sign-in.
	first = first.signIn("ann")
	if got := first.allow(); got.Get("state") != "one" || got.Get("code") == "" {
		t.Error(got)
	}
	if got := second.allow(); got.Get("state") != "two" || got.Get("code") == "" {
		t.Error(got)
	}
}

func TestTheBackButtonMeetsAClearMessage(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	b := p.browser()
	g := b.open(p.ask(c, "launch/patient patient/Patient.rs")).signIn("noor")
	consent := g.send("patient", "ann")
	// Back at the choice of the patient, the other one is chosen: what was
	// chosen stays, and is shown.
	g.send("patient", "bob").want(200).has("Ann Archer")
	consent.allow()
	b.do(b.http, "GET", consent.address, nil).want(409).has("answered this already", "Go back to the app")
}

func TestARequestExpires(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	g := p.browser().open(p.ask(c, "patient/*.rs"))
	p.clock.Pass(11 * time.Minute)
	g.send("login", "ann", "password", password).want(404).has("expired", "start again")
}

func TestWrongPasswordsAreToldAndCounted(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	g := p.browser().open(p.ask(c, "patient/*.rs"))
	g.send("login", "ann", "password", "wrong").want(422).has("do not belong together")
	for range 40 {
		if g = g.send("login", "ann", "password", "wrong"); strings.Contains(g.body, "Too many sign-ins failed") {
			g = g.send("login", "ann", "password", password)
			g.want(429).has("Too many sign-ins failed")
			if g.header.Get("Retry-After") != "60" {
				t.Error(g.header)
			}
			return
		}
	}
	t.Error("nobody is ever locked out")
}
