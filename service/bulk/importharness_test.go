package bulk_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/guard"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/intake"
	"github.com/inglehealth/ingle/service/bulk"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

// onEach runs a test on every database.
func onEach(t *testing.T, test func(t *testing.T, open func() store.Store)) {
	t.Run("sqlite", func(t *testing.T) {
		dir := t.TempDir()
		test(t, func() store.Store { return opened(t)(sqlite.Open(context.Background(), dir)) })
	})
	t.Run("postgres", func(t *testing.T) {
		url, schema := pgtest.URL(t), pgtest.Schema()
		test(t, func() store.Store { return opened(t)(postgres.Open(context.Background(), url, schema)) })
	})
}

func sqliteStore(t *testing.T) store.Store {
	t.Helper()
	return opened(t)(sqlite.Open(context.Background(), t.TempDir()))
}

func opened(t *testing.T) func(s store.Store, err error) store.Store {
	return func(s store.Store, err error) store.Store {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// importer is a server that imports.
type importer struct {
	t        *testing.T
	door     *records.Door
	service  *intake.Service
	url      string
	sessions *sessions
}

// sessions are those of whoever sends the header Who: the name is all that is known of
// them.
type sessions struct {
	mu     sync.Mutex
	access map[string]records.Access // of those who may not do everything
	gone   map[string]bool           // to whom nothing is allowed any more
}

func (s *sessions) Stand(_ context.Context, door *records.Door, n records.Standing) (*records.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone[n.Client] {
		return nil, records.ErrStanding
	}
	return door.Session(records.Principal{ID: n.Client, Standing: n}, s.access[n.Client]), nil
}

func (s *sessions) end(who string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone[who] = true
}

// option changes what an importer is made of.
type option func(*intake.Config, *records.Config)

// newImporter serves a store until the test ends.
func newImporter(t *testing.T, s store.Store, options ...option) *importer {
	t.Helper()
	rc := records.Config{Store: s, Definitions: definitions.MustBuiltIn(definitions.R4), Base: "https://ehr.example/fhir", Policy: records.DefaultPolicy()}
	here, err := guard.ParsePlace("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	p := &importer{t: t, sessions: &sessions{access: map[string]records.Access{}, gone: map[string]bool{}}}
	ic := intake.Config{Sessions: p.sessions, Guard: &guard.Guard{Places: []guard.Place{here}}, Retry: 10 * time.Millisecond, Checkpoint: 20 * time.Millisecond}
	for _, o := range options {
		o(&ic, &rc)
	}
	if p.door, err = records.Open(context.WithoutCancel(t.Context()), rc); err != nil {
		t.Fatal(err)
	}
	ic.Door = p.door
	p.service = intake.New(ic)
	imports := &bulk.Imports{Of: func(*records.Door) *intake.Service { return p.service }, Tokens: true}
	site := web.New(web.Config{Log: slog.New(slog.DiscardHandler), MaxBody: 1 << 20})
	fhirapi.New(fhirapi.Config{
		Tenants: records.NewTenants(p.door), Version: "test", Log: slog.New(slog.DiscardHandler),
		Authenticate: func(r *http.Request, door *records.Door) (*records.Session, error) {
			return p.sessions.Stand(r.Context(), door, records.Standing{Client: r.Header.Get("Who")})
		},
		OAuth: func(*records.Door) fhirapi.OAuth { return fhirapi.OAuth{} },
		Operations: []fhirapi.Mounted{{
			Name: bulk.ImportName, URL: bulk.ImportURL, Doc: bulk.ImportDoc, System: true, Below: true, Methods: []string{"GET", "POST", "DELETE"},
			Serve: func(w http.ResponseWriter, r *http.Request, at fhirapi.Place) error {
				return imports.Serve(w, r, at.Door, at.Session, at.Rest)
			},
		}},
	}).Mount(site)
	server := httptest.NewUnstartedServer(nil)
	server.Config = site.Server()
	server.Start()
	p.url = server.URL + "/fhir"
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var working sync.WaitGroup
	working.Go(func() {
		if err := p.service.Work(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		stop()
		working.Wait()
		if err := p.door.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// answer is a response that was read.
type answer struct {
	t *testing.T
	*http.Response
	body string
}

func (p *importer) do(method, address, body string, header ...string) *answer {
	p.t.Helper()
	q, err := http.NewRequestWithContext(p.t.Context(), method, p.there(address), strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/fhir+json")
	for i := 0; i < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	resp, err := new(http.Transport).RoundTrip(q)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return &answer{p.t, resp, string(text)}
}

// there is an address at the process; public ones are led to it.
func (p *importer) there(address string) string {
	if rest, ok := strings.CutPrefix(address, p.door.Base()); ok {
		return p.url + rest
	}
	return p.url + address
}

func (a *answer) want(status int, says ...string) *answer {
	a.t.Helper()
	if a.StatusCode != status {
		a.t.Fatalf("%s %s: %d, want %d: %s", a.Request.Method, a.Request.URL, a.StatusCode, status, a.body)
	}
	for _, text := range says {
		if !strings.Contains(a.body, text) {
			a.t.Errorf("%s %s does not say %q: %s", a.Request.Method, a.Request.URL, text, a.body)
		}
	}
	return a
}

// result is what is told of an import that is over.
type result struct {
	TransactionTime time.Time `json:"transactionTime"`
	Request         string    `json:"request"`
	Token           bool      `json:"requiresAccessToken"`
	Output          []struct {
		InputURL, Type, Error             string
		Count, Accepted, Matched, Refused int64
	} `json:"output"`
	Outcome []struct {
		Type, URL string
		Count     int64
	} `json:"outcome"`
	Extension map[string]counts `json:"extension"`
}

type counts struct{ Lines, Resources, Accepted, Matched, Refused int64 }

func (r *result) counts() counts { return r.Extension["https://ingle.health/fhir/import-counts"] }

// order orders an import and returns its address.
func (p *importer) order(order string, header ...string) string {
	p.t.Helper()
	a := p.do("POST", "/$import", order, append([]string{"Prefer", "respond-async"}, header...)...).want(202)
	at := a.Header.Get("Content-Location")
	if !strings.HasPrefix(at, "https://ehr.example/fhir/$import/") {
		p.t.Fatalf("Content-Location is %q", at)
	}
	return at
}

// wait waits until an import is over.
func (p *importer) wait(at string, header ...string) *answer {
	p.t.Helper()
	for range 3000 {
		a := p.do("GET", at, "", header...)
		if a.StatusCode != 202 {
			return a
		}
		if a.Header.Get("X-Progress") == "" || len(a.Header.Get("X-Progress")) > 99 || a.Header.Get("Retry-After") == "" {
			p.t.Fatalf("%v", a.Header)
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.t.Fatal("it is never over")
	return nil
}

func (p *importer) done(at string, header ...string) *result {
	p.t.Helper()
	a := p.wait(at, header...).want(200)
	r := new(result)
	if err := json.Unmarshal([]byte(a.body), r); err != nil {
		p.t.Fatal(err)
	}
	if c := r.counts(); c.Accepted+c.Matched+c.Refused != c.Resources || c.Lines != c.Resources {
		p.t.Errorf("%+v do not add up", c)
	}
	return r
}

// report reads the report of an import, line by line.
func (p *importer) report(r *result, header ...string) []string {
	p.t.Helper()
	if len(r.Outcome) == 0 {
		return nil
	}
	text := p.do("GET", r.Outcome[0].URL, "", header...).want(200).body
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if int64(len(lines)) != r.Outcome[0].Count {
		p.t.Errorf("the report has %d lines, not %d", len(lines), r.Outcome[0].Count)
	}
	return lines
}

func (p *importer) stored(reference string) string {
	p.t.Helper()
	return p.do("GET", "/"+reference, "").want(200).body
}

func patient(id string) string {
	return fmt.Sprintf(`{"resourceType":"Patient","id":%q,"name":[{"family":"Family %s"}]}`, id, id)
}

func observation(id, subject string) string {
	return fmt.Sprintf(`{"resourceType":"Observation","id":%q,"status":"final","code":{"text":"pulse"},"subject":{"reference":%q},"valueInteger":61}`, id, subject)
}

func lines(texts ...string) string { return strings.Join(texts, "\n") + "\n" }

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
