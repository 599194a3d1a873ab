package doctor_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/inglehealth/ingle/client/doctor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ehr is a small server that does all well, and one thing wrong when it is told to.
type ehr struct {
	*httptest.Server
	wrong   string
	records []map[string]any
}

const goodToken = "good"

// newEHR starts one; wrong is the fault it has, "" for none.
func newEHR(t *testing.T, wrong string) *ehr {
	t.Helper()
	e := &ehr{wrong: wrong}
	for _, text := range []string{
		`{"resourceType":"Patient","id":"p","identifier":[{"system":"urn:mrn","value":"1"}],"name":[{"family":"Quirk"}],"birthDate":"1970-02-03","gender":"female"}`,
		`{"resourceType":"Observation","id":"o1","status":"final","category":[{"coding":[{"system":"c","code":"vital-signs"}]}],"code":{"coding":[{"system":"l","code":"1-8"}]},"subject":{"reference":"Patient/p"},"effectiveDateTime":"2026-01-02T03:04:05Z"}`,
		`{"resourceType":"Observation","id":"o2","status":"final","category":[{"coding":[{"system":"c","code":"vital-signs"}]}],"code":{"coding":[{"system":"l","code":"1-8"}]},"subject":{"reference":"Patient/p"},"effectiveDateTime":"2026-01-03T03:04:05Z"}`,
	} {
		var r map[string]any
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		e.records = append(e.records, r)
	}
	e.Server = httptest.NewUnstartedServer(e)
	e.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // handshakes that are refused on purpose
	e.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	if wrong == "old TLS" {
		e.TLS.MinVersion = tls.VersionTLS10
	}
	e.StartTLS()
	t.Cleanup(e.Close)
	return e
}

func (e *ehr) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e.wrong != "no HSTS" {
		w.Header().Set("Strict-Transport-Security", "max-age=1")
	}
	if r.Header.Get("Origin") != "" && e.wrong != "no CORS" {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Allow-Headers", "Authorization")
		if e.wrong == "credentials" {
			w.Header().Set("Access-Control-Allow-Credentials", "true")
		}
	}
	switch path := r.URL.Path; {
	case r.Method == http.MethodOptions:
		w.WriteHeader(http.StatusNoContent)
	case path == "/fhir/.well-known/smart-configuration":
		e.configuration(w)
	case path == "/.well-known/openid-configuration":
		issuer := e.URL
		if e.wrong == "another issuer" {
			issuer = "https://other.example"
		}
		e.write(w, 200, map[string]any{"issuer": issuer, "id_token_signing_alg_values_supported": []string{"RS256"}})
	case path == "/keys":
		key := map[string]any{"kty": "RSA", "kid": "1", "n": "x", "e": "AQAB"}
		if e.wrong == "a private key" {
			key["d"] = "secret"
		}
		if e.wrong == "a key without kid" {
			delete(key, "kid")
		}
		e.write(w, 200, map[string]any{"keys": []any{key}})
	case path == "/token":
		e.token(w, r)
	case path == "/authorize":
		if e.wrong == "an open redirect" {
			http.Redirect(w, r, r.FormValue("redirect_uri")+"?error=invalid_request", http.StatusFound)
			return
		}
		w.Header().Set("Content-Security-Policy", "frame-ancestors 'none'")
		w.WriteHeader(http.StatusBadRequest)
	case path == "/introspect":
		if e.wrong == "introspection for all" {
			e.write(w, 200, map[string]any{"active": false})
			return
		}
		e.write(w, 401, map[string]any{"error": "invalid_client"})
	case path == "/revoke":
		w.WriteHeader(map[bool]int{true: 404, false: 401}[e.wrong == "no revocation"])
	case path == "/fhir/metadata":
		e.metadata(w)
	default:
		e.fhir(w, r)
	}
}

func (e *ehr) write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	e.send(w, status, body)
}

func (e *ehr) send(w http.ResponseWriter, status int, body any) {
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		panic(err)
	}
}

