package main

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/inglehealth/ingle/internal/pgtest"
)

// killedPatients are as many as take long enough to be interrupted.
const killedPatients = 20_000

// patientsFile writes a file of patients.
func patientsFile(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	for i := range killedPatients {
		fmt.Fprintf(&b, `{"resourceType":"Patient","id":"p%d","name":[{"family":"Family %d","given":["Given %d"]}],"birthDate":"1970-01-01"}`+"\n", i, i, i)
	}
	path := filepath.Join(t.TempDir(), "patients.ndjson")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// killOnce starts a command and kills it as soon as it is on its way, then
// gives it again and returns what that says.
func killOnce(t *testing.T, onItsWay func() bool, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ingle", args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for !onItsWay() {
		select {
		case err := <-ended:
			t.Fatalf("it ended before it could be killed: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Fatal("it ended well before it was killed")
	}
	out, err := exec.CommandContext(t.Context(), "ingle", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// larger says whether a file has grown beyond a size.
func larger(path string, size int64) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > size
}

func TestAnExportThatIsKilledGoesOn(t *testing.T) {
	t.Parallel()
	data, dir := t.TempDir(), filepath.Join(t.TempDir(), "files")
	succeed(t, "import", "--data", data, patientsFile(t))
	file := filepath.Join(dir, "Patient.ndjson")
	killOnce(t, func() bool { return larger(file, 500_000) }, "export", "--data", data, "--to", dir)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	if len(lines) != killedPatients {
		t.Fatalf("%d lines", len(lines))
	}
	seen := map[string]bool{}
	for _, line := range lines {
		id, rest, _ := strings.Cut(strings.TrimPrefix(line, `{"resourceType":"Patient","id":"`), `"`)
		if seen[id] || !strings.HasSuffix(rest, `"birthDate":"1970-01-01"}`) {
			t.Fatalf("%s is there twice, or is cut: %s", id, line)
		}
		seen[id] = true
	}
}

func TestAMigrationThatIsKilledGoesOn(t *testing.T) {
	t.Parallel()
	sqlite, back, address := t.TempDir(), filepath.Join(t.TempDir(), "back"), freshDatabase(t)
	succeed(t, "import", "--data", sqlite, patientsFile(t))
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	arrived := func() bool {
		var n int
		_ = conn.QueryRow(t.Context(), "SELECT count(*) FROM ingle.version").Scan(&n) // there is no table at first
		return n > 2000
	}
	for _, out := range []string{
		killOnce(t, arrived, "migrate", "--from", sqlite, "--to", address),
		killOnce(t, func() bool { return larger(filepath.Join(back, "ingle.db-wal"), 1<<20) }, "migrate", "--from", address, "--to", back),
	} {
		if !strings.Contains(out, "20,000 versions moved") || !strings.Contains(out, "Both sides agree") {
			t.Errorf("%s", out)
		}
	}
	// Both ways, and nothing has changed.
	out := succeed(t, "export", "--data", back, "--to", filepath.Join(t.TempDir(), "files"))
	if !strings.Contains(out, "20,000 resources in 1 files") {
		t.Errorf("%s", out)
	}
}

// freshDatabase makes a database that no other test uses.
func freshDatabase(t *testing.T) string {
	t.Helper()
	shared := pgtest.URL(t)
	conn, err := pgx.Connect(t.Context(), shared)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	name := pgtest.Schema()
	if _, err := conn.Exec(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(shared)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// succeed runs a command that must end well.
func succeed(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ingle", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("ingle %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
