package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Servers are killed at random moments of an import, while files are fetched and while
// they are loaded. In the end each line was done once.
func TestAnImportGoesOnWhereItWasWhenTheServerIsKilled(t *testing.T) {
	for name, where := range map[string]func(*testing.T) []string{
		"SQLite":     func(t *testing.T) []string { return []string{"--data", t.TempDir()} },
		"PostgreSQL": func(t *testing.T) []string { return []string{"--database", newDatabase(t)} },
	} {
		t.Run(name, func(t *testing.T) { killImports(t, append(where(t), "--import-allow", "127.0.0.1")) })
	}
}

const (
	killLines  = 8_000
	killBroken = killLines / 400
)

// importFile is a file of lines, some of them broken; what others need comes last.
func importFile(typ string) []byte {
	var b bytes.Buffer
	for i := range killLines {
		switch {
		case i%400 == 7:
			b.WriteString("{broken\n")
		case typ == "Patient" && i%2 == 0:
			fmt.Fprintf(&b, `{"resourceType":"Patient","gender":"other","birthDate":"%d-01-01"}`+"\n", 1900+i%100) // no id of its own
		case typ == "Patient":
			fmt.Fprintf(&b, `{"resourceType":"Patient","id":"late-%d"}`+"\n", i)
		default:
			fmt.Fprintf(&b, `{"resourceType":"Observation","id":"o-%d","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/late-%d"}}`+"\n", i, i/800*800+9)
		}
	}
	return b.Bytes()
}

// slowly sends a file at a bounded rate, and parts of it.
func slowly(content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		http.ServeContent(paced{w}, r, "", time.Time{}, bytes.NewReader(content))
	}
}

type paced struct{ http.ResponseWriter }

func (p paced) Write(b []byte) (int, error) {
	done := 0
	for len(b) > 0 {
		n, err := p.ResponseWriter.Write(b[:min(len(b), 32<<10)])
		done += n
		if err != nil {
			return done, err
		}
		b = b[n:]
		time.Sleep(10 * time.Millisecond)
	}
	return done, nil
}