func (e *ehr) configuration(w http.ResponseWriter) {
	c := map[string]any{
		"issuer": e.URL, "jwks_uri": e.URL + "/keys", "authorization_endpoint": e.URL + "/authorize", "token_endpoint": e.URL + "/token",
		"introspection_endpoint": e.URL + "/introspect", "revocation_endpoint": e.URL + "/revoke", "management_endpoint": e.URL + "/apps",
		"grant_types_supported": []string{"authorization_code"}, "response_types_supported": []string{"code"}, "code_challenge_methods_supported": []string{"S256"},
		"capabilities": []string{"launch-ehr", "launch-standalone", "client-public", "client-confidential-asymmetric", "context-ehr-patient", "context-ehr-encounter", "context-standalone-patient",
			"permission-patient", "permission-user", "permission-offline", "permission-v1", "permission-v2", "sso-openid-connect", "context-banner", "context-style"},
		"scopes_supported": []string{"openid", "fhirUser", "launch", "launch/patient", "offline_access", "patient/*.rs", "user/*.rs", "patient/*.read"},
	}
	switch e.wrong {
	case "no configuration":
		w.WriteHeader(404)
		return
	case "no token endpoint":
		delete(c, "token_endpoint")
	case "plain PKCE":
		c["code_challenge_methods_supported"] = []string{"S256", "plain"}
	case "no PKCE":
		c["code_challenge_methods_supported"] = []string{}
	case "an endpoint by http":
		c["token_endpoint"] = "http://ehr.example/token"
	case "no standalone":
		c["capabilities"] = []string{"launch-ehr", "client-public", "permission-patient"}
	case "implicit":
		c["grant_types_supported"] = []string{"authorization_code", "implicit"}
	case "no patient scopes":
		c["scopes_supported"] = []string{"openid"}
	}
	e.write(w, 200, c)
}

func (e *ehr) token(w http.ResponseWriter, r *http.Request) {
	switch {
	case e.wrong == "the token endpoint fails":
		w.WriteHeader(500)
	case e.wrong == "tokens by GET" && r.Method == http.MethodGet:
		e.write(w, 200, map[string]any{})
	case e.wrong == "no words" && r.FormValue("grant_type") == "authorization_code":
		e.write(w, 400, map[string]any{"message": "no"})
	case r.Method != http.MethodPost:
		w.WriteHeader(405)
	case r.FormValue("grant_type") != "authorization_code":
		e.write(w, 400, map[string]any{"error": "unsupported_grant_type"})
	default:
		e.write(w, 401, map[string]any{"error": "invalid_client"})
	}
}

func (e *ehr) metadata(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/fhir+json")
	params := func(names ...string) (all []any) {
		for _, n := range names {
			if e.wrong != "an unannounced parameter" || n != "category" {
				all = append(all, map[string]any{"name": n})
			}
		}
		return all
	}
	version := "4.0.1"
	if e.wrong == "R5" {
		version = "5.0.0"
	}
	e.send(w, 200, map[string]any{
		"resourceType": "CapabilityStatement", "fhirVersion": version, "format": []string{"json"}, "software": map[string]any{"name": "<script>alert(1)</script>", "version": "1"},
		"rest": []any{map[string]any{
			"mode": "server", "security": map[string]any{"cors": true, "service": []any{map[string]any{"coding": []any{map[string]any{"code": "SMART-on-FHIR"}}}}},
			"resource": []any{
				map[string]any{"type": "Patient", "searchParam": params("identifier", "name", "birthdate", "gender")},
				map[string]any{"type": "Observation", "searchParam": params("patient", "category", "date", "code")},
			},
		}},
	})
}

