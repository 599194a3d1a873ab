package auth_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// lasting is work that goes on for who asked for it.
type lasting struct {
	*place
	kept []byte
}

// asks is work that is asked for with a token.
func (p *place) asks(token string) lasting {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), "GET", p.url+"/fhir/Patient", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	s, err := p.auth.Authenticate(r, p.door)
	if err != nil {
		p.t.Fatal(err)
	}
	kept, err := json.Marshal(s.Principal().Standing)
	if err != nil {
		p.t.Fatal(err)
	}
	return lasting{p, kept}
}

func (l lasting) session() (*records.Session, error) {
	var n records.Standing
	if err := json.Unmarshal(l.kept, &n); err != nil {
		l.t.Fatal(err)
	}
	return l.auth.Stand(l.t.Context(), l.door, n)
}

// sees says whether the work may read a resource now.
func (l lasting) sees(key fhir.Key) bool {
	l.t.Helper()
	s, err := l.session()
	if err != nil {
		l.t.Fatal(err)
	}
	_, err = s.Read(l.t.Context(), key, records.ReadOptions{})
	if kind := fault.KindOf(err); err != nil && kind != fault.NotFound && kind != fault.Forbidden {
		l.t.Fatal(err)
	}
	return err == nil
}

// ended fails unless the work may do nothing any more.
func (l lasting) ended() {
	l.t.Helper()
	if _, err := l.session(); !errors.Is(err, records.ErrStanding) || fault.KindOf(err) != fault.Forbidden {
		l.t.Errorf("the work goes on: %v", err)
	}
}

var annsRecord = fhir.Key{Type: "Patient", ID: "ann"}

func (p *place) lastingOf(login, scope string) (*identity.Client, lasting) {
	p.t.Helper()
	c, _ := p.register()
	return c, p.asks(p.tokens(c, scope, login)["access_token"].(string))
}

func TestWorkGoesOnWhenTheTokenThatItWasAskedForWithIsOver(t *testing.T) {
	p := practice(t)
	_, work := p.lastingOf("noor", "offline_access user/Patient.rs")
	p.clock.Pass(24 * time.Hour)
	if !work.sees(annsRecord) {
		t.Error("it sees nothing")
	}
	if s, err := work.session(); err != nil || s.Principal().ID == "" || s.Principal().Agent.Token == "" || s.Principal().Standing.Name != "User noor" {
		t.Errorf("%+v %v", s.Principal(), err)
	}
}

