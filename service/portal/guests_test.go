package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// all are the pages of a record that need nothing in it.
var all = []string{"", "/record", "/record/problems", "/record/medications", "/record/allergies", "/record/immunizations", "/record/visits", "/record/documents", "/record/care-team", "/record/bills",
	"/results", "/trend?code=http://loinc.org|4548-4", "/apps", "/sharing", "/sharing/new", "/looked", "/looked?all=1", "/file"}

func TestTheRecordOfSomebodyElseIsNotShown(t *testing.T) {
	p := newPlace(t)
	ann, mum, dr := p.visit("ann"), p.visit("mum"), p.visit("dr")
	for _, path := range append(all, "/file/record.json", "/file/record.zip", "/document/x", "/looked/log.0.0/proof") {
		ann.get("/portal/bob" + path).want(http.StatusForbidden).lacks("Baker")
		mum.get("/portal/ann" + path).want(http.StatusForbidden).lacks("Archer, Ann")
		dr.get("/portal/ann" + path).want(http.StatusForbidden).has("another role")
	}
	if to := p.guest().get("/portal/ann/apps").want(http.StatusSeeOther).Header.Get("Location"); !strings.HasPrefix(to, "/account/sign-in?next=%2Fportal%2Fann%2Fapps") {
		t.Errorf("who is not signed in is led to %s", to)
	}
}

func TestAPatientWithoutDataGetsPagesThatSaySo(t *testing.T) {
	p := newPlace(t)
	ann := p.visit("ann")
	for _, path := range all {
		ann.get("/portal/ann"+path).want(200).lacks("ZgotmplZ", "<no value>", "%!")
	}
	ann.get("/portal/ann").want(200).has("Ann Archer", "years old", "No health problems are recorded.", "No results yet", "Nobody but you.")
	ann.get("/portal/ann/record/nothing").want(http.StatusNotFound).has("no section")
	if to := ann.get("/portal").want(http.StatusSeeOther).Header.Get("Location"); to != "/portal/ann" {
		t.Errorf("led to %s", to)
	}
	p.visit("lone").get("/portal").want(200).has("No record is linked to you")
	p.visit("gone").get("/portal/not-there").want(http.StatusNotFound).has("There is no record yet")
}

func TestAFormThatIsNotOfThisPageChangesNothing(t *testing.T) {
	p := newPlace(t)
	ann := p.visit("ann")
	c, token := ann.app("ann", "patient/*.rs")
	at := "/portal/ann/apps/" + c.ID
	end := url.Values{"do": {"end"}, "token": {ann.get(at).want(200).Hidden().Get("token")}}
	ann.do("POST", at, end, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example").want(http.StatusForbidden).has("nothing was changed")
	ann.do("POST", at, url.Values{"do": {"end"}, "token": {"x"}}, "Sec-Fetch-Site", "same-origin").want(http.StatusForbidden)
	ann.do("POST", "/portal/ann/sharing/new", url.Values{"do": {"save"}, "what": {"all"}}, "Sec-Fetch-Site", "same-origin").want(http.StatusForbidden)
	p.guest().do("POST", at, end, "Sec-Fetch-Site", "same-origin").want(http.StatusUnauthorized).has("not signed in any more")
	p.fhir(token, "Patient/ann").want(200)
	ann.get("/portal/ann/sharing").want(200).has("You made no choice that holds")
	ann.send(at, "do", "dance").want(http.StatusBadRequest)
}

func TestASessionThatEndedElsewhereEndsHere(t *testing.T) {
	p := newPlace(t)
	ann := p.visit("ann")
	u, err := p.Identity.UserByLogin(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Identity.EndSessions(t.Context(), u.ID, ""); err != nil {
		t.Fatal(err)
	}
	ann.get("/portal/ann").want(http.StatusSeeOther)
	ann.do("POST", "/portal/ann/sharing/new", url.Values{"do": {"save"}}, "Sec-Fetch-Site", "same-origin").want(http.StatusUnauthorized)
}

func TestWhoActsForAPatientSeesThatRecordAndKeepsSeeingIt(t *testing.T) {
	p := newPlace(t)
	p.Put(strings.NewReplacer("Patient/ann", "Patient/eve", `"sugar"`, `"sugar-of-eve"`).Replace(sugar))
	mum := p.visit("mum")
	mum.get("/portal/eve").want(200).has("Eve Archer", "This is the record of Eve Archer, for whom you act.", "Long-term blood sugar (A1c)")
	c, token := mum.app("eve", "patient/*.rs")
	mum.get("/portal/eve/apps").want(200).has("Growth Chart", "the record of Eve Archer")
	mum.get("/portal/eve/apps/" + c.ID).want(200).has("all health records of this patient")
	// A choice that hides all from everybody does not hide it from who made it.
	mum.send("/portal/eve/sharing/new", "do", "save", "decision", "hide", "who", "everybody", "what", "all", "emergency", "1").want(http.StatusSeeOther)
	page := mum.get("/portal/eve/sharing").want(200).has("Hidden from everybody else", "All of the record.")
	mum.get("/portal/eve/results").want(200).has("7.4 %")
	p.fhir(token, "Observation?patient=eve").want(200).has(`"total":1`)
	_, rest, _ := strings.Cut(page.Body, `<h2><a href="/portal/eve/sharing/`)
	id, _, _ := strings.Cut(rest, `"`)
	mum.send("/portal/eve/sharing/"+id, "do", "end").want(http.StatusSeeOther)
	mum.send("/portal/eve/sharing/new", "do", "save", "decision", "hide", "who", "RelatedPerson/mum-of-eve", "what", "all").want(http.StatusUnprocessableEntity).has("That is you")
	p.Put(`{"resourceType":"RelatedPerson","id":"mum-of-eve","active":false,"patient":{"reference":"Patient/eve"},"name":[{"text":"Mum Archer"}]}`)
	mum.get("/portal/eve").want(http.StatusForbidden)
	mum.get("/portal").want(200).has("No record is linked")
}

func TestWhoMayOpenSeveralRecordsChoosesAmongThem(t *testing.T) {
	p := newPlace(t)
	p.Put(`{"resourceType":"Person","id":"both","link":[{"target":{"reference":"Patient/ann"}},{"target":{"reference":"RelatedPerson/mum-of-eve"}}]}`)
	u, err := p.Identity.UserByLogin(t.Context(), "lone")
	if err != nil {
		t.Fatal(err)
	}
	u.Links = append(u.Links, personLink)
	if _, err := p.Identity.UpdateUser(t.Context(), *u); err != nil {
		t.Fatal(err)
	}
	both := p.visit("lone")
	both.get("/portal/ann").want(200).has(`<a href="/portal/eve">Eve Archer</a>`, `aria-current="true">Ann Archer`)
	both.get("/portal/eve/record").want(200).has("The record of Eve Archer", `<a href="/portal/ann">Ann Archer</a>`)
}
