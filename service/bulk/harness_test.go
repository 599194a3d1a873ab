package bulk_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/placetest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkjob"
	"github.com/inglehealth/ingle/service/bulk"
	"github.com/inglehealth/ingle/service/fhirapi"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// clock is set by tests.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// holding are the sessions of the server, which a test may hold back.
type holding struct {
	records.Sessions
	mu   sync.Mutex
	hold func()
}

func (s *holding) Stand(ctx context.Context, door *records.Door, n records.Standing) (*records.Session, error) {
	s.mu.Lock()
	hold := s.hold
	s.mu.Unlock()
	if hold != nil {
		hold()
	}
	return s.Sessions.Stand(ctx, door, n)
}

func (s *holding) held(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = f
}

// place is a server of a test's own, on SQLite or, by the name of the test, PostgreSQL.
type place struct {
	t        *testing.T
	base     string
	door     *records.Door
	identity *identity.Service
	sessions *holding
	bulk     *bulk.Server
	clock    *clock
	folder   string
	client   *http.Client
	token    string                    // with system/*.rs
	put      func(resources ...string) // stores resources
	app      *identity.Client
}

type setting func(*bulk.Config)

func newPlace(t *testing.T, tenant string, settings ...setting) *place {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	p := &place{t: t, clock: &clock{}, folder: t.TempDir()}
	p.client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Transport: &http.Transport{DisableCompression: true}}
	placetest.Open(t, placetest.Config{
		Tenant:  tenant,
		Records: func(c *records.Config) { c.Policy.AllowDangling = true },
		Mount: func(at *placetest.Place) {
			p.base, p.door, p.identity, p.put = at.URL+"/fhir", at.Door, at.Identity, at.Put
			p.sessions = &holding{Sessions: at.Auth}
			c := bulk.Config{Tenants: records.NewTenants(p.door), Sessions: p.sessions, Clock: p.clock.time, Files: func(string) bulkjob.Files { return bulkjob.Folder(p.folder) }}
			for _, o := range settings {
				o(&c)
			}
			p.bulk = bulk.New(c)
			at.MountFHIR(func(c *fhirapi.Config) {
				authenticate := c.Authenticate
				c.Authenticate = func(r *http.Request, door *records.Door) (*records.Session, error) {
					if user := r.Header.Get("As-User"); user != "" {
						return door.Session(records.Principal{ID: user, Standing: records.Standing{User: user}}, nil), nil
					}
					return authenticate(r, door)
				}
				c.Operations = []fhirapi.Mounted{{
					Name: bulk.Operation, URL: "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export", System: true, Typed: true, Instance: true, Below: true,
					Types: []fhir.Type{"", "Patient", "Group"}, Methods: []string{"GET", "POST", "DELETE"},
					Serve: func(w http.ResponseWriter, r *http.Request, at fhirapi.Place) error {
						return p.bulk.Serve(w, r, bulk.Place(at))
					},
				}}
			})
		},
	})
	work, stop := context.WithCancel(ctx)
	var working sync.WaitGroup
	working.Go(func() {
		if err := p.bulk.Run(work); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		working.Wait()
		p.client.CloseIdleConnections()
	})
	p.app = p.register("system/*.rs")
	p.token = p.tokenOf(p.app, "system/*.rs")
	return p
}

// onBoth runs a test on both databases.
func onBoth(t *testing.T, test func(t *testing.T)) {
	t.Run("SQLite", test)
	t.Run("PostgreSQL", test)
}

// register registers a service that has scopes.
func (p *place) register(scopes ...string) *identity.Client {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	raw, err := key.PublicKey.Bytes()
	if err != nil {
		p.t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	c := &identity.Client{
		Name: "Reports", Auth: identity.AuthAsymmetric, Grants: []identity.GrantType{identity.ClientCredentials}, Scopes: smart.Scopes(scopes), Approved: true,
		JWKS: fmt.Appendf(nil, `{"keys":[{"kty":"EC","crv":"P-384","kid":"k","use":"sig","alg":"ES384","x":%q,"y":%q}]}`, encode(raw[1:49]), encode(raw[49:])),
	}
	if _, err := p.identity.CreateClient(p.t.Context(), c); err != nil {
		p.t.Fatal(err)
	}
	return c
}

func (p *place) tokenOf(c *identity.Client, scopes ...string) string {
	p.t.Helper()
	tokens, err := p.identity.ClientCredentials(p.t.Context(), c, smart.Scopes(scopes), "", "")
	if err != nil {
		p.t.Fatal(err)
	}
	return tokens.Access
}

func (p *place) remove(key string) {
	p.t.Helper()
	typ, id, _ := strings.Cut(key, "/")
	if _, err := p.door.Session(records.Principal{ID: "test"}, nil).Delete(p.t.Context(), fhir.Key{Type: fhir.Type(typ), ID: fhir.ID(id)}, records.DeleteOptions{}); err != nil {
		p.t.Fatal(err)
	}
}

type reply struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

// do sends a request with the place's token, unless a header Authorization is given.
func (p *place) do(method, url, body string, header ...string) reply {
	p.t.Helper()
	if !strings.HasPrefix(url, "http") {
		url = p.base + "/" + url
	}
	r, err := http.NewRequestWithContext(p.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+p.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/fhir+json")
	}
	for i := 0; i < len(header); i += 2 {
		if r.Header.Del(header[i]); header[i+1] != "" {
			r.Header.Set(header[i], header[i+1])
		}
	}
	resp, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	from := io.Reader(resp.Body)
	if resp.Header.Get("Content-Encoding") == "gzip" {
		if from, err = gzip.NewReader(resp.Body); err != nil {
			p.t.Fatal(err)
		}
	}
	text, err := io.ReadAll(from)
	if err != nil {
		p.t.Fatal(err)
	}
	return reply{p.t, resp.StatusCode, resp.Header, string(text)}
}

func (a reply) want(status int) reply {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, not %d: %s", a.status, status, a.body)
	}
	return a
}

