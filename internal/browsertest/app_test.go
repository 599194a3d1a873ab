package browsertest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"testing"
)

// verifier is the PKCE verifier of the app.
const verifier = "an-app-of-the-tests-whose-verifier-is-long-enough-for-all"

// diary is an app of the tests, whose token can be seen.
type diary struct {
	id, host, redirect string
	s                  *server
	codes              chan url.Values
	token              string
}

// newDiary starts an app that is not registered yet. At /launch it is launched, at
// /back it is come back to.
func newDiary(t testing.TB, s *server) *diary {
	t.Helper()
	d := &diary{s: s, codes: make(chan url.Values, 4)}
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/launch":
			http.Redirect(w, r, d.ask("launch patient/Observation.rs", "launch", r.URL.Query().Get("launch")), http.StatusFound)
		case "/back":
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<!DOCTYPE html><html lang=en><title>Diary</title><h1>Back at the diary</h1>") // the browser may have gone
			d.codes <- r.URL.Query()
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(host.Close)
	d.host, d.redirect = host.URL, host.URL+"/back"
	return d
}

// ask is where the app sends a browser to be allowed something.
func (d *diary) ask(scope string, change ...string) string {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"response_type": {"code"}, "client_id": {d.id}, "redirect_uri": {d.redirect}, "scope": {scope}, "state": {"a state that is long enough"},
		"aud": {d.s.url + "/fhir"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	for i := 0; i+1 < len(change); i += 2 {
		q.Set(change[i], change[i+1])
	}
	return d.s.url + "/auth/authorize?" + q.Encode()
}

// allowed exchanges the code with which a browser has come back.
func (d *diary) allowed(t testing.TB) {
	t.Helper()
	back := <-d.codes
	resp, err := http.PostForm(d.s.url+"/auth/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Get("code")}, "redirect_uri": {d.redirect}, "client_id": {d.id}, "code_verifier": {verifier},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Token == "" {
		t.Fatalf("%s after %v: %v", resp.Status, back, err)
	}
	d.token = answer.Token
}

// curl reads as the app and gives status and body.
func (d *diary) curl(t testing.TB, path string) (status, body string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "curl", "-s", "-w", "\n%{http_code}", "-H", "Authorization: Bearer "+d.token, d.s.url+"/fhir"+path).Output()
	if err != nil {
		t.Fatal(err)
	}
	at := strings.LastIndex(string(out), "\n")
	return string(out[at+1:]), string(out[:at])
}
