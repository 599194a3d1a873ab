package console_test

import (
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
)

// places are the pages and forms of the console, and who may see or send them.
var places = []struct{ method, path, who string }{
	{"GET", "/console", "root vera"}, {"GET", "/console/roles", "root"}, {"GET", "/console/roles/new", "root"}, {"POST", "/console/roles/new", "root"},
	{"GET", "/console/roles/role/nurse", "root"}, {"POST", "/console/roles/role/nurse", "root"},
	{"GET", "/console/consents", "root vera"}, {"GET", "/console/consents/consent/x", "vera"}, {"POST", "/console/consents/review", "root vera"},
	{"GET", "/console/audit", "root vera"}, {"GET", "/console/audit/export?format=csv", "root vera"}, {"GET", "/console/audit/event/0", "root vera"},
	{"GET", "/console/audit/event/0/proof", "root vera"}, {"GET", "/console/audit/checkpoint", "root vera"}, {"GET", "/console/audit/verify", "root vera"},
	{"GET", "/console/audit/verify/events", "root vera"}, {"POST", "/console/audit/verify", "root vera"},
	{"GET", "/console/usage", "root vera"}, {"GET", "/console/keeping", "root vera"}, {"POST", "/console/keeping/hold", "root vera"},
	{"POST", "/console/keeping/lift", "root vera"}, {"POST", "/console/keeping/rules", "root vera"},
	{"GET", "/console/packages", "root"}, {"GET", "/console/tenants", "root"}, {"POST", "/console/tenants", "root"}, {"GET", "/console/health", "root vera"},
}

func TestEverybodySeesOfTheConsoleWhatTheRoleAllows(t *testing.T) {
	o := newOffice(t)
	for _, login := range []string{"root", "vera", "noor", "ann", ""} {
		v := o.enter(login)
		for _, p := range places {
			a := v.send(p.method, p.path, nil)
			switch may := login != "" && strings.Contains(p.who, login); {
			case login == "" && (p.method != "GET" || strings.HasSuffix(p.path, "/events")): // who listens to events follows no redirect
				a.want(401).has("not signed in any more")
			case login == "":
				if a.want(200).path != "/account/sign-in" {
					t.Errorf("nobody is shown %s", p.path)
				}
			case p.method == "POST": // without a token even who may
				a.want(403)
			case may:
				if a.status != 200 && a.status != 204 && a.status != 404 || strings.Contains(a.body, "another role") {
					t.Errorf("%s %s: %d", login, p.path, a.status)
				}
			default:
				a.want(403).has("another role than yours")
			}
		}
	}
	if o.resets != 0 {
		t.Error("a form without a token was taken")
	}
}

