package bulk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkjob"
	"github.com/inglehealth/ingle/service/bulk"
)

// stop holds the work on exports back until what it returns is called.
func (p *place) stop() (resume func()) {
	gate := make(chan struct{})
	p.sessions.held(func() { <-gate })
	return sync.OnceFunc(func() {
		p.sessions.held(nil)
		close(gate)
	})
}

func TestTheStatusTellsHowFarAnExportIs(t *testing.T) {
	p := clinic(t)
	resume := p.stop()
	defer resume()
	at := p.start("$export")
	a := p.do("GET", at, "").want(202)
	if got := a.header.Get("X-Progress"); got == "" || len(got) >= 100 {
		t.Errorf("X-Progress %q", got)
	}
	if got := a.header.Get("Retry-After"); got == "" || got == "0" {
		t.Errorf("Retry-After %q", got)
	}
	// Files are for who has the manifest.
	p.do("GET", at+"/Patient-1-1.ndjson", "").want(404).outcome()
	resume()
	a = p.await(at).want(200)
	expires, err := time.Parse(time.RFC1123, a.header.Get("Expires"))
	if left := time.Until(expires); err != nil || left < 23*time.Hour || left > 25*time.Hour {
		t.Errorf("Expires %s: %v", a.header.Get("Expires"), err)
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"transactionTime", "request", "requiresAccessToken", "output", "deleted", "error"} {
		if m[name] == nil {
			t.Errorf("no %s in %s", name, a.body)
		}
	}
	if len(m) != 6 {
		t.Errorf("more than the guide says: %s", a.body)
	}
}

func TestWhoAsksTooOftenIsToldToWait(t *testing.T) {
	p := clinic(t)
	resume := p.stop()
	defer resume()
	at := p.start("$export")
	var refused reply
	for range 30 {
		if refused = p.do("GET", at, ""); refused.status != 202 {
			break
		}
	}
	refused.want(429).outcome()
	if refused.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	p.clock.pass(time.Minute)
	p.do("GET", at, "").want(202)
}

func TestAClientHasBoundedExportsUnderWay(t *testing.T) {
	p := clinic(t)
	resume := p.stop()
	defer resume()
	for range 10 {
		p.start("$export?_type=Patient")
	}
	a := p.do("GET", "$export", "", "Prefer", "respond-async").want(429).outcome()
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	other := p.register("system/*.rs")
	p.do("GET", "$export?_type=Patient", "", "Prefer", "respond-async", "Authorization", "Bearer "+p.tokenOf(other, "system/*.rs")).want(202)
}

func TestADeletedExportIsGone(t *testing.T) {
	for name, running := range map[string]bool{"under way": true, "done": false} {
		t.Run(name, func(t *testing.T) {
			p := clinic(t)
			resume := func() {}
			if running {
				resume = p.stop()
				defer resume()
			}
			at := p.start("$export")
			var m manifest
			if !running {
				m = p.finish(at)
			}
			p.do("DELETE", at, "").want(202).outcome()
			p.do("GET", at, "").want(404).outcome()
			p.do("DELETE", at, "").want(404).outcome()
			for _, f := range m.Output {
				p.do("GET", f.URL, "").want(404).outcome()
			}
			resume()
			p.bare()
		})
	}
}