func TestWorkForAUserEndsWithWhatTheUserAllowed(t *testing.T) {
	p := practice(t)
	c, work := p.lastingOf("noor", "offline_access user/Patient.rs user/Encounter.rs")
	if !work.sees(annsRecord) {
		t.Fatal("it sees nothing")
	}
	grants, err := p.identity.ClientGrants(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.identity.NarrowGrant(t.Context(), grants[0].ID, smart.Scopes{"offline_access", "user/Encounter.rs"}); err != nil {
		t.Fatal(err)
	}
	if work.sees(annsRecord) {
		t.Error("it sees what the user took away")
	}
	if err := p.identity.RevokeGrant(t.Context(), grants[0].ID, "test"); err != nil {
		t.Fatal(err)
	}
	work.ended()
}

func TestWorkForAUserEndsWithTheTimeThatWasAllowed(t *testing.T) {
	p := practice(t)
	_, work := p.lastingOf("noor", "user/Patient.rs") // no longer than the token
	if !work.sees(annsRecord) {
		t.Fatal("it sees nothing")
	}
	p.clock.Pass(24 * time.Hour)
	work.ended()
}

func TestWorkForASuspendedAppStands(t *testing.T) {
	p := practice(t)
	c, work := p.lastingOf("noor", "offline_access user/Patient.rs")
	if !work.sees(annsRecord) {
		t.Fatal("it sees nothing")
	}
	if err := p.identity.SuspendClient(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	work.ended()
	if err := p.identity.ResumeClient(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	if !work.sees(annsRecord) {
		t.Error("an app that was resumed sees nothing")
	}
}

func TestWorkForAnAppWithoutAUserOutlivesItsTokenAndEndsWithTheApp(t *testing.T) {
	p := practice(t)
	c := p.backend("system/*.rs")
	tokens, err := p.identity.ClientCredentials(t.Context(), c, smart.Scopes{"system/Patient.rs"}, "", "")
	if err != nil {
		t.Fatal(err)
	}
	work := p.asks(tokens.Access)
	p.clock.Pass(24 * time.Hour)
	if !work.sees(annsRecord) || work.sees(fhir.Key{Type: "Encounter", ID: "visit"}) {
		t.Error("it does not see what its token let it see")
	}
	if err := p.identity.SuspendClient(t.Context(), c.ID); err != nil {
		t.Fatal(err)
	}
	work.ended()
}

func TestARoleThatChangesHoldsForWorkAtOnce(t *testing.T) {
	p := practice(t)
	_, work := p.lastingOf("noor", "offline_access user/Patient.rs user/Encounter.rs")
	if !work.sees(annsRecord) {
		t.Fatal("it sees nothing")
	}
	role, err := p.identity.AccessRole(t.Context(), string(identity.Practitioner))
	if err != nil {
		t.Fatal(err)
	}
	for i := range role.Rules {
		role.Rules[i].Types = []string{"Encounter"}
		role.Rules[i].Filter, role.Rules[i].Mask = "", nil
	}
	if err := p.door.Session(records.Principal{}, nil).SetAccessRole(t.Context(), role); err != nil {
		t.Fatal(err)
	}
	if work.sees(annsRecord) {
		t.Error("it sees what the role does not")
	}
	u, err := p.identity.UserByLogin(t.Context(), "noor")
	if err != nil {
		t.Fatal(err)
	}
	u.Disabled = true
	if _, err := p.identity.UpdateUser(t.Context(), *u); err != nil {
		t.Fatal(err)
	}
	work.ended()
}

func TestAConsentHoldsForWorkAtOnce(t *testing.T) {
	p := practice(t)
	_, work := p.lastingOf("noor", "offline_access user/Patient.rs")
	if !work.sees(annsRecord) {
		t.Fatal("it sees nothing")
	}
	p.denies("c", "ann", `{"reference":"Practitioner/noor"}`)
	if work.sees(annsRecord) || !work.sees(fhir.Key{Type: "Patient", ID: "bob"}) {
		t.Error("the consent does not hold")
	}
}

func TestWorkOfWhoActedForAPatientEndsWithThat(t *testing.T) {
	p := practice(t)
	c, _ := p.register()
	g := p.browser().open(p.ask(c, "offline_access launch/patient patient/*.rs")).signIn("dora").send("patient", "ann")
	work := p.asks(p.token(codeForm(c, g.allow().Get("code"))).want(200).json()["access_token"].(string))
	if !work.sees(annsRecord) || work.sees(fhir.Key{Type: "Patient", ID: "bob"}) {
		t.Fatal("it does not see the patient in context, and nobody else")
	}
	p.put(`{"resourceType":"RelatedPerson","id":"for-ann","active":false,"patient":{"reference":"Patient/ann"}}`)
	work.ended()
}

func TestWorkForAScriptEndsWithItsToken(t *testing.T) {
	p := practice(t)
	token, err := p.identity.CreateToken(t.Context(), "nightly", smart.Scopes{"system/*.rs"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	work := p.asks(token)
	if !work.sees(annsRecord) {
		t.Fatal("it sees nothing")
	}
	other, err := p.identity.CreateToken(t.Context(), "nightly", smart.Scopes{"system/*.rs"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	expires := p.asks(other)
	if err := p.identity.RevokeToken(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	work.ended()
	if !expires.sees(annsRecord) {
		t.Error("another token's work has ended")
	}
	p.clock.Pass(2 * time.Hour)
	expires.ended()
	// Nobody has what is no Standing at all.
	lasting{p, []byte(`{}`)}.ended()
}
