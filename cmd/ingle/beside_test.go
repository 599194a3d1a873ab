package main

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/pgtest"
)

// ingle runs a command and returns what it prints.
func ingle(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ingle", args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// status is how a server answers a request with a token.
func (p *process) status(t *testing.T, path, token string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

func TestCommandsReachTheServerThatRuns(t *testing.T) {
	for name, dir := range map[string]string{
		"":                                    filepath.Join(t.TempDir(), "records"),
		", in a folder with a very long name": filepath.Join(t.TempDir(), strings.Repeat("long", 30), "records"),
	} {
		p := startClosed(t, "--data", dir, "--sandbox", castAlone)
		token, err := ingle(t, "token", "create", "--scope", "system/Patient.rs", "--data", dir)
		if err != nil || !strings.HasPrefix(token, "igl_at_") {
			t.Fatalf("%s%s: %v", token, name, err)
		}
		for path, want := range map[string]int{"/Patient/maria": 200, "/Observation": 403} {
			if got := p.status(t, path, token); got != want {
				t.Errorf("%s is answered with %d, want %d%s", path, got, want, name)
			}
		}
		if got := p.status(t, "/Patient/maria", ""); got != 401 {
			t.Errorf("without a token: %d%s", got, name)
		}
		if out, err := ingle(t, "token", "revoke", token, "--data", dir); err != nil {
			t.Fatalf("%s%s: %v", out, name, err)
		}
		if got := p.status(t, "/Patient/maria", token); got != 401 {
			t.Errorf("with a token that was revoked: %d%s", got, name)
		}
		if out, err := ingle(t, "user", "list", "--data", dir); err != nil || !strings.HasPrefix(out, "LOGIN") {
			t.Errorf("%s%s: %v", out, name, err)
		}
		out, err := ingle(t, "user", "list", "--role", "physician", "--data", dir)
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 2 || !strings.Contains(out, "no such role") {
			t.Errorf("%s%s: %v", out, name, err)
		}
		if out, err := ingle(t, "user", "list", "--tenant", "east", "--data", dir); err == nil || !strings.Contains(out, "no such tenant") {
			t.Errorf("%s%s: %v", out, name, err)
		}
		info, err := os.Stat(filepath.Join(dir, controlName))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the socket: %v, %v%s", info, err, name)
		}
		// What a killed server leaves behind hinders nobody.
		p.kill()
		if out, err := ingle(t, "client", "add", "Chart", "--redirect", "https://chart.example/back", "--data", dir); err != nil {
			t.Errorf("%s%s: %v", out, name, err)
		}
		if p = startClosed(t, "--data", dir); p.status(t, "/Patient", "") != 401 {
			t.Errorf("started again it is open%s", name)
		}
	}
}

func TestCommandsWorkBesideServersOnPostgreSQL(t *testing.T) {
	where := []string{"--database", pgtest.URL(t), "--tenant", "beside", "--key-file", filepath.Join(t.TempDir(), "ingle.key")}
	p := startClosed(t, where...)
	p.url = strings.TrimSuffix(p.url, "/fhir") + "/t/beside/fhir"
	run := func(args ...string) string {
		t.Helper()
		out, err := ingle(t, append(args, where...)...)
		if err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		return out
	}
	token := run("token", "create", "--scope", "system/Patient.rs", "--ttl", "1h")
	if got := p.status(t, "/Patient", token); got != 200 {
		t.Errorf("a token is answered with %d", got)
	}
	run("token", "revoke", token)
	if got := p.status(t, "/Patient", token); got != 401 {
		t.Errorf("a token that was revoked is answered with %d", got)
	}
	run("user", "add", "okafor", "--role", "practitioner")
	if out := run("user", "list"); !strings.Contains(out, "okafor") {
		t.Error(out)
	}
	token = run("token", "create", "--scope", "system/Patient.rs", "--ttl", "1s")
	time.Sleep(1100 * time.Millisecond)
	if got := p.status(t, "/Patient", token); got != 401 {
		t.Errorf("a token that is over is answered with %d", got)
	}
}