func killImports(t *testing.T, args []string) {
	mux := http.NewServeMux()
	mux.HandleFunc("/Observation.ndjson", slowly(importFile("Observation")))
	mux.HandleFunc("/Patient.ndjson", slowly(importFile("Patient")))
	source := httptest.NewServer(mux)
	defer source.Close()

	p := startServer(t, args...)
	upload := strings.NewReplacer(`"id":"o-`, `"id":"u-`, `"reference":"Patient/`, `"display":"`).Replace(string(importFile("Observation")))
	var ids []string
	for _, one := range []struct{ body, media string }{
		{fmt.Sprintf(`{"inputFormat":"application/fhir+ndjson","input":[{"type":"Observation","url":"%[1]s/Observation.ndjson"},{"type":"Patient","url":"%[1]s/Patient.ndjson"}]}`, source.URL), "application/json"},
		{string(upload), "application/fhir+ndjson"},
	} {
		q, err := http.NewRequestWithContext(t.Context(), "POST", p.url+"/$import", strings.NewReader(one.body))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Content-Type", one.media)
		q.Header.Set("Prefer", "respond-async")
		a, err := client.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		_ = a.Body.Close()
		at := a.Header.Get("Content-Location")
		if a.StatusCode != 202 || at == "" {
			t.Fatalf("%d %v", a.StatusCode, a.Header)
		}
		ids = append(ids, at[strings.LastIndex(at, "/")+1:])
		if one.media == "application/json" {
			time.Sleep(time.Duration(50+rand.IntN(250)) * time.Millisecond)
			p.kill() // while it fetches
			p = startServer(t, args...)
		}
	}
	killed := 1
	for range 3 {
		if !movesOn(t, p, ids[0]) {
			break
		}
		time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond)
		p.kill()
		killed++
		p = startServer(t, args...)
	}
	const refused = 2*killBroken + killBroken // of both files, and of the upload
	var sums importSums
	for _, id := range ids {
		sums.add(overAt(t, p, id))
	}
	if sums.Lines != 3*killLines || sums.Accepted+sums.Matched+sums.Refused != sums.Lines || sums.Refused != refused {
		t.Errorf("%+v", sums)
	}
	total := func(query string) int {
		status, body := send(t.Context(), client, "GET", p.url+query, "")
		var bundle struct{ Total int }
		if err := json.Unmarshal([]byte(body), &bundle); err != nil || status != 200 {
			t.Fatalf("%s: %d %s", query, status, body)
		}
		return bundle.Total
	}
	for query, want := range map[string]int{
		"/Patient?_summary=count":     killLines - killBroken,
		"/Observation?_summary=count": 2 * (killLines - killBroken),
		// Nothing has a second version.
		"/Patient/_history?_summary=count":     killLines - killBroken,
		"/Observation/_history?_summary=count": 2 * (killLines - killBroken),
	} {
		if got := total(query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
	t.Logf("killed %d times: %+v", killed, sums)
}

type importSums struct{ Lines, Accepted, Matched, Refused int }

func (s *importSums) add(o importSums) {
	s.Lines, s.Accepted, s.Matched, s.Refused = s.Lines+o.Lines, s.Accepted+o.Accepted, s.Matched+o.Matched, s.Refused+o.Refused
}

// movesOn waits until an import has loaded something more; false: it is over.
func movesOn(t *testing.T, p *process, id string) bool {
	t.Helper()
	first := ""
	for range 2000 {
		q, err := http.NewRequestWithContext(t.Context(), "GET", p.url+"/$import/"+id, nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := client.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		_ = a.Body.Close()
		if a.StatusCode != 202 {
			return false
		}
		if progress := a.Header.Get("X-Progress"); first == "" {
			first = progress
		} else if progress != first {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("it stands still")
	return false
}

// overAt waits until an import is over.
func overAt(t *testing.T, p *process, id string) importSums {
	t.Helper()
	for range 3000 {
		status, body := send(t.Context(), client, "GET", p.url+"/$import/"+id, "")
		switch status {
		case 202:
			time.Sleep(20 * time.Millisecond)
			continue
		case 200:
			var r struct{ Extension map[string]importSums }
			if err := json.Unmarshal([]byte(body), &r); err != nil {
				t.Fatal(err)
			}
			return r.Extension["https://ingle.health/fhir/import-counts"]
		}
		t.Fatalf("%d %s", status, body)
	}
	t.Fatal("it is never over")
	return importSums{}
}

// Of two servers on one database the one that loads is killed; the other one goes on.
func TestAnotherServerTakesOverTheImportOfOneThatWasKilled(t *testing.T) {
	t.Parallel()
	args := []string{"--database", newDatabase(t), "--tenant", "takeover"}
	one := startServer(t, args...)
	tenant := func(p *process) *process {
		p.url = strings.TrimSuffix(p.url, "/fhir") + "/t/takeover/fhir"
		return p
	}
	tenant(one)
	var text strings.Builder
	for i := range 8 * killLines {
		fmt.Fprintf(&text, `{"resourceType":"Patient","id":"t-%d","birthDate":"%d-01-01"}`+"\n", i, 1900+i%100)
	}
	q, err := http.NewRequestWithContext(t.Context(), "POST", one.url+"/$import", strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/fhir+ndjson")
	q.Header.Set("Prefer", "respond-async")
	a, err := client.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	_ = a.Body.Close()
	at := a.Header.Get("Content-Location")
	if a.StatusCode != 202 || !strings.HasPrefix(at, one.url) {
		t.Fatalf("%d %s", a.StatusCode, at)
	}
	id := at[strings.LastIndex(at, "/")+1:]
	one.halt(t)
	two := tenant(startServer(t, args...))
	one.kill()
	killed := time.Now()
	if movesOn(t, two, id) {
		t.Logf("taken over after %v", time.Since(killed).Round(time.Millisecond))
	} else {
		t.Error("it was over too soon to be taken over")
	}
	if s := overAt(t, two, id); s.Lines != 8*killLines || s.Accepted+s.Matched != s.Lines {
		t.Errorf("%+v", s)
	}
	if _, body := send(t.Context(), client, "GET", two.url+"/Patient/_history?_summary=count", ""); !strings.Contains(body, fmt.Sprintf(`"total":%d`, 8*killLines)) {
		t.Errorf("%s", body)
	}
}
