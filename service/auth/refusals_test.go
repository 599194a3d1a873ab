package auth_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/inglehealth/ingle/identity"
)

// send sends a body of a type as it is.
func (p *place) sendAs(path, contentType string, body io.Reader, header ...string) answer {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), "POST", p.url+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return p.send(p.client, r)
}

func TestWhatIsNoFormIsRefused(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	const form = "application/x-www-form-urlencoded"
	p.do(p.client, "GET", p.url+"/auth/authorize?client_id="+c.ID+"&scope=%zz", nil).want(400).has("not form-encoded")
	p.sendAs("/auth/token", form, strings.NewReader("grant_type=%zz")).refused(400, identity.InvalidRequest).has("not form-encoded")
	p.sendAs("/auth/token", "application/json", strings.NewReader("{}")).refused(400, identity.InvalidRequest).has(form)
	p.sendAs("/auth/token?x=%zz", form, strings.NewReader("")).refused(400, identity.InvalidRequest).has("not form-encoded")
}

func TestALaunchIsSentAsJSON(t *testing.T) {
	p := practice(t)
	c := p.backend("system/*.rs", "__launch")
	token := p.token(backendForm("__launch", signed(jose.ES384, ecKey(), headers("e"), p.claims(c)))).want(200).json()["access_token"].(string)
	p.sendAs("/auth/launch", "text/plain", strings.NewReader("{}"), "Authorization", "Bearer "+token).refused(400, identity.InvalidRequest).has("application/json")
	p.post("/auth/launch", "[]", "Authorization", "Bearer "+token).refused(400, identity.InvalidRequest).has("not a JSON object")
}

// Whoever does not say how much it is sends no more than may be kept.
func TestAppStateOfUnknownLengthIsBounded(t *testing.T) {
	k := newKeeper(t, settingsScope)
	const kind = "application/fhir+json"
	k.sendAs("/app-state/Basic", kind, io.MultiReader(strings.NewReader(k.basic("", strings.Repeat("x", 256<<10)))), "Authorization", "Bearer "+k.token).want(413)
	k.sendAs("/app-state/Basic", kind, io.MultiReader(strings.NewReader(k.basic("", "little"))), "Authorization", "Bearer "+k.token).want(201)
}

func TestAScopeThatIsNoneGivesAServiceNoToken(t *testing.T) {
	p := practice(t)
	c := p.backend("system/*.rs")
	p.token(backendForm("system/*.rs \"", signed(jose.ES384, ecKey(), headers("e"), p.claims(c)))).refused(400, identity.InvalidScope)
}

func TestAUserWhoseRecordIsNotHereChoosesNone(t *testing.T) {
	p := practice(t)
	p.user("gus", identity.Patient, identity.Link{Type: "Patient", ID: "gone"})
	c, _ := p.register()
	back := p.browser().open(p.ask(c, "launch/patient patient/*.rs")).signIn("gus").location().Query()
	if back.Get("error") != "access_denied" || !strings.Contains(back.Get("error_description"), "not on this server") {
		t.Error(back)
	}
}

// Of two tabs that answer one request at once the first counts: what was allowed there is
// not taken back by the other's no, whose browser is told.
func TestANoThatComesTooLateIsTold(t *testing.T) {
	o := &overtaken{kind: "request"}
	p := practice(t, o.over)
	c, _ := p.register()
	g := p.browser().open(p.ask(c, "patient/*.rs")).signIn("ann")
	var code string
	o.by = func() { code = g.allow().Get("code") }
	g.send("deny", "1").want(409).has("You have answered this already")
	p.token(codeForm(c, code)).want(200)
}

func TestWhatAnAccountHasNotIsSaid(t *testing.T) {
	p := household(t)
	g := p.visit("ann", "/account/security")
	g.to("/account/totp", "do", "codes").want(422).has("There is no authenticator app")
	g.to("/account/totp", "do", "something").want(400).has("begin, confirm, codes or remove")
	root := p.visit("root", "/account")
	root.get("/account/users/user/nobody").want(404).has("There is no such user")
	root.get("/account/clients/app/nothing").want(404).has("There is no such app")
}

// What cannot be recorded is not done.
func TestNobodySignsInWhileTheAuditLogCannotBeWritten(t *testing.T) {
	p := household(t)
	g := p.visit("ann", "/account")
	g.want(200)
	b := p.browser()
	page := b.follow(b.do(b.http, "GET", p.url+"/account", nil))
	if err := p.door.Audit().Close(); err != nil {
		t.Fatal(err)
	}
	a := page.send("login", "ann", "password", password)
	a.want(503).has("The audit log cannot be written")
	if a.header.Get("Set-Cookie") != "" {
		t.Error("a session is begun all the same")
	}
	c, _ := p.register()
	p.token(url.Values{"grant_type": {"authorization_code"}, "client_id": {c.ID}, "code": {"x"}}).want(503)
}
