package console_test

import (
	"database/sql"
	"encoding/csv"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/placetest"
)

// access is that of a nurse's app to the records of two patients.
func access() audit.Event {
	return audit.Event{
		Kind: audit.Read, Status: 200, Target: "Observation/bp-1", Query: "code=<script>alert(1)</script>", Agent: audit.Agent{Client: "growth", Address: "192.0.2.7"},
		Patients: []audit.Patient{{Key: "Patient/ann", Entities: []audit.Entity{{Action: audit.Reads, Key: "Observation/bp-1", Version: 2}}}, {Key: "Patient/bob"}},
	}
}

var eventAddress = regexp.MustCompile(`/console/audit/event/\d+`)

func TestAnAdministratorApprovesAnAppFindsAnAccessAndVerifiesTheLog(t *testing.T) { administer(t) }

func TestAnAdministratorApprovesAnAppFindsAnAccessAndVerifiesTheLogOnPostgreSQL(t *testing.T) {
	administer(t)
}

func administer(t *testing.T) {
	o := newOffice(t)
	app := &identity.Client{ID: "growth", Name: "Growth", Auth: identity.AuthNone, Redirects: []string{"https://app.example/back"}, Grants: []identity.GrantType{identity.AuthorizationCode}, Scopes: []string{"openid"}}
	if _, err := o.Identity.CreateClient(t.Context(), app); err != nil {
		t.Fatal(err)
	}
	root := o.enter("root")
	address := regexp.MustCompile(`/account/clients/app/[^"]+`).FindString(root.get("/account/clients").Want(200).Has("waits for approval").Body)
	root.fill(address, address, "do", "approve").Want(200).Has("The app is approved")

	e := access()
	e.Agent.Client = app.ID
	o.happen("noor", e)
	found := root.get("/console/audit?user=noor&patient=ann&app=growth&kind=read&outcome=good").Want(200).Has("noor", "Growth", "Observation/bp-1", "ann, bob", "Export as CSV")
	at := eventAddress.FindString(found.Body)
	root.get(at).Want(200).Has("Patient/bob", "R Observation/bp-1/_history/2", "192.0.2.7", "code=<script>").Lacks("<script>alert")
	proof := root.get(at + "/proof").Want(200)
	shown, err := audit.CheckProof([]byte(proof.Body), nil)
	if err != nil || shown.Target != "Observation/bp-1" || !strings.Contains(proof.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("%+v %v", shown, err)
	}

	kept := root.get("/console/audit/checkpoint").Want(200).Body
	root.fill("/console/audit/verify", "/console/audit/verify", "checkpoint", strings.ReplaceAll(kept, "\n", "\r\n")).Want(200).Has("is being verified")
	root.verified().Has("The log is whole", "by Rut", "a checkpoint that was kept elsewhere")
	// Who was shown that it runs is told that it ended.
	root.get("/console/audit/verify/events").Want(200).Has("event: change")
	root.fill("/console/audit/verify", "/console/audit/verify", "checkpoint", "no checkpoint").Want(200)
	root.verified().Has("not as it was written", "the checkpoint to compare with is not good")
	root.fill("/console/audit/verify", "/console/audit/verify", "checkpoint", strings.Repeat("x", 5000)).Want(422).Has("A checkpoint has a few lines")
	root.get("/console/audit?kind=administer").Want(200).Has("verification of the audit log", "the audit log was verified")
	root.get("/console/audit?user=root").Want(200).Has("the audit log was looked at", "a proof of event")
}

// verified waits for the end of a verification.
func (v visitor) verified() placetest.Answer {
	v.T.Helper()
	for range 1200 {
		if a := v.get("/console/audit/verify").Want(200); !strings.Contains(a.Body, "Under way") {
			return a
		}
		time.Sleep(50 * time.Millisecond)
	}
	v.T.Fatal("the verification does not end")
	return placetest.Answer{}
}