func (a reply) has(texts ...string) reply {
	a.t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			a.t.Errorf("no %q in %s", text, a.body)
		}
	}
	return a
}

// outcome says that the body is an OperationOutcome.
func (a reply) outcome() reply {
	a.t.Helper()
	var o struct {
		ResourceType string
		Issue        []struct{ Severity, Code string }
	}
	if err := json.Unmarshal([]byte(a.body), &o); err != nil || o.ResourceType != "OperationOutcome" || len(o.Issue) == 0 || o.Issue[0].Severity == "" || o.Issue[0].Code == "" {
		a.t.Errorf("no OperationOutcome: %v %s", err, a.body)
	}
	return a
}

// file is an element of a manifest.
type file struct {
	Type, URL string
	Count     int
}

type manifest struct {
	TransactionTime, Request string
	RequiresAccessToken      bool
	OutputOrganizedBy        string
	Output, Deleted, Error   []file
	Link                     []struct{ Relation, URL string }
}

// start begins an export and returns where its status is.
func (p *place) start(path string, header ...string) string {
	p.t.Helper()
	a := p.do("GET", path, "", append([]string{"Prefer", "respond-async", "Accept", "application/fhir+json"}, header...)...).want(202)
	at := a.header.Get("Content-Location")
	if !strings.HasPrefix(at, p.base+"/") {
		p.t.Fatalf("Content-Location %q", at)
	}
	return at
}

// finish waits for the manifest of an export.
func (p *place) finish(at string, header ...string) manifest {
	p.t.Helper()
	a := p.await(at, header...).want(200)
	if got := a.header.Get("Content-Type"); got != "application/json" {
		p.t.Errorf("Content-Type %s", got)
	}
	var m manifest
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		p.t.Fatal(err)
	}
	return m
}

// await polls until an export is no longer under way.
func (p *place) await(at string, header ...string) reply {
	p.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		a := p.do("GET", at, "", header...)
		if a.status == 429 {
			time.Sleep(time.Second)
			continue
		}
		if a.status != 202 {
			return a
		}
	}
	p.t.Fatal("the export does not end")
	return reply{}
}

// lines fetches files and returns their lines.
func (p *place) lines(files []file, header ...string) (all []string) {
	p.t.Helper()
	for _, f := range files {
		a := p.do("GET", f.URL, "", header...).want(200)
		if got := a.header.Get("Content-Type"); !strings.HasPrefix(got, "application/fhir+ndjson") {
			p.t.Errorf("Content-Type %s", got)
		}
		n := 0
		scan := bufio.NewScanner(strings.NewReader(a.body))
		scan.Buffer(nil, 8<<20)
		for scan.Scan() {
			var r struct{ ResourceType string }
			if err := json.Unmarshal(scan.Bytes(), &r); err != nil || r.ResourceType != f.Type {
				p.t.Errorf("%s in a file of %s: %v", r.ResourceType, f.Type, err)
			}
			all = append(all, scan.Text())
			n++
		}
		if n != f.Count {
			p.t.Errorf("%s has %d lines, the manifest says %d", f.URL, n, f.Count)
		}
	}
	return all
}

// keys are the keys of what files hold, sorted.
func (p *place) keys(files []file, header ...string) string {
	p.t.Helper()
	var keys []string
	for _, line := range p.lines(files, header...) {
		var r struct{ ResourceType, ID string }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			p.t.Fatal(err)
		}
		keys = append(keys, r.ResourceType+"/"+r.ID)
	}
	slices.Sort(keys)
	return strings.Join(keys, " ")
}

// export makes an export and returns the keys of what it holds.
func (p *place) export(path string, header ...string) string {
	p.t.Helper()
	return p.keys(p.finish(p.start(path, header...)).Output)
}
