package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/inglehealth/ingle/internal/clienttest"
)

// clientTests is where clients that others wrote are installed.
const clientTests = "../../internal/clienttest"

// sandboxed is a sandbox with authorization that real clients use.
type sandboxed struct {
	*process
	dir string
}

var clientSecretShown = regexp.MustCompile(`client_secret +(\S+)`)

func newSandboxed(t *testing.T) *sandboxed {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "records")
	return &sandboxed{startClosed(t, "--sandbox", "--data", dir), dir}
}

func (s *sandboxed) administer(t *testing.T, args ...string) string {
	t.Helper()
	out, err := ingle(t, append(args, "--data", s.dir)...)
	if err != nil {
		t.Fatalf("ingle %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// person makes a user who signs in with the password, and tells a script so.
func (s *sandboxed) person(t *testing.T, login, role, is, patient string) map[string]string {
	t.Helper()
	const password = "correct horse battery staple"
	link := s.administer(t, "user", "add", login, "--role", role, "--is", is)
	choosePassword(t, link[strings.LastIndex(link, "http"):], password)
	_, id, _ := strings.Cut(is, "/")
	return map[string]string{"login": login, "password": password, "patient": patient, "user": is, "id": id}
}

// run gives a script its input and has it succeed.
func runClient(t *testing.T, script string, input map[string]any) {
	t.Helper()
	text, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", script, string(text))
	cmd.Dir = clientTests
	cmd.Env = append(os.Environ(), "CHROMIUM="+chromium(t))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", script, err, out)
	}
}

// chromium is the browser. Where scripts/install-test-deps was not run, the test
// fails with CI=true and is skipped loudly otherwise.
func chromium(t *testing.T) string {
	t.Helper()
	missing := ""
	browser, err := clienttest.Chromium()
	if err != nil {
		missing = err.Error()
	} else if _, err := exec.LookPath("node"); err != nil {
		missing = "node is not installed"
	} else if _, err := os.Stat(filepath.Join(clientTests, "node_modules", "openid-client")); err != nil {
		missing = clientTests + "/node_modules is not there"
	}
	switch {
	case missing == "":
	case os.Getenv("CI") == "true":
		t.Fatalf("%s: scripts/install-test-deps installs it", missing)
	default:
		t.Skipf("NOT TESTED WITH REAL CLIENTS: %s; scripts/install-test-deps installs it", missing)
	}
	return browser
}

func TestFHIRClientLaunchesAloneAndFromTheEHR(t *testing.T) {
	chromium(t)
	s := newSandboxed(t)
	who := s.person(t, "clinician", "practitioner", "Practitioner/okafor", "maria")
	s.administer(t, "client", "add", "Chart", "--id", "chart", "--redirect", "http://127.0.0.1/index.html")
	launched := map[string]string{"patient": "walter", "encounter": "walter-encounter-1"}
	runClient(t, "fhirclient.mjs", map[string]any{
		"fhir": s.url, "client": "chart", "who": who, "launched": launched, "revoke": s.issuer() + "/auth/revoke",
		"launch": s.launch(t, "chart", "clinician", launched),
	})
}

func TestOpenIDClientSignsInAndServicesWork(t *testing.T) {
	chromium(t)
	s := newSandboxed(t)
	who := s.person(t, "patient-maria", "patient", "Patient/maria", "maria")
	shown := s.administer(t, "client", "add", "Portal", "--id", "portal", "--secret", "--redirect", "http://127.0.0.1/callback")
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "one", Algorithm: "ES384", Use: "sig"}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, set, 0o600); err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s.administer(t, "client", "add", "Feed", "--id", "feed", "--backend", "--jwks", file, "--scope", "system/Patient.rs")
	runClient(t, "openid.mjs", map[string]any{
		"issuer": s.issuer(), "fhir": s.url, "client": "portal", "secret": clientSecretShown.FindStringSubmatch(shown)[1], "who": who,
		"service": "feed", "kid": "one", "key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
	})
}