func TestAFormOfAnotherOriginOrSessionIsRefused(t *testing.T) {
	o := newOffice(t)
	root, vera := o.enter("root"), o.enter("vera")
	mine := token.FindStringSubmatch(root.get("/console/tenants").want(200).body)[1]
	theirs := token.FindStringSubmatch(vera.get("/console/keeping").want(200).body)[1]
	root.post("/console/tenants", "token", theirs, "confirm", "1").want(403).has("nothing was changed")
	root.send("POST", "/console/tenants", map[string][]string{"token": {mine}, "confirm": {"1"}}, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example").want(403)
	if o.resets != 0 {
		t.Fatal("it was taken")
	}
	root.post("/console/tenants", "token", mine, "confirm", "1").want(200)
	if o.resets != 1 {
		t.Error("the form of the visitor's own page was not taken")
	}
}

func TestTheAccountsPagesForAdministratorsArePlacesOfTheConsole(t *testing.T) {
	o := newOffice(t)
	root := o.enter("root")
	for _, path := range []string{"/account/users", "/account/users/new", "/account/clients", "/account/policy", "/console/roles"} {
		page := root.get(path).want(200).has(`aria-label="Console"`, `href="/console/consents">Privacy`, `href="/account/users" aria-current="true">People and apps`,
			`aria-label="People and apps"`, `href="/console/roles"`, `href="/console" aria-current="true">Console`)
		menu, rows, _ := strings.Cut(page.body, "</header>")
		if !strings.Contains(menu, `href="/console/audit"`) || strings.Contains(rows, `href="/console/audit"`) {
			t.Errorf("%s: the places of other groups are in the menu of narrow pages, and nowhere else", path)
		}
	}
	root.get("/account").want(200).has(`aria-label="Account"`, `href="/account/sessions"`).lacks(`href="/account/users"`, `href="/account/policy"`)
	vera := o.enter("vera")
	vera.get("/account/privacy").want(200).has(`aria-label="Console"`, `href="/account/privacy" aria-current="page"`).lacks(`href="/account/users"`, `href="/console/roles"`)
	o.enter("ann").get("/account").want(200).lacks("/console")
}

func TestTheOverviewSaysWhatWaits(t *testing.T) {
	o := newOffice(t)
	root := o.enter("root")
	root.get("/console").want(200).has("<b>0</b>", `href="/account/clients">apps`, "answers and can be written", "1.0 TiB are free")
	for _, name := range []string{"Growth", "<script>alert(1)</script>"} {
		if _, err := o.identity.CreateClient(t.Context(), &identity.Client{Name: name, Auth: identity.AuthNone, Redirects: []string{"https://app.example/back"}, Grants: []identity.GrantType{identity.AuthorizationCode}, Scopes: []string{"openid"}}); err != nil {
			t.Fatal(err)
		}
	}
	root.get("/console").want(200).has(`<b>2</b> <a href="/account/clients">apps`)
	root.get("/account/clients").want(200).lacks("<script>alert")
	o.put(`{"resourceType":"Patient","id":"ann"}`, `{"resourceType":"Consent","id":"odd","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],
		"policy":[{"uri":"https://policy.example"}],"patient":{"reference":"Patient/ann"},"provision":{"type":"deny","code":[{"text":"all that hurts"}]}}`)
	vera := o.enter("vera")
	vera.get("/console/consents").want(200).has("Consent/odd").lacks(`href="/console/consents/consent/odd"`) // it hides itself from her
	o.put(`{"resourceType":"Patient","id":"bob"}`, `{"resourceType":"Consent","id":"open","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],
		"policy":[{"uri":"https://policy.example"}],"patient":{"reference":"Patient/bob"},"provision":{"type":"permit","code":[{"text":"all that hurts"}]}}`)
	vera.get("/console/consents").want(200).has(`href="/console/consents/consent/open"`)
	vera.get("/console").want(200).has(`<b>2</b> <a href="/console/consents">consents</a>`, "emergency access")
}

func TestHealthTellsOfTheProgramAndItsWork(t *testing.T) {
	o := newOffice(t)
	o.put(`{"resourceType":"Patient","id":"ann"}`)
	o.enter("root").get("/console/health").want(200).has("Ingle 9.9", "SQLite answers", "Audit log", "Every search parameter has all its rows", "All resources are labelled", "1 resources", "Patient", "None was taken by ingle backup")
	if err := o.door.Session(records.Principal{}, nil).NoteBackup(t.Context(), records.Backup{Taken: time.Now().Add(-9 * 24 * time.Hour), To: "old.backup"}); err != nil {
		t.Fatal(err)
	}
	o.enter("root").get("/console/health").want(200).has("1 week ago: old.backup", ">old<").lacks("None was taken")
}

func TestPackagesShowTheirParametersAndTheirIndex(t *testing.T) {
	o := newOffice(t)
	o.put(`{"resourceType":"SearchParameter","id":"nick","url":"https://ehr.example/nick","name":"Nick","status":"active","description":"<b>nick</b>","code":"nick","base":["Patient"],"type":"string","expression":"Patient.name.where(use='nickname')"}`)
	root := o.enter("root")
	root.get("/console/packages?type=Patient").want(200).has("FHIR R4", "SearchParameter/nick", "birthdate", "complete", ">stored<", ">The patient's date of birth<").lacks("<b>nick</b>")
	root.get("/console/packages?type=Cat").want(422).has("no such resource type")
}

func TestASandboxIsResetOnlyWhenThatIsConfirmed(t *testing.T) {
	o := newOffice(t)
	o.put(`{"resourceType":"Patient","id":"ann"}`)
	root := o.enter("root")
	root.get("/console/tenants").want(200).has("default", o.url+"/fhir")
	root.fill("/console/tenants", "/console/tenants").want(422).has("Tick that all records")
	if o.resets != 0 {
		t.Fatal("it was reset without that")
	}
	root.fill("/console/keeping", "/console/keeping/hold", "resource", "Patient/ann", "reason", "Example v. Example").want(200)
	root.fill("/console/tenants", "/console/tenants", "confirm", "1").want(422).has("legal holds")
	root.fill("/console/keeping", "/console/keeping/lift", "resource", "Patient/ann").want(200)
	root.fill("/console/tenants", "/console/tenants", "confirm", "1").want(200).has("as on a new one")
	if stats, err := o.door.Stats(t.Context()); err != nil || stats["Patient"] != 0 {
		t.Error(stats, err)
	}
}
