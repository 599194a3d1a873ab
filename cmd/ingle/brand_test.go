package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheBrandFileAndTheAccountAreThoseOfATenant(t *testing.T) {
	file := filepath.Join(t.TempDir(), "brand.json")
	if err := os.WriteFile(file, []byte(`{"name":"Lake Clinic","website":"https://lake.example"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startClosed(t, "--data", filepath.Join(t.TempDir(), "records"), "--brand", file, "--tenant", "east")
	root := strings.TrimSuffix(p.url, "/fhir")
	for path, want := range map[string]int{"/auth/brands": 200, "/t/east/auth/brands": 404} {
		q := *p
		q.url = root
		if got := q.status(t, path, ""); got != want {
			t.Errorf("%s is answered with %d, want %d", path, got, want)
		}
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, root+"/t/east/account/security", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got, want := resp.Header.Get("Location"), root+"/t/east/account/sign-in?next=%2Faccount%2Fsecurity"; got != want {
		t.Errorf("the account of a tenant leads to %s, not %s", got, want)
	}
	if err := os.WriteFile(file, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := ingle(t, "serve", "--data", filepath.Join(t.TempDir(), "records"), "--listen", "127.0.0.1:0", "--brand", file)
	if err == nil || !strings.Contains(out, "needs a name") {
		t.Errorf("%v: %s", err, out)
	}
}