func TestPagesAreUsableByEverybody(t *testing.T) {
	chromium(t)
	s := newSandboxed(t)
	const redirect = "https://app.example/back"
	s.administer(t, "client", "add", "Growth chart", "--id", "chart", "--redirect", redirect)
	runClient(t, "pages.mjs", map[string]any{
		"issuer": s.issuer(), "client": "chart", "redirect": redirect, "pictures": os.Getenv("INGLE_PICTURES"),
		"who":   s.person(t, "clinician", "practitioner", "Practitioner/okafor", "walter"),
		"admin": s.person(t, "boss", "administrator,app-developer", "Practitioner/okafor", ""),
	})
}

// Browsers have passkeys for https and for localhost.
func TestABrowserSignsInWithAPasskey(t *testing.T) {
	chromium(t)
	port := freePort(t)
	dir := filepath.Join(t.TempDir(), "records")
	s := &sandboxed{startClosed(t, "--sandbox", castAlone, "--data", dir, "--listen", "127.0.0.1:"+port, "--base-url", "http://localhost:"+port), dir}
	runClient(t, "passkeys.mjs", map[string]any{
		"issuer": s.issuer(), "role": "practitioner",
		"who":   s.person(t, "clinician", "practitioner", "Practitioner/okafor", ""),
		"admin": s.person(t, "boss", "administrator", "Practitioner/okafor", ""),
	})
}

func TestOutsideProvidersThatOthersWroteSignPeopleIn(t *testing.T) {
	chromium(t)
	dir := filepath.Join(t.TempDir(), "records")
	s := &sandboxed{startClosed(t, "--sandbox", castAlone, "--data", dir, "--allow-private-jwks"), dir}
	port := freePort(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("a secret of the hospital's provider"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.administer(t, "provider", "add", "hospital", "--name", "Hospital", "--issuer", "http://127.0.0.1:"+port, "--client-id", "ingle",
		"--secret-file", secret, "--create", "--role", "nurse")
	runClient(t, "provider.mjs", map[string]any{
		"issuer": s.issuer(), "port": port, "secret": "a secret of the hospital's provider",
		"who": s.person(t, "clinician", "practitioner", "Practitioner/okafor", ""),
	})
	s.administer(t, "user", "show", "outside-nurse")
}

func (s *sandboxed) issuer() string { return strings.TrimSuffix(s.url, "/fhir") }

// launch registers a launch as an EHR does.
func (s *sandboxed) launch(t *testing.T, client, login string, context map[string]string) string {
	t.Helper()
	token := s.administer(t, "token", "create", "--scope", "__launch")
	body := map[string]any{"client_id": client, "user": login}
	for name, value := range context {
		body[name] = value
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.issuer()+"/auth/launch", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	var launch struct{ Launch string }
	if err != nil || json.Unmarshal(answer, &launch) != nil || launch.Launch == "" {
		t.Fatalf("%s: %s %v", resp.Status, answer, err)
	}
	return launch.Launch
}

// hidden finds the hidden fields of a page's form.
var hidden = regexp.MustCompile(`name="(\w+)" value="([^"]*)"`)

// choosePassword opens the link that a user was given, as a browser does.
func choosePassword(t *testing.T, link, password string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: time.Minute}
	page, err := browser.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(page.Body)
	page.Body.Close()
	if err != nil || page.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", link, page.Status, err)
	}
	form := url.Values{"password": {password}, "repeated": {password}}
	for _, field := range hidden.FindAllStringSubmatch(string(text), -1) {
		if !form.Has(field[1]) {
			form.Set(field[1], field[2])
		}
	}
	done, err := browser.PostForm(link, form)
	if err != nil {
		t.Fatal(err)
	}
	text, err = io.ReadAll(done.Body)
	done.Body.Close()
	if err != nil || done.StatusCode != http.StatusOK {
		t.Fatalf("%s %v\n%s", done.Status, err, text)
	}
}
