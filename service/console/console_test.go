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
				a.Want(401).Has("not signed in any more")
			case login == "":
				if a.Want(200).Path != "/account/sign-in" {
					t.Errorf("nobody is shown %s", p.path)
				}
			case p.method == "POST": // without a token even who may
				a.Want(403)
			case may:
				if a.Status != 200 && a.Status != 204 && a.Status != 404 || strings.Contains(a.Body, "another role") {
					t.Errorf("%s %s: %d", login, p.path, a.Status)
				}
			default:
				a.Want(403).Has("another role than yours")
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
	mine := root.get("/console/tenants").Want(200).Hidden().Get("token")
	theirs := vera.get("/console/keeping").Want(200).Hidden().Get("token")
	root.post("/console/tenants", "token", theirs, "confirm", "1").Want(403).Has("nothing was changed")
	root.send("POST", "/console/tenants", map[string][]string{"token": {mine}, "confirm": {"1"}}, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example").Want(403)
	if o.resets != 0 {
		t.Fatal("it was taken")
	}
	root.post("/console/tenants", "token", mine, "confirm", "1").Want(200)
	if o.resets != 1 {
		t.Error("the form of the visitor's own page was not taken")
	}
}

func TestTheAccountsPagesForAdministratorsArePlacesOfTheConsole(t *testing.T) {
	o := newOffice(t)
	root := o.enter("root")
	for _, path := range []string{"/account/users", "/account/users/new", "/account/clients", "/account/policy", "/console/roles"} {
		page := root.get(path).Want(200).Has(`aria-label="Console"`, `href="/console/consents">Privacy`, `href="/account/users" aria-current="true">People and apps`,
			`aria-label="People and apps"`, `href="/console/roles"`, `href="/console" aria-current="true">Console`)
		menu, rows, _ := strings.Cut(page.Body, "</header>")
		if !strings.Contains(menu, `href="/console/audit"`) || strings.Contains(rows, `href="/console/audit"`) {
			t.Errorf("%s: the places of other groups are in the menu of narrow pages, and nowhere else", path)
		}
	}
	root.get("/account").Want(200).Has(`aria-label="Account"`, `href="/account/sessions"`).Lacks(`href="/account/users"`, `href="/account/policy"`)
	vera := o.enter("vera")
	vera.get("/account/privacy").Want(200).Has(`aria-label="Console"`, `href="/account/privacy" aria-current="page"`).Lacks(`href="/account/users"`, `href="/console/roles"`)
	o.enter("ann").get("/account").Want(200).Lacks("/console")
}

func TestTheOverviewSaysWhatWaits(t *testing.T) {
	o := newOffice(t)
	root := o.enter("root")
	root.get("/console").Want(200).Has("<b>0</b>", `href="/account/clients">apps`, "answers and can be written", "1.0 TiB are free")
	for _, name := range []string{"Growth", "<script>alert(1)</script>"} {
		if _, err := o.Identity.CreateClient(t.Context(), &identity.Client{Name: name, Auth: identity.AuthNone, Redirects: []string{"https://app.example/back"}, Grants: []identity.GrantType{identity.AuthorizationCode}, Scopes: []string{"openid"}}); err != nil {
			t.Fatal(err)
		}
	}
	root.get("/console").Want(200).Has(`<b>2</b> <a href="/account/clients">apps`)
	root.get("/account/clients").Want(200).Lacks("<script>alert")
	o.Put(`{"resourceType":"Patient","id":"ann"}`, `{"resourceType":"Consent","id":"odd","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],
		"policy":[{"uri":"https://policy.example"}],"patient":{"reference":"Patient/ann"},"provision":{"type":"deny","code":[{"text":"all that hurts"}]}}`)
	vera := o.enter("vera")
	vera.get("/console/consents").Want(200).Has("Consent/odd").Lacks(`href="/console/consents/consent/odd"`) // it hides itself from her
	o.Put(`{"resourceType":"Patient","id":"bob"}`, `{"resourceType":"Consent","id":"open","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],
		"policy":[{"uri":"https://policy.example"}],"patient":{"reference":"Patient/bob"},"provision":{"type":"permit","code":[{"text":"all that hurts"}]}}`)
	vera.get("/console/consents").Want(200).Has(`href="/console/consents/consent/open"`)
	vera.get("/console").Want(200).Has(`<b>2</b> <a href="/console/consents">consents</a>`, "emergency access")
}

func TestHealthTellsOfTheProgramAndItsWork(t *testing.T) {
	o := newOffice(t)
	o.Put(`{"resourceType":"Patient","id":"ann"}`)
	o.enter("root").get("/console/health").Want(200).Has("Ingle 9.9", "SQLite answers", "Audit log", "Every search parameter has all its rows", "All resources are labelled", "1 resources", "Patient", "None was taken by ingle backup")
	if err := o.Door.Session(records.Principal{}, nil).NoteBackup(t.Context(), records.Backup{Taken: time.Now().Add(-9 * 24 * time.Hour), To: "old.backup"}); err != nil {
		t.Fatal(err)
	}
	o.enter("root").get("/console/health").Want(200).Has("1 week ago: old.backup", ">old<").Lacks("None was taken")
}

func TestPackagesShowTheirParametersAndTheirIndex(t *testing.T) {
	o := newOffice(t)
	o.Put(`{"resourceType":"SearchParameter","id":"nick","url":"https://ehr.example/nick","name":"Nick","status":"active","description":"<b>nick</b>","code":"nick","base":["Patient"],"type":"string","expression":"Patient.name.where(use='nickname')"}`)
	root := o.enter("root")
	root.get("/console/packages?type=Patient").Want(200).Has("FHIR R4", "SearchParameter/nick", "birthdate", "complete", ">stored<", ">The patient's date of birth<").Lacks("<b>nick</b>")
	root.get("/console/packages?type=Cat").Want(422).Has("no such resource type")
}

func TestASandboxIsResetOnlyWhenThatIsConfirmed(t *testing.T) {
	o := newOffice(t)
	o.Put(`{"resourceType":"Patient","id":"ann"}`)
	root := o.enter("root")
	root.get("/console/tenants").Want(200).Has("default", o.URL+"/fhir")
	root.fill("/console/tenants", "/console/tenants").Want(422).Has("Tick that all records")
	if o.resets != 0 {
		t.Fatal("it was reset without that")
	}
	root.fill("/console/keeping", "/console/keeping/hold", "resource", "Patient/ann", "reason", "Example v. Example").Want(200)
	root.fill("/console/tenants", "/console/tenants", "confirm", "1").Want(422).Has("legal holds")
	root.fill("/console/keeping", "/console/keeping/lift", "resource", "Patient/ann").Want(200)
	root.fill("/console/tenants", "/console/tenants", "confirm", "1").Want(200).Has("as on a new one")
	if stats, err := o.Door.Stats(t.Context()); err != nil || stats["Patient"] != 0 {
		t.Error(stats, err)
	}
}