// bare waits until no file is left.
func (p *place) bare() {
	p.t.Helper()
	for range 3000 {
		left, err := os.ReadDir(p.folder)
		if err != nil {
			p.t.Fatal(err)
		}
		if len(left) == 0 {
			return
		}
		if err := p.bulk.Exports(p.door.Name()).Sweep(p.t.Context()); err != nil {
			p.t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.t.Error("files are left")
}

func TestFilesExpire(t *testing.T) {
	p := clinic(t)
	at := p.start("$export")
	m := p.finish(at)
	sweep := func() {
		t.Helper()
		if err := p.bulk.Exports("").Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	p.clock.pass(23 * time.Hour)
	sweep()
	p.do("GET", m.Output[0].URL, "").want(200)
	p.clock.pass(2 * time.Hour)
	sweep()
	p.do("GET", at, "").want(404).outcome()
	p.do("GET", m.Output[0].URL, "").want(404).outcome()
	p.bare()
}

func TestFilesNeedTheTokenOfWhoAskedWithScopesForTheType(t *testing.T) {
	p := clinic(t)
	at := p.start("$export?_type=Patient,Observation")
	files := map[string]string{}
	for _, f := range p.finish(at).Output {
		files[f.Type] = f.URL
	}
	for _, url := range []string{at, files["Patient"]} {
		p.do("GET", url, "", "Authorization", "").want(401).outcome()
		p.do("GET", url, "", "Authorization", "Bearer igl_at_x").want(401).outcome()
		other := p.register("system/*.rs")
		p.do("GET", url, "", "Authorization", "Bearer "+p.tokenOf(other, "system/*.rs")).want(404).outcome()
		p.do("GET", url, "", "Authorization", "Bearer "+p.tokenOf(p.app, "system/*.rs")).want(200) // another token of the same
	}
	narrow := "Bearer " + p.tokenOf(p.app, "system/Patient.rs")
	p.do("GET", files["Patient"], "", "Authorization", narrow).want(200)
	p.do("GET", files["Observation"], "", "Authorization", narrow).want(403).outcome()
	for _, path := range []string{"/none.ndjson", "/..", "/%2e%2e%2fx", "/a/b"} {
		if a := p.do("GET", at+path, ""); a.status != 404 && a.status != 301 && a.status != 307 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	p.do("POST", at, "").want(405).outcome()
	p.do("DELETE", files["Patient"], "").want(405).outcome()
	for _, from := range []string{"first", "-1", "1.5"} {
		p.do("GET", at+"?from="+from, "").want(400).outcome().has("from is the number of files before")
	}
}

// TestANarrowerTokenDoesNotFetchAWiderExport asks with scopes of a type for a file that
// was written by wider ones.
func TestANarrowerTokenDoesNotFetchAWiderExport(t *testing.T) {
	p := clinic(t)
	with := func(scopes ...string) string { return "Bearer " + p.tokenOf(p.app, scopes...) }
	wide, narrow, other := with("system/*.rs"), with("system/Observation.rs?code=http://loinc.org|8480-6"), with("system/Observation.rs?code=http://loinc.org|8462-4")
	file := func(token string) string {
		return p.finish(p.start("$export?_type=Observation", "Authorization", token), "Authorization", token).Output[0].URL
	}
	whole, part := file(wide), file(narrow)
	for _, one := range []struct {
		url, token string
		status     int
	}{
		{whole, narrow, 403}, {whole, with("system/Observation.rs"), 200}, {whole, with("system/Observation.r", "system/Observation.s"), 200},
		{part, narrow, 200}, {part, wide, 200}, {part, other, 403}, {part, with("system/Patient.rs"), 403},
	} {
		p.do("GET", one.url, "", "Authorization", one.token).want(one.status)
	}
}

// A file whose content is gone, as when somebody removed it, is not there.
func TestAFileWhoseContentIsGoneIsNotFound(t *testing.T) {
	p := clinic(t)
	at := p.finish(p.start("$export?_type=Patient")).Output[0].URL
	p.do("GET", at, "").want(200)
	if err := os.RemoveAll(p.folder); err != nil {
		t.Fatal(err)
	}
	p.do("GET", at, "").want(404).outcome()
}

func TestWhoSignedInStartsNoExport(t *testing.T) {
	p := clinic(t)
	p.do("GET", "$export", "", "Prefer", "respond-async", "As-User", "noor").want(403).outcome().has("services without a user", "system/")
}

func TestScopesDecideWhatIsExported(t *testing.T) {
	p := clinic(t)
	with := func(scopes ...string) string { return "Bearer " + p.tokenOf(p.app, scopes...) }
	p.do("GET", "$export?_type=Patient,Observation", "", "Prefer", "respond-async", "Authorization", with("system/Patient.rs")).want(403).outcome()
	token := with("system/Patient.rs", "system/Observation.rs")
	if got := p.keys(p.finish(p.start("$export", "Authorization", token), "Authorization", token).Output, "Authorization", token); got != "Observation/a1 Observation/a2 Observation/b1 Observation/none Patient/ann Patient/bob Patient/cid" {
		t.Error(got)
	}
	token = with("system/Observation.rs?code=http://loinc.org|8480-6")
	if got := p.keys(p.finish(p.start("$export", "Authorization", token), "Authorization", token).Output, "Authorization", token); got != "Observation/a1" {
		t.Error(got)
	}
	p.do("GET", "$export", "", "Prefer", "respond-async", "Authorization", "").want(401).outcome()
}

func TestFilesComeZippedAndInParts(t *testing.T) {
	p := clinic(t)
	for i := range 60 {
		p.put(fmt.Sprintf(`{"resourceType":"Basic","id":"b%d","code":{"text":"something to say, and more of it, so that it is worth zipping"}}`, i))
	}
	url := p.finish(p.start("$export?_type=Basic")).Output[0].URL
	whole := p.do("GET", url, "").want(200)
	zipped := p.do("GET", url, "", "Accept-Encoding", "gzip").want(200)
	if zipped.header.Get("Content-Encoding") != "gzip" || zipped.body != whole.body {
		t.Errorf("%v, %d bytes of %d", zipped.header, len(zipped.body), len(whole.body))
	}
	part := p.do("GET", url, "", "Range", "bytes=100-299").want(206)
	if part.body != whole.body[100:300] || part.header.Get("Content-Range") != fmt.Sprintf("bytes 100-299/%d", len(whole.body)) {
		t.Errorf("%v %q", part.header, part.body)
	}
	rest := p.do("GET", url, "", "Range", "bytes=300-", "If-Range", part.header.Get("ETag")).want(206)
	if whole.body[:100]+part.body+rest.body != whole.body {
		t.Error("the parts are not the whole")
	}
	p.do("GET", url, "", "Range", "bytes=9999999-").want(416)
	if a := p.do("HEAD", url, "").want(200); a.body != "" || a.header.Get("Content-Length") != fmt.Sprint(len(whole.body)) {
		t.Errorf("%v", a.header)
	}
}

// small makes files of one portion each.
func small(c *bulk.Config) { c.Part = 1 }

func TestPartialManifestsLeadToTheNext(t *testing.T) {
	p := clinic(t, small)
	steps := 0
	gate := make(chan struct{})
	p.sessions.held(func() {
		if steps++; steps > 6 {
			<-gate
		}
	})
	at := p.start("$export?allowPartialManifests=true")
	var got []file
	released := false
	for next := at; next != ""; {
		var m manifest
		a := p.do("GET", next, "")
		if a.status == 202 || a.status == 429 {
			if len(got) > 0 && !released {
				p.lines(got)
				released = true
				p.sessions.held(nil)
				close(gate)
			}
			time.Sleep(200 * time.Millisecond)
			continue
		}
		if err := json.Unmarshal([]byte(a.want(200).body), &m); err != nil {
			t.Fatal(err)
		}
		got = append(got, m.Output...)
		next = ""
		for _, l := range m.Link {
			if l.Relation == "next" {
				next = l.URL
			}
		}
	}
	if !released {
		t.Error("no manifest came before the end")
	}
	if keys := p.keys(got); keys != p.export("$export") {
		t.Errorf("%s", keys)
	}
}

func TestAConsentHoldsForWhatIsExportedAfterIt(t *testing.T) {
	onBoth(t, func(t *testing.T) {
		p := clinic(t, small)
		var once sync.Once
		n := 0
		p.sessions.held(func() {
			if n++; n == 4 { // the Patients are out by then, or about to be
				once.Do(func() {
					p.put(`{"resourceType":"Consent","id":"c","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],"policy":[{"uri":"https://policy.example"}],
						"patient":{"reference":"Patient/ann"},"dateTime":"2026-02-01","provision":{"type":"deny"}}`)
				})
			}
		})
		got := p.export("Patient/$export?_type=Patient,Observation,DocumentReference,Device")
		if strings.Contains(got, "Observation/a1") || !strings.Contains(got, "Observation/b1") {
			t.Errorf("after the consent: %s", got)
		}
		if got := p.export("Patient/$export?_type=Patient,Observation"); got != "Observation/b1 Patient/bob Patient/cid" {
			t.Errorf("later: %s", got)
		}
	})
}

func TestTheExportOfASuspendedAppFails(t *testing.T) {
	p := clinic(t)
	resume := p.stop()
	defer resume()
	at := p.start("$export")
	if err := p.identity.SuspendClient(t.Context(), p.app.ID); err != nil {
		t.Fatal(err)
	}
	resume()
	x := p.bulk.Exports("")
	id := at[strings.LastIndex(at, "/")+1:]
	for range 3000 {
		one, err := x.Find(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if one.Phase == bulkjob.Failed {
			if !strings.Contains(one.Error, "suspended") {
				t.Error(one.Error)
			}
			if err := p.identity.ResumeClient(t.Context(), p.app.ID); err != nil {
				t.Fatal(err)
			}
			p.do("GET", at, "").want(422).outcome().has("suspended")
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("the export does not fail")
}

func TestWhatChangesMeanwhileMakesNoDifference(t *testing.T) {
	onBoth(t, func(t *testing.T) {
		p := clinic(t)
		before := p.lines(p.finish(p.start("Patient/$export")).Output)
		resume := p.stop()
		defer resume()
		at := p.start("Patient/$export")
		p.put(`{"resourceType":"Patient","id":"ann","name":[{"family":"Later"}]}`, `{"resourceType":"Patient","id":"later"}`,
			`{"resourceType":"Observation","id":"a2","status":"final","code":{"text":"later"},"subject":{"reference":"Patient/bob"}}`)
		p.remove("Observation/b1")
		p.remove("Provenance/early")
		resume()
		after := p.lines(p.finish(at).Output)
		if strings.Join(before, "\n") != strings.Join(after, "\n") {
			t.Errorf("before:\n%s\nafter:\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
		}
	})
}

// A transaction that began before the kick-off, and could still write below the place that
// the export shows, is waited for.
func TestAnExportHasWhatWasAcknowledgedWhileATransactionLasts(t *testing.T) {
	t.Run("PostgreSQL", func(t *testing.T) {
		p := clinic(t)
		conn, err := pgx.Connect(t.Context(), pgtest.URL(t))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.WithoutCancel(t.Context()))
		for _, text := range []string{"BEGIN", "SELECT pg_current_xact_id()"} {
			if _, err := conn.Exec(t.Context(), text); err != nil {
				t.Fatal(err)
			}
		}
		p.put(`{"resourceType":"Patient","id":"last"}`)
		at := p.start("Patient/$export?_type=Patient")
		deadline := time.Now().Add(time.Minute)
		for told := ""; !strings.Contains(told, "a write under way"); time.Sleep(200 * time.Millisecond) {
			a := p.do("GET", at, "")
			if a.status != 202 && a.status != 429 || time.Now().After(deadline) {
				t.Fatalf("%d %s", a.status, a.body)
			}
			if a.status == 202 {
				told = a.header.Get("X-Progress")
			}
			p.clock.pass(time.Second) // so that it may be asked again
		}
		if _, err := conn.Exec(t.Context(), "COMMIT"); err != nil {
			t.Fatal(err)
		}
		if lines := strings.Join(p.lines(p.finish(at).Output), "\n"); !strings.Contains(lines, `"last"`) {
			t.Error(lines)
		}
	})
}

func TestEachFileIsRecordedWithThePatientsItConcerns(t *testing.T) {
	p := clinic(t)
	p.finish(p.start("Group/g/$export"))
	if err := p.door.Audit().Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	events := p.door.Session(records.Principal{Audits: records.Audits{All: true}}, nil)
	found, err := events.Search(t.Context(), records.SearchRequest{Type: "AuditEvent", Pairs: []search.Pair{{Name: "patient", Value: "Patient/ann"}, {Name: "_count", Value: "200"}}})
	if err != nil {
		t.Fatal(err)
	}
	exported := 0
	for _, e := range found.Entries {
		if text := string(e.JSON); strings.Contains(text, "$export/") && strings.Contains(text, "Patient/ann") {
			exported++
		}
	}
	if exported < 3 {
		t.Errorf("%d events of files", exported)
	}
}
