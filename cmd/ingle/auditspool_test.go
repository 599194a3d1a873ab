package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/pgtest"
)

func TestAnAuditSpoolIsForPostgreSQL(t *testing.T) {
	if out, err := ingle(t, "serve", "--open", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--audit-spool", t.TempDir()); err == nil || !strings.Contains(out+err.Error(), "--audit-spool is for --database") {
		t.Errorf("%v %s", err, out)
	}
}

func TestAFolderWithoutASpoolIsNotTakenForAnEmptyOne(t *testing.T) {
	data := t.TempDir()
	mustRun(t, "import", "--data", data, writePatient(t))
	empty := t.TempDir()
	if _, err := run(t, "audit", "verify", "--data", data, "--audit-spool", empty); err == nil || !strings.Contains(err.Error(), "no spool of this tenant is in "+empty) {
		t.Error(err)
	}
}

// PostgreSQL's disk is full: reading goes on, verify tells of the events that wait, and
// all of them are in the log when there is room. Whom the log lets go on then is tested
// there (audit.Admit).
func TestWithPostgreSQLsDiskFullReadingGoesOn(t *testing.T) {
	cluster := pgtest.Durable(t)
	dir, spool := cluster.Small(t, "96m"), t.TempDir()
	place := []string{"--database", cluster.URL()}
	spooled := append(place[:2:2], "--audit-spool", spool)
	p := startServer(t, spooled...) // everybody may do everything, and goes on
	patient := p.url + "/Patient/p"
	if status, body := send(t.Context(), client, "PUT", patient, `{"resourceType":"Patient","id":"p"}`); status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	ballast := filepath.Join(dir, "ballast")
	fill(t, ballast)
	ready := strings.TrimSuffix(p.url, "/fhir") + "/readyz"
	n := 0
	for status := 200; status != 503; n++ {
		if n == 20_000 {
			t.Fatal("the disk does not get full")
		}
		if status, body := send(t.Context(), client, "GET", patient, ""); status != 200 {
			t.Fatalf("after %d: %d %s", n, status, body)
		}
		status, _ = send(t.Context(), client, "GET", ready, "")
	}
	// Where the log could number nothing any more, the database may still take some events.
	for waits := false; !waits; {
		for range 20 {
			if status, body := send(t.Context(), client, "GET", patient, ""); status != 200 {
				t.Fatalf("reading with a full disk: %d %s", status, body)
			}
			n++
		}
		out := mustRun(t, append([]string{"audit", "verify"}, spooled...)...)
		waits = strings.Contains(out, "events wait in the spool")
		if !strings.Contains(out, "The log is whole") || !waits && n > 20_000 {
			t.Fatal(out)
		}
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool {
		status, _ := send(t.Context(), client, "GET", ready, "")
		return status == 200
	})
	p.kill()
	if out := mustRun(t, append([]string{"audit", "verify"}, spooled...)...); strings.Contains(out, "wait") || !strings.Contains(out, "The log is whole") {
		t.Error(out)
	}
	p = startServer(t, spooled...) // numbers what was left
	p.kill()
	out := mustRun(t, append([]string{"audit", "export"}, place...)...)
	if reads := strings.Count(out, `"GET`) + strings.Count(out, `"kind":"read"`); reads < n {
		t.Errorf("%d of %d reads are in the log: %.500s", reads, n, out)
	}
}
