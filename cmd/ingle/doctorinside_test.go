package main

import (
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/watch/finding"
)

// examined is what ingle doctor finds from inside, by check, the worst of each.
func examined(t *testing.T, args ...string) (code int, by map[string]finding.Finding) {
	t.Helper()
	code, out, errs := invoke(t, append([]string{"doctor", "--json"}, args...)...)
	var report struct {
		State  finding.State
		Checks []finding.Finding
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v in %s%s", err, out, errs)
	}
	by = map[string]finding.Finding{}
	for _, f := range report.Checks {
		if f.Means == "" || (f.State != finding.OK) != (f.Do != "") {
			t.Errorf("it does not say what to do: %+v", f)
		}
		if was, ok := by[f.Check]; !ok || finding.Worst([]finding.Finding{was, f}) != was.State {
			by[f.Check] = f
		}
	}
	if (report.State == finding.Fail) != (code == 1) {
		t.Errorf("exit code %d of %s", code, report.State)
	}
	return code, by
}

func wants(t *testing.T, by map[string]finding.Finding, states map[string]finding.State) {
	t.Helper()
	for check, want := range states {
		if f, ok := by[check]; !ok || f.State != want {
			t.Errorf("%s: %+v, want %s", check, f, want)
		}
	}
}

func TestADoctorFindsAServerThatRunsWell(t *testing.T) {
	dir := t.TempDir()
	p := startClosed(t, "--sandbox", castAlone, "--data", dir)
	base := strings.TrimSuffix(p.url, "/fhir")
	code, by := examined(t, "--data", dir, "--base-url", base)
	well := map[string]finding.State{}
	for _, check := range []string{"key file", "keys", "database", "schema", "integrity", "audit integrity", "disk speed", "clock", "clock of the address", "indexes", "labels", "audit log", "jobs", "subscriptions", "alerts", "server", "address"} {
		if check != "database" && check != "disk speed" {
			well[check] = finding.OK
		}
	}
	well["backup"] = finding.Warn
	wants(t, by, well)
	if code != 0 && by["disk"].State == finding.OK && by["disk speed"].State != finding.Fail {
		t.Errorf("exit code %d: %+v", code, by)
	}
	out, err := ingle(t, "doctor", "--data", dir)
	if !strings.Contains(out, "ok    server: It runs and answers commands.") || !strings.Contains(out, "warn  backup: No backup was taken yet.\n      -> ingle backup") {
		t.Errorf("%s %v", out, err)
	}
	p.kill()
	_, by = examined(t, "--data", dir, "--base-url", base)
	well["address"], well["clock of the address"], well["server"] = finding.Fail, "", ""
	delete(well, "clock of the address")
	delete(well, "server")
	wants(t, by, well)
}

func TestADoctorFindsWhatIsWrongWithAFolder(t *testing.T) {
	if _, by := examined(t, "--data", filepath.Join(t.TempDir(), "none")); by["database"].State != finding.Fail || by["key file"].State != finding.Warn {
		t.Errorf("%+v", by)
	}
	dir := filepath.Join(t.TempDir(), "records")
	startClosed(t, "--data", dir).kill()
	key := filepath.Join(dir, keyFileName)
	_, by := examined(t, "--data", dir)
	wants(t, by, map[string]finding.State{"folder": finding.OK, "key file": finding.OK, "schema": finding.OK, "integrity": finding.OK, "audit log": finding.OK, "keys": finding.OK})

	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Chmod(dir, 0o755))
	must(os.Chmod(key, 0o644))
	_, by = examined(t, "--data", dir)
	wants(t, by, map[string]finding.State{"folder": finding.Warn, "key file": finding.Fail})
	must(errors.Join(os.Chmod(dir, 0o700), os.Chmod(key, 0o600)))

	other := filepath.Join(t.TempDir(), "other")
	startClosed(t, "--data", other).kill()
	_, by = examined(t, "--data", dir, "--key-file", filepath.Join(other, keyFileName))
	wants(t, by, map[string]finding.State{"key file": finding.Fail})

	file := filepath.Join(dir, "ingle.db")
	for _, c := range []struct {
		change string
		want   finding.State
	}{
		{"INSERT INTO goose_db_version (version_id, is_applied) VALUES (1000, 1)", finding.Fail},
		{"DELETE FROM goose_db_version WHERE version_id > 1", finding.Warn},
	} {
		change(t, file, c.change)
		_, by = examined(t, "--data", dir)
		wants(t, by, map[string]finding.State{"schema": c.want})
		if _, opened := by["indexes"]; opened {
			t.Error("a database of another version was opened")
		}
	}

	text, err := os.ReadFile(file)
	must(err)
	for i := len(text) / 4; i < len(text)*3/4; i++ {
		text[i] = 0xa5
	}
	must(os.WriteFile(file, text, 0o600))
	must(errors.Join(remove(file+"-wal"), remove(file+"-shm")))
	code, by := examined(t, "--data", dir)
	if code != 1 || by["integrity"].State != finding.Fail && by["schema"].State != finding.Fail && by["database"].State != finding.Fail {
		t.Errorf("a damaged database: %+v", by)
	}
}

// change runs a statement on a database of SQLite.
func change(t *testing.T, file, text string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), text)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func remove(file string) error {
	if err := os.Remove(file); !os.IsNotExist(err) {
		return err
	}
	return nil
}

