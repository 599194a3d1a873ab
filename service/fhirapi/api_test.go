package fhirapi_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
)

// server is a FHIR server of a test's own, on SQLite, or on PostgreSQL below
// TestTheAPIOnPostgreSQL.
type server struct {
	t    *testing.T
	url  string // of the process
	base string // public FHIR base, which differs from url
}

// option changes a server before it starts.
type option func(*records.Policy, *web.Config, *records.Config)

// newServer has the default tenant alone.
func newServer(t *testing.T, options ...option) *server {
	t.Helper()
	return newServerOf(t, []string{""}, options...)
}

// newServerOfTwo has the tenant east, too.
func newServerOfTwo(t *testing.T) *server {
	t.Helper()
	return newServerOf(t, []string{"", "east"})
}

func newServerOf(t *testing.T, tenants []string, options ...option) *server {
	t.Helper()
	s := &server{t: t, base: "https://ehr.example/fhir"}
	policy := records.DefaultPolicy()
	site := web.Config{Log: slog.New(slog.DiscardHandler)}
	var doors []*records.Door
	for _, name := range tenants {
		store := openStore(t)
		config := records.Config{Name: name, Store: store, Definitions: definitions.MustBuiltIn(definitions.R4), Base: s.base}
		if name != "" {
			config.Base = "https://ehr.example/t/" + name + "/fhir"
		}
		for _, o := range options {
			o(&policy, &site, &config)
		}
		config.Policy = policy
		door, err := records.Open(context.WithoutCancel(t.Context()), config)
		if err != nil {
			t.Fatal(err)
		}
		doors = append(doors, door)
	}
	s.start(site, fhirapi.Config{Tenants: records.NewTenants(doors...), Version: "test", Log: site.Log})
	return s
}

// start serves an API until the test ends.
func (s *server) start(site web.Config, c fhirapi.Config) {
	s.t.Helper()
	mounted := web.New(site)
	fhirapi.New(c).Mount(mounted)
	http := httptest.NewUnstartedServer(nil)
	http.Config = mounted.Server()
	http.Start()
	s.url = http.URL
	s.t.Cleanup(func() {
		http.Close()
		if err := c.Tenants.Close(); err != nil {
			s.t.Error(err)
		}
	})
}

func withPolicy(change func(*records.Policy)) option {
	return func(p *records.Policy, _ *web.Config, _ *records.Config) { change(p) }
}

// answer is a response that was read.
type answer struct {
	t *testing.T
	*http.Response
	body string
}

// do sends a request. header holds names and values in turn; without
// Content-Type a body is application/fhir+json. No compression is asked for.
func (s *server) do(method, path, body string, header ...string) *answer {
	s.t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	if !strings.HasPrefix(path, "/t/") && path != "/healthz" {
		path = "/fhir" + path
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, content)
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/fhir+json")
	}
	for i := 0; i < len(header); i += 2 {
		if i > 0 && header[i] == header[i-2] { // twice: in two lines
			req.Header.Add(header[i], header[i+1])
			continue
		}
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return &answer{s.t, resp, string(read)}
}

var transport = &http.Transport{DisableCompression: true}

func (s *server) get(path string, header ...string) *answer {
	s.t.Helper()
	return s.do(http.MethodGet, path, "", header...)
}

// put stores a resource, which must succeed.
func (s *server) put(path, body string) *answer {
	s.t.Helper()
	a := s.do(http.MethodPut, path, body)
	if a.StatusCode != 200 && a.StatusCode != 201 {
		s.t.Fatalf("PUT %s: %d %s", path, a.StatusCode, a.body)
	}
	return a
}

// want checks the status.
func (a *answer) want(status int) *answer {
	a.t.Helper()
	if a.StatusCode != status {
		a.t.Errorf("%s %s: status %d, want %d: %.600s", a.Request.Method, a.Request.URL, a.StatusCode, status, a.body)
	}
	return a
}

// header checks a header.
func (a *answer) header(name, want string) *answer {
	a.t.Helper()
	if got := a.Header.Get(name); got != want {
		a.t.Errorf("%s %s: %s is %q, want %q", a.Request.Method, a.Request.URL, name, got, want)
	}
	return a
}

// has checks that the body contains all texts.
func (a *answer) has(texts ...string) *answer {
	a.t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			a.t.Errorf("%s %s: %q is not in: %.900s", a.Request.Method, a.Request.URL, text, a.body)
		}
	}
	return a
}

// hasNot checks that the body contains none of the texts.
func (a *answer) hasNot(texts ...string) *answer {
	a.t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			a.t.Errorf("%s %s: %q is in: %.900s", a.Request.Method, a.Request.URL, text, a.body)
		}
	}
	return a
}

// outcome checks that the answer is an OperationOutcome with an issue code.
func (a *answer) outcome(code string) *answer {
	a.t.Helper()
	return a.has(`"resourceType":"OperationOutcome"`, `"code":"`+code+`"`)
}

// bundle is what tests look at in a Bundle.
type bundle struct {
	ResourceType, Type string
	Total              *int
	Link               []struct{ Relation, URL string }
	Entry              []struct {
		FullURL  string
		Resource json.RawMessage
		Search   struct{ Mode string }
		Request  struct{ Method, URL string }
		Response struct {
			Status, Location, Etag, LastModified string
			Outcome                              json.RawMessage
		}
	}
}

func (a *answer) bundle() bundle {
	a.t.Helper()
	var b bundle
	if err := json.Unmarshal([]byte(a.body), &b); err != nil || b.ResourceType != "Bundle" {
		a.t.Fatalf("%s %s: no Bundle: %v: %.600s", a.Request.Method, a.Request.URL, err, a.body)
	}
	return b
}

// link is the path and query of a link, below the base; "" if there is none.
func (b bundle) link(t *testing.T, base, relation string) string {
	t.Helper()
	for _, l := range b.Link {
		if l.Relation == relation {
			path, ok := strings.CutPrefix(l.URL, base)
			if !ok {
				t.Errorf("link %s does not begin with the base: %s", relation, l.URL)
			}
			return path
		}
	}
	return ""
}

// ids are the ids of the entries, in order.
func (b bundle) ids() string {
	var ids []string
	for _, e := range b.Entry {
		ids = append(ids, e.FullURL[strings.LastIndexByte(e.FullURL, '/')+1:])
	}
	return strings.Join(ids, " ")
}

const alice = `{"resourceType":"Patient","id":"alice","identifier":[{"system":"urn:mrn","value":"1"}],"active":true,"name":[{"family":"Archer","given":["Alice"]}],"gender":"female","birthDate":"1980-02-29"}`

func patient(id, family string) string {
	return `{"resourceType":"Patient","id":"` + id + `","name":[{"family":"` + family + `"}]}`
}