func TestAVerificationSaysWhereTheLogWasAltered(t *testing.T) {
	o := newOffice(t)
	o.happen("noor", access())
	vera := o.enter("vera")
	vera.get("/console/audit").Want(200)
	db, err := sql.Open("sqlite", filepath.Join(o.dir, "audit.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "UPDATE audit_block SET since = since + 60000000, until = until + 60000000 WHERE first = 0"); err != nil {
		t.Fatal(err)
	}
	vera.fill("/console/audit/verify", "/console/audit/verify").Want(200)
	vera.verified().Has("not as it was written", "the times of the events 0 to")
}

func TestEventsAreFoundByEachOfTheFields(t *testing.T) {
	o := newOffice(t)
	o.happen("noor", access())
	refused := access()
	refused.Status, refused.Target, refused.Patients = 403, "Patient/eve", nil
	o.happen("noor", refused)
	broken := access()
	broken.Status, broken.Kind, broken.Target = 500, audit.Search, "Condition"
	o.happen("noor", broken)
	vera := o.enter("vera")
	tomorrow := time.Now().UTC().AddDate(0, 0, 1).Format("2006-01-02T15:04")
	for query, want := range map[string]string{
		"user=noor": "bp-1 eve Condition", "user=NOOR&outcome=bad": "eve Condition", "user=noor&outcome=failed": "Condition", "user=noor&outcome=good": "bp-1",
		"patient=Patient/bob": "bp-1 Condition", "patient=nobody": "", "user=gone": "", "app=growth&kind=search": "Condition", "user=noor&since=" + tomorrow: "", "user=noor&until=" + tomorrow: "bp-1 eve Condition",
	} {
		body := vera.get("/console/audit?" + query).Want(200).Body
		var got []string
		for _, target := range []string{"bp-1", "eve", "Condition"} {
			if strings.Contains(body, ">"+target+"<") || strings.Contains(body, "/"+target+"<") {
				got = append(got, target)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s finds %q, want %q", query, got, want)
		}
		if want == "" && !strings.Contains(body, "No event is like that") {
			t.Errorf("%s: nothing is said", query)
		}
	}
	for query, want := range map[string]string{"since=yesterday": "A time looks like", "since=2026-03-02&until=2026-03-01": "The end comes before", "outcome=odd": "was refused or failed", "before=x": "not known"} {
		vera.get("/console/audit?" + query).Want(422).Has(want)
	}
	vera.get("/console/audit/event/999999").Want(404).Has("has no event 999999")
	vera.get("/console/audit/event/x").Want(404)
}

func TestALongLogIsPaged(t *testing.T) {
	o := newOffice(t)
	for range 60 {
		o.happen("noor", access())
	}
	vera := o.enter("vera")
	first := vera.get("/console/audit?user=noor").Want(200).Has("Next page")
	next := regexp.MustCompile(`href="([^"]+)" rel="next"`).FindStringSubmatch(first.Body)
	second := vera.get(strings.ReplaceAll(next[1], "&amp;", "&")).Want(200).Lacks("Next page")
	if n := len(eventAddress.FindAllString(first.Body, -1)) + len(eventAddress.FindAllString(second.Body, -1)); n != 60 {
		t.Errorf("%d events on two pages", n)
	}
}

func TestTheExportHasAllEventsAndNoFormula(t *testing.T) {
	o := newOffice(t)
	e := access()
	e.Note = "=HYPERLINK(1)"
	for range 3 {
		o.happen("noor", e)
	}
	vera := o.enter("vera")
	lines := vera.get("/console/audit/export?user=noor&format=ndjson").Want(200)
	if n := strings.Count(lines.Body, "\n"); n != 3 || !strings.HasSuffix(lines.Header.Get("Content-Disposition"), `.ndjson"`) {
		t.Errorf("%d lines, %v", n, lines.Header)
	}
	table := vera.get("/console/audit/export?user=noor&format=csv").Want(200)
	rows, err := csv.NewReader(strings.NewReader(table.Body)).ReadAll()
	if err != nil || len(rows) != 4 || rows[1][14] != "'=HYPERLINK(1)" || rows[1][17] != "Patient/ann Patient/bob" {
		t.Errorf("%q %v", rows, err)
	}
	vera.get("/console/audit/export?format=pdf").Want(400).Has("ndjson or csv")
	vera.get("/console/audit/export?format=csv&since=x").Want(400).Has("A time looks like")
	vera.get("/console/audit?" + url.Values{"kind": {"export"}}.Encode()).Want(200).Has("exported as csv")
}

func TestWhatWasErasedIsNotShown(t *testing.T) {
	o := newOffice(t)
	o.happen("noor", access())
	vera := o.enter("vera")
	at := eventAddress.FindString(vera.get("/console/audit?user=noor").Want(200).Body)
	if err := o.Door.Audit().Erase(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	vera.get(at).Want(200).Has("was erased").Lacks("noor", "Download the proof")
	vera.get(at + "/proof").Want(404)
}