func (e *ehr) fhir(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/fhir+json")
	outcome := map[string]any{"resourceType": "OperationOutcome"}
	if r.Header.Get("Authorization") != "Bearer "+goodToken && e.wrong != "open to all" {
		if e.wrong != "no challenge" {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		e.send(w, 401, outcome)
		return
	}
	if err := r.ParseForm(); err != nil {
		panic(err)
	}
	typ := strings.Split(strings.TrimPrefix(r.URL.Path, "/fhir/"), "/")[0]
	if e.wrong == "no POST" && r.Method == http.MethodPost {
		e.send(w, 405, outcome)
		return
	}
	if r.Form.Has("no-such-parameter") && e.wrong != "unknown parameters ignored" {
		e.send(w, 400, outcome)
		return
	}
	if e.wrong == "no Provenance" && r.Form.Has("_revinclude") {
		e.send(w, 400, outcome)
		return
	}
	e.send(w, 200, e.find(typ, r.Form))
}

// find answers a search.
func (e *ehr) find(typ string, q url.Values) map[string]any {
	var found []any
	for _, r := range e.records {
		patient := strings.TrimPrefix(q.Get("patient"), "Patient/")
		if e.wrong == "references not found" && strings.HasPrefix(q.Get("patient"), "Patient/") {
			continue
		}
		if r["resourceType"] != typ || patient != "" && patient != "p" || e.wrong == "categories not found" && q.Has("category") && q.Has("date") {
			continue
		}
		found = append(found, map[string]any{"resource": r, "search": map[string]any{"mode": "match"}})
	}
	self := e.URL + "/fhir/" + typ + "?" + q.Encode()
	links := []any{map[string]any{"relation": "self", "url": self}}
	if q.Get("_count") == "1" && len(found) > 1 {
		at := 0
		if q.Has("at") && e.wrong != "the same page again" {
			at = 1
		}
		found = found[at : at+1]
		if at == 0 && e.wrong != "no next page" {
			links = append(links, map[string]any{"relation": "next", "url": self + "&at=1"})
		}
	}
	return map[string]any{"resourceType": "Bundle", "type": "searchset", "link": links, "entry": found}
}

func examine(t *testing.T, e *ehr) *doctor.Report {
	t.Helper()
	r, err := doctor.Examine(t.Context(), e.URL+"/fhir/", doctor.Options{
		HTTP: e.Client(), Token: func(context.Context) (string, error) { return goodToken, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// notOf are the checks that did not pass, but for those of resource types that the
// small server has not.
func notOf(r *doctor.Report) []string {
	var all []string
	for _, c := range r.Checks {
		if (c.Result == doctor.Fail || c.Result == doctor.Warn) && c.Found != "no such resource" {
			all = append(all, fmt.Sprintf("%s: %s: %s: %s", c.Result, c.Group, c.Name, c.Found))
		}
	}
	return all
}

func TestAServerThatDoesAllWellPasses(t *testing.T) {
	r := examine(t, newEHR(t, ""))
	if wrong := notOf(r); len(wrong) > 0 {
		t.Errorf("%s", strings.Join(wrong, "\n"))
	}
	if r.Count("", doctor.Pass) < 70 || r.FHIR != "4.0.1" || len(r.Timings) != 2 {
		t.Errorf("%d checks passed; %+v", r.Count("", doctor.Pass), r)
	}
}

func TestEveryFaultIsFoundAndNamed(t *testing.T) {
	for wrong, want := range map[string]string{
		"no configuration":           "fail: Discovery: The smart-configuration is found",
		"no token endpoint":          "fail: Discovery: It has token_endpoint",
		"plain PKCE":                 "fail: Discovery: PKCE with plain is not",
		"no PKCE":                    "fail: Discovery: PKCE with S256",
		"an endpoint by http":        "fail: Discovery: token_endpoint is an absolute https URL",
		"another issuer":             "fail: Discovery: Its issuer",
		"a private key":              "fail: Discovery: No key is private",
		"a key without kid":          "fail: Discovery: Every key has a kid",
		"R5":                         "warn: Capability statement: It is of FHIR R4",
		"an unannounced parameter":   "fail: Capability statement: Observation announces",
		"no standalone":              "warn: Capabilities: Patient access for standalone apps",
		"implicit":                   "fail: Capabilities: The grant implicit is not offered",
		"no patient scopes":          "warn: Scopes: patient/ scopes",
		"the token endpoint fails":   "fail: Endpoints: The token endpoint refuses",
		"no words":                   "fail: Endpoints: It says why in OAuth's words",
		"tokens by GET":              "fail: Endpoints: It takes POST alone",
		"an open redirect":           "fail: Endpoints: It never sends an unknown app back",
		"introspection for all":      "fail: Endpoints: It tells nothing to strangers",
		"no revocation":              "fail: Endpoints: The revocation_endpoint answers",
		"no CORS":                    "fail: CORS: /metadata can be read",
		"credentials":                "fail: CORS: Cookies of other sites",
		"old TLS":                    "fail: TLS: TLS 1.0 and 1.1 are refused",
		"no HSTS":                    "warn: TLS: Browsers are told",
		"open to all":                "fail: Refusals: A search without a token",
		"no challenge":               "warn: Refusals: The 401",
		"no POST":                    "fail: US Core searches: Patient/_search by POST",
		"references not found":       "fail: US Core searches: Observation?patient=Patient/ID",
		"categories not found":       "fail: US Core searches: Observation?patient&category&date finds",
		"no next page":               "fail: US Core searches: Observation: a page of one has a next",
		"the same page again":        "fail: US Core searches: Observation: the next page",
		"no Provenance":              "fail: US Core searches: Observation comes with its Provenance",
		"unknown parameters ignored": "warn: US Core searches: A search parameter that there is not",
	} {
		t.Run(wrong, func(t *testing.T) {
			found := notOf(examine(t, newEHR(t, wrong)))
			if !slices.ContainsFunc(found, func(one string) bool { return strings.HasPrefix(one, want) }) {
				t.Errorf("%q is not among what was found:\n%s", want, strings.Join(found, "\n"))
			}
		})
	}
}

func TestAnOpenServerIsSearchedWithoutAToken(t *testing.T) {
	for wrong, searched := range map[string]bool{"open to all": true, "": false} {
		e := newEHR(t, wrong)
		r, err := doctor.Examine(t.Context(), e.URL+"/fhir", doctor.Options{HTTP: e.Client()})
		if err != nil {
			t.Fatal(err)
		}
		found := slices.ContainsFunc(r.Checks, func(c doctor.Check) bool {
			return c.Result == doctor.Pass && c.Name == "Observation?patient&category&date finds what has these values"
		})
		asks := slices.ContainsFunc(r.Checks, func(c doctor.Check) bool { return strings.Contains(c.Found, "need an access token") })
		if found != searched || asks == searched {
			t.Errorf("%q: searched %t, asks for a token %t: %q", wrong, found, asks, notOf(r))
		}
	}
}

func TestAServerThatIsNotThereIsAReport(t *testing.T) {
	e := newEHR(t, "")
	e.Close()
	r := examine(t, e)
	if r.Count("", doctor.Fail) == 0 || r.Count("", doctor.Pass) > 3 {
		t.Errorf("%+v", r.Checks)
	}
}

func TestAWrongAddressIsRefused(t *testing.T) {
	for _, address := range []string{"ehr.example/fhir", "ftp://ehr.example", "https://u:p@ehr.example/fhir", "https://ehr.example/fhir?x=1", ""} {
		if _, err := doctor.Examine(t.Context(), address, doctor.Options{}); err == nil || !strings.Contains(err.Error(), "https://ehr.example/fhir") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// The token goes to the server that it is for and nowhere else, whatever links say.
func TestTheTokenStaysWithItsServer(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("another host got the token")
		}
	}))
	defer other.Close()
	e := newEHR(t, "")
	inner := e.Config.Handler
	e.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		record := httptest.NewRecorder()
		inner.ServeHTTP(record, r)
		for k, v := range record.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(record.Code)
		if _, err := w.Write(bytes.ReplaceAll(record.Body.Bytes(), []byte(`"next","url":"`+e.URL), []byte(`"next","url":"`+other.URL))); err != nil {
			t.Error(err)
		}
	})
	if found := notOf(examine(t, e)); !slices.ContainsFunc(found, func(one string) bool { return strings.Contains(one, "the next page") }) {
		t.Errorf("%q", found)
	}
}

func TestAReportIsAPageAndALine(t *testing.T) {
	r := examine(t, newEHR(t, "no PKCE"))
	var page, lines bytes.Buffer
	if err := doctor.WriteHTML(&page, r, r); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(page.String(), "<script>") || !strings.Contains(page.String(), "&lt;script&gt;alert(1)") || strings.Count(page.String(), "PKCE with S256 is supported") != 2 {
		t.Error("the page has script of the server, or lacks what is wrong")
	}
	if err := r.WriteText(&lines, false); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(lines.String(), "FAIL  PKCE with S256 is supported") || strings.Contains(lines.String(), "ok    PKCE") {
		t.Errorf("%s", lines.String())
	}
}