func TestADoctorFindsWhatIsWrongWithPostgreSQL(t *testing.T) {
	url := pgtest.URL(t)
	s, err := postgres.Open(t.Context(), url, schemaOf(""))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, by := examined(t, "--database", url)
	wants(t, by, map[string]finding.State{
		"database": finding.OK, "schema": finding.OK, "integrity": finding.OK, "change feed": finding.OK, "database connections": finding.OK,
		"clock": finding.OK, "jobs": finding.OK, "audit log": finding.OK, "key file": finding.Warn,
	})
	join := "?"
	if strings.Contains(url, "?") {
		join = "&"
	}
	_, by = examined(t, "--database", url+join+"options=-csynchronous_commit%3Doff")
	wants(t, by, map[string]finding.State{"database settings": finding.Fail})
	_, by = examined(t, "--database", url, "--tenant", "nobody")
	wants(t, by, map[string]finding.State{"schema": finding.Fail})
	_, by = examined(t, "--database", "postgres://nobody@127.0.0.1:1/none")
	wants(t, by, map[string]finding.State{"database": finding.Fail})

	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	exec := func(text string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	exec("UPDATE pg_index SET indisvalid = false WHERE indexrelid = (SELECT indexrelid FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.oid = 'ingle.setting'::regclass LIMIT 1)")
	_, by = examined(t, "--database", url)
	wants(t, by, map[string]finding.State{"integrity": finding.Fail})
	exec("UPDATE pg_index SET indisvalid = true WHERE NOT indisvalid")
	exec("INSERT INTO ingle.goose_db_version (version_id, is_applied) VALUES (1000, true)")
	_, by = examined(t, "--database", url)
	wants(t, by, map[string]finding.State{"schema": finding.Fail})
	exec("DELETE FROM ingle.goose_db_version WHERE version_id = 1000")
}

func TestADoctorFindsWhatIsWrongWithTheAddress(t *testing.T) {
	answer := ""
	header := func(http.Header) {}
	status := 200
	serve := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header(w.Header())
		w.WriteHeader(status)
		fmt.Fprint(w, answer)
	})
	plain := httptest.NewServer(serve)
	defer plain.Close()
	look := func(base string) map[string]finding.Finding {
		d := &checkup{insideFlags: insideFlags{BaseURL: base}}
		d.outside(t.Context())
		by := map[string]finding.Finding{}
		for _, f := range d.found {
			by[f.Check] = f
		}
		return by
	}
	answer = `{"implementation":{"url":"` + plain.URL + `/fhir"}}`
	wants(t, look(plain.URL), map[string]finding.State{"address": finding.OK, "clock of the address": finding.OK})
	for off, want := range map[time.Duration]finding.State{-time.Hour: finding.Fail, 30 * time.Second: finding.Warn} {
		header = func(h http.Header) { h.Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat)) }
		wants(t, look(plain.URL), map[string]finding.State{"clock of the address": want})
	}
	header = func(http.Header) {}
	answer = `{"implementation":{"url":"https://elsewhere.example/fhir"}}`
	wants(t, look(plain.URL+"/fhir/"), map[string]finding.State{"address": finding.Fail})
	answer = "<html>"
	wants(t, look(plain.URL), map[string]finding.State{"address": finding.Fail})
	status = 502
	wants(t, look(plain.URL), map[string]finding.State{"address": finding.Fail})
	wants(t, look("http://127.0.0.1:1"), map[string]finding.State{"address": finding.Fail})
	wants(t, look(""), map[string]finding.State{"address": finding.OK})
	secure := httptest.NewTLSServer(serve)
	defer secure.Close()
	wants(t, look(secure.URL), map[string]finding.State{"certificate": finding.Fail})

	now := time.Now()
	for days, want := range map[int]finding.State{1: finding.Fail, 10: finding.Warn, 90: finding.OK} {
		if f := certificate(&x509.Certificate{NotAfter: now.AddDate(0, 0, days)}, now); f.State != want {
			t.Errorf("%d days: %+v", days, f)
		}
	}
	if code, _, out := invoke(t, "doctor", "--base-url", "ehr.example"); code != 2 || !strings.Contains(out, "is not a URL") {
		t.Error(code, out)
	}
	if code, _, out := invoke(t, "doctor", "--data", "x", "--database", "y"); code != 2 || !strings.Contains(out, "exclude") {
		t.Error(code, out)
	}
}

func TestADoctorFindsADiskThatIsFullOrSlow(t *testing.T) {
	for free, want := range map[uint64]finding.State{1 << 20: finding.Fail, 1 << 30: finding.Warn, 1 << 40: finding.OK} {
		if f := freeDisk(free); f.State != want {
			t.Errorf("%d: %+v", free, f)
		}
	}
	for took, want := range map[time.Duration]finding.State{time.Second: finding.Fail, 50 * time.Millisecond: finding.Warn, time.Millisecond: finding.OK} {
		if f := diskSpeed(took); f.State != want {
			t.Errorf("%v: %+v", took, f)
		}
	}
	if f := diskOf(filepath.Join(t.TempDir(), "none")); finding.Worst(f) != finding.Fail {
		t.Errorf("%+v", f)
	}
	dir := t.TempDir()
	diskOf(dir)
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Error("the doctor leaves something behind", left, err)
	}
}
