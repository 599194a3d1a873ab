package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/internal/testpackage"
)

// A server is killed again and again while it indexes a new search parameter, of
// a package or stored just before it is killed first. A search by it finds
// everything, or is refused.
func TestAnIndexHalfBuiltIsNeverSearched(t *testing.T) {
	for name, where := range map[string]func(*testing.T) []string{
		"SQLite":     func(t *testing.T) []string { return []string{"--data", t.TempDir()} },
		"PostgreSQL": func(t *testing.T) []string { return []string{"--database", pgtest.URL(t), "--tenant", "half"} },
	} {
		t.Run(name+", package", func(t *testing.T) { killWhileIndexing(t, where(t), false) })
		t.Run(name+", stored", func(t *testing.T) { killWhileIndexing(t, where(t), true) })
	}
}

func killWhileIndexing(t *testing.T, args []string, stored bool) {
	const n = 3000
	base := func(p *process) string {
		if args[0] == "--database" {
			return strings.TrimSuffix(p.url, "/fhir") + "/t/half/fhir"
		}
		return p.url
	}
	p := startServer(t, args...)
	for from := 0; from < n; from += 500 {
		var entries []string
		for i := from; i < from+500; i++ {
			entries = append(entries, fmt.Sprintf(`{"resource":{"resourceType":"Patient","id":"p%[1]d","name":[{"suffix":["Jr"]}]},"request":{"method":"PUT","url":"Patient/p%[1]d"}}`, i))
		}
		body := `{"resourceType":"Bundle","type":"transaction","entry":[` + strings.Join(entries, ",") + `]}`
		if status, answer := send(t.Context(), client, "POST", base(p), body); status != 200 {
			t.Fatalf("%d %.500s", status, answer)
		}
	}
	if stored {
		definition := `{"resourceType":"SearchParameter","id":"suffix","url":"http://example.org/suffix","name":"Suffix","status":"active","description":"d",
			"code":"suffix","base":["Patient"],"type":"string","expression":"Patient.name.suffix"}`
		if status, answer := send(t.Context(), client, "PUT", base(p)+"/SearchParameter/suffix", definition); status != 201 {
			t.Fatalf("%d %.500s", status, answer)
		}
	} else {
		file := filepath.Join(t.TempDir(), "guide.tgz")
		if err := os.WriteFile(file, testpackage.Parameters(t, "suffix string Patient.name.suffix"), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--package", file)
	}
	p.kill()
	refused := 0
	search := func() bool {
		status, body := send(t.Context(), client, "GET", base(p)+"/Patient?suffix=jr&_summary=count", "")
		switch {
		case status == 503 && strings.Contains(body, "Patient.suffix is being indexed"):
			refused++
			return false
		case status == 200 && strings.Contains(body, fmt.Sprintf(`"total":%d`, n)):
			return true
		}
		t.Fatalf("a search during the build: %d %s", status, body)
		return false
	}
	for range 3 {
		p = startServer(t, args...)
		for end := time.Now().Add(1300 * time.Millisecond); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			search()
		}
		p.kill()
	}
	p = startServer(t, args...)
	for end := time.Now().Add(time.Minute); !search(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the index was not built")
		}
	}
	if refused == 0 {
		t.Error("no search was refused: the index was not seen half built")
	}
	t.Logf("%d searches were refused", refused)
}
