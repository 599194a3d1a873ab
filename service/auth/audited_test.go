package auth_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
)

// events are those of the audit log from a number on.
func (p *place) events(from int64) []*audit.Event {
	p.t.Helper()
	log := p.door.Audit()
	if err := log.Seal(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	found, err := log.Find(p.t.Context(), audit.Query{From: from, Limit: 1000})
	if err != nil {
		p.t.Fatal(err)
	}
	return found.Events
}

// told is what events say, in short.
func told(events []*audit.Event) (lines []string) {
	for _, e := range events {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %d %s %s %s", e.Kind, e.Outcome(), e.Agent.Login, e.Note, strings.Join(e.Why, ","))))
	}
	return lines
}

func TestEveryActOfAnAuthorizationIsRecorded(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	b := p.browser()
	g := b.open(b.ask(c, "openid offline_access patient/Patient.rs"))
	g.send("login", "ann", "password", "wrong").has("do not belong together")
	g.send("login", password, "password", "ann").has("do not belong together") // the fields were mixed up
	code := g.signIn("ann").allow().Get("code")
	tokens := p.token(codeForm(c, code)).want(200).json()
	p.token(codeForm(c, code)).want(400) // a replay, which ends the grant
	p.token(refreshForm(c, tokens["refresh_token"].(string))).want(400)
	p.do(p.client, "GET", p.url+"/fhir/Patient/ann", nil, "Authorization", "Bearer "+tokens["access_token"].(string)).want(401)
	p.do(p.client, "POST", p.url+"/auth/revoke", url.Values{"token": {"igl_at_x"}, "client_id": {c.ID}}).want(200)
	p.do(p.client, "POST", p.url+"/auth/introspect", url.Values{"token": {"x"}}).want(401)
	events := p.events(0)
	want := []string{
		"authorize 0",
		"sign-in 4 ann step sign-in wrong-credentials",
		"sign-in 4  step sign-in; no such user wrong-credentials",
		"sign-in 0 ann step sign-in; by pwd",
		"authorize 0 ann step consent", // the page, which names whose record is opened
		"authorize 0 ann step consent",
		"token-issue 0 ann authorization_code; scope openid offline_access patient/Patient.rs",
		"token-issue 4  authorization_code invalid_grant",
		"token-issue 4  refresh_token invalid_grant",
		"read 4   login",
		"token-revoke 0",
		"token-inspect 4   invalid_client",
	}
	got := told(events)
	for i := range got {
		got[i] = strings.Join(strings.Fields(got[i]), " ")
	}
	for i := range want {
		want[i] = strings.Join(strings.Fields(want[i]), " ")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for n, e := range events {
		if shows := n == 4 || n == 5; shows != (len(e.Patients) == 1 && e.Patients[0].Key == "Patient/ann" && len(e.Patients[0].Entities) == 1) && n != 9 {
			t.Errorf("event %d, %s, tells of %+v", n, e.Note, e.Patients)
		}
	}
	issued := events[6].Agent
	if issued.Client != c.ID || issued.Token == "" || issued.Is != "Patient/ann" || issued.Address == "" {
		t.Errorf("%+v", issued)
	}
	for _, e := range events {
		line, err := e.Line()
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{password, code, tokens["access_token"].(string), tokens["refresh_token"].(string), issued.Token[:0] + "igl_"} {
			if strings.Contains(string(line), secret) {
				t.Errorf("%s holds %s", line, secret)
			}
		}
	}
}

func TestATokenIsNamedInTheLogAsItsIssuerKnowsIt(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	tokens := p.tokens(c, "patient/Patient.rs", "ann")
	from := int64(len(p.events(0)))
	p.do(p.client, "GET", p.url+"/fhir/Patient/ann", nil, "Authorization", "Bearer "+tokens["access_token"].(string)).want(200)
	read := p.events(from)[0]
	all := p.events(0)
	issue := all[from-1]
	if read.Agent.Token == "" || read.Agent.Token != issue.Agent.Token || strings.Contains(tokens["access_token"].(string), read.Agent.Token) {
		t.Errorf("read with %q, issued as %q", read.Agent.Token, issue.Agent.Token)
	}
	if diff := cmp.Diff([]string{"patient/Patient.rs"}, read.Why); diff != "" {
		t.Errorf("by what it was admitted: %s", diff)
	}
	if a := read.Agent; a.Login != "ann" || a.Purpose != "PATRQT" || a.Client != c.ID || read.Patients[0].Key != "Patient/ann" {
		t.Errorf("%+v", read)
	}
}

func TestWhatAnAdministratorDoesIsRecorded(t *testing.T) {
	p := household(t)
	from := int64(len(p.events(0)))
	g := p.visit("root", "/account/users/new")
	g.send("login", "otto", "name", "Otto", "role", "practitioner").want(200)
	got := told(p.events(from))
	if len(got) < 2 || !strings.HasPrefix(got[0], "sign-in 0 root") || !strings.HasPrefix(got[len(got)-1], "administer 0 root") {
		t.Errorf("%q", got)
	}
}

func TestWhichEventsATokenMayRead(t *testing.T) {
	p := practice(t)
	p.user("peter", identity.PrivacyOfficer)
	p.user("root", identity.Administrator)
	c, _ := p.register()
	count := func(login, scope string) int {
		t.Helper()
		tokens := p.tokens(c, scope, login)
		by := "" // others than ann
		if login == "ann" {
			by = "&altid=noor,peter,root"
		}
		a := p.do(p.client, "GET", p.url+"/fhir/AuditEvent?_count=1000"+by, nil, "Authorization", "Bearer "+tokens["access_token"].(string))
		a.want(200)
		return strings.Count(a.body, `"fullUrl"`)
	}
	if n := count("ann", "patient/Patient.rs patient/AuditEvent.rs"); n != 0 {
		t.Errorf("before anybody looked ann sees %d events", n)
	}
	tokens := p.tokens(c, "user/Patient.rs", "noor")
	p.do(p.client, "GET", p.url+"/fhir/Patient/ann", nil, "Authorization", "Bearer "+tokens["access_token"].(string)).want(200)
	p.do(p.client, "GET", p.url+"/fhir/Patient/bob", nil, "Authorization", "Bearer "+tokens["access_token"].(string)).want(200)
	if n := count("ann", "patient/Patient.rs patient/AuditEvent.rs"); n != 1 {
		t.Errorf("ann sees %d events", n)
	}
	if n := count("peter", "user/AuditEvent.rs"); n < 10 {
		t.Errorf("the privacy officer sees %d events", n)
	}
	if n := count("root", "user/AuditEvent.rs"); n < 10 {
		t.Errorf("the administrator sees %d events", n)
	}
	if n := count("noor", "user/AuditEvent.rs"); n != 0 {
		t.Errorf("the doctor sees %d events", n)
	}
}

func TestWhomThePagesOfAnAuthorizationShowIsRecorded(t *testing.T) {
	p := practice(t)
	p.denies("c", "bob", `{"reference":"Practitioner/noor"}`)
	c, _ := p.register()
	b := p.browser()
	g := b.open(p.ask(c, "launch/patient launch/encounter patient/*.rs")).signIn("noor")
	from := int64(len(p.events(0)))
	g.answer = b.do(b.http, "GET", g.address+"?name=arch", nil)
	g.want(200).has("Ann Archer")
	got := p.events(from)
	if len(got) != 1 {
		t.Fatalf("%d events", len(got))
	}
	e := got[0]
	if e.Kind != audit.Authorize || e.Query != "name=arch" || e.Agent.Login != "noor" || e.Agent.Client != c.ID || len(e.Patients) != 1 || e.Patients[0].Key != "Patient/ann" || len(e.Why) == 0 {
		t.Errorf("%+v", e)
	}
	from++
	g = g.send("patient", "ann")
	g.want(200).has("ambulatory")
	seen := false
	for _, e := range p.events(from) {
		for _, one := range e.Patients {
			if one.Key != "Patient/ann" {
				t.Errorf("%+v", e)
			}
			for _, touched := range one.Entities {
				seen = seen || touched.Key == "Encounter/visit"
			}
		}
	}
	if !seen {
		t.Errorf("the visits that were shown are in no event")
	}
	// A page without anybody on it leaves none.
	p.visit("noor", "/account")
	from = int64(len(p.events(0)))
	p.visit("noor", "/account").get("/account/security").want(200)
	for _, e := range p.events(from) {
		if e.Kind != audit.SignIn {
			t.Errorf("%+v", e)
		}
	}
}
