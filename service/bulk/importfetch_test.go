package bulk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/guard"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/intake"
	"github.com/inglehealth/ingle/store"
)

// source is a server that files are fetched from.
type source struct {
	*http.ServeMux
	url string

	mu    sync.Mutex
	asked []string // method, path and Range of the requests
}

func newSource(t *testing.T) *source {
	t.Helper()
	s := &source{ServeMux: http.NewServeMux()}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Range")))
		s.mu.Unlock()
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *source) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func (s *source) file(name, text string) {
	s.HandleFunc("/"+name, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, text) })
}

// files is an order of files of the source.
func (s *source) files(names ...string) string {
	var list []string
	for _, name := range names {
		typ, _, _ := strings.Cut(name, ".")
		list = append(list, fmt.Sprintf(`{"type":%q,"url":%q}`, typ, s.url+"/"+name))
	}
	return `{"inputFormat":"application/fhir+ndjson","inputSource":"https://source.example","input":[` + strings.Join(list, ",") + `]}`
}

func TestFilesOfAManifestAreFetchedAndLoadedAndWhatIsRefusedIsNamed(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		p, s := newImporter(t, open()), newSource(t)
		s.file("Observation.ndjson", lines(observation("o1", "Patient/a"), observation("o2", "Patient/nobody"), "{"))
		s.HandleFunc("/Patient.ndjson.gz", func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") != "gzip" || !strings.Contains(r.Header.Get("Accept"), "application/fhir+ndjson") {
				t.Errorf("%v", r.Header)
			}
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, gzipped(t, lines(patient("a"), patient("b"), observation("o3", "Patient/a"))))
		})
		r := p.done(p.order(s.files("Observation.ndjson", "Patient.ndjson.gz", "Condition.missing")))
		if c := r.counts(); c != (counts{6, 6, 3, 0, 3}) {
			t.Errorf("%+v", c)
		}
		if len(r.Output) != 3 || r.Output[0].Count != 1 || r.Output[0].Refused != 2 || r.Output[1].Count != 2 || r.Output[1].Type != "Patient" || r.Output[1].InputURL != s.url+"/Patient.ndjson.gz" || !strings.Contains(r.Output[2].Error, "404") {
			t.Errorf("%+v", r.Output)
		}
		report := p.report(r)
		for _, want := range [][]string{
			{"Observation.ndjson, line 2, Observation/o2", "Patient/nobody", `"code":"not-found"`},
			{"Observation.ndjson, line 3", "not valid JSON", `{"url":"line","valuePositiveInt":3}`},
			{"Patient.ndjson.gz, line 3", "said to hold Patient"},
			{"Condition.missing", "404"},
		} {
			if !slices.ContainsFunc(report, func(line string) bool {
				return strings.HasPrefix(line, `{"resourceType":"OperationOutcome"`) && !slices.ContainsFunc(want, func(text string) bool { return !strings.Contains(line, text) })
			}) {
				t.Errorf("no outcome says %q:\n%s", want, strings.Join(report, "\n"))
			}
		}
		p.stored("Observation/o1")
	})
}

func TestAFileIsFetchedFromWhereItBrokeOff(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		p, s := newImporter(t, open()), newSource(t)
		var text strings.Builder
		for i := range 2000 {
			text.WriteString(patient(fmt.Sprint("p", i)) + "\n")
		}
		broken := 0
		s.HandleFunc("/Patient.ndjson", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"one"`)
			if broken++; broken <= 3 {
				http.ServeContent(&short{w, 20_000}, r, "", time.Time{}, strings.NewReader(text.String()))
				panic(http.ErrAbortHandler)
			}
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(text.String()))
		})
		if c := p.done(p.order(s.files("Patient.ndjson"))).counts(); c != (counts{2000, 2000, 2000, 0, 0}) {
			t.Errorf("%+v", c)
		}
		asked := s.requests()
		if len(asked) != 4 || asked[0] != "GET /Patient.ndjson" || asked[1] == asked[2] || !strings.HasPrefix(asked[3], "GET /Patient.ndjson bytes=") {
			t.Errorf("%q", asked)
		}
	})
}

// short breaks off after some bytes.
type short struct {
	http.ResponseWriter
	left int
}

func (s *short) Write(b []byte) (int, error) {
	if len(b) > s.left {
		n, _ := s.ResponseWriter.Write(b[:s.left])
		s.left = 0
		_ = http.NewResponseController(s.ResponseWriter).Flush()
		return n, io.ErrShortWrite
	}
	s.left -= len(b)
	return s.ResponseWriter.Write(b)
}

func TestAFileThatChangedMeanwhileIsFetchedAnew(t *testing.T) {
	p, s := newImporter(t, sqliteStore(t)), newSource(t)
	first, second := lines(patient("a"), patient("b"), strings.Repeat(" ", 10_000)), lines(patient("c"))
	n := 0
	s.HandleFunc("/Patient.ndjson", func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 1 {
			w.Header().Set("ETag", `"one"`)
			http.ServeContent(&short{w, 200}, r, "", time.Time{}, strings.NewReader(first))
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("ETag", `"two"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(second))
	})
	if c := p.done(p.order(s.files("Patient.ndjson"))).counts(); c != (counts{1, 1, 1, 0, 0}) {
		t.Errorf("%+v", c)
	}
	p.stored("Patient/c")
	p.do("GET", "/Patient/a", "").want(404)
}

func TestASourceThatFailsForAWhileIsAskedAgain(t *testing.T) {
	p, s := newImporter(t, sqliteStore(t)), newSource(t)
	n := 0
	s.HandleFunc("/Patient.ndjson", func(w http.ResponseWriter, r *http.Request) {
		switch n++; n {
		case 1:
			panic(http.ErrAbortHandler)
		case 2:
			w.WriteHeader(500)
		case 3:
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(429)
		default:
			_, _ = io.WriteString(w, lines(patient("a")))
		}
	})
	s.HandleFunc("/Observation.ndjson", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(502) }) // for good
	began := time.Now()
	r := p.done(p.order(s.files("Observation.ndjson", "Patient.ndjson")))
	if r.counts().Accepted != 1 || !strings.Contains(r.Output[0].Error, "502") || r.Output[1].Error != "" || time.Since(began) < time.Second {
		t.Errorf("%+v after %v", r, time.Since(began))
	}
}

func TestNothingIsFetchedFromInsideTheNetwork(t *testing.T) {
	s := newSource(t)
	s.file("Patient.ndjson", lines(patient("inside")))
	s.HandleFunc("/Group.away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.2:1/", http.StatusFound)
	})
	s.HandleFunc("/Group.round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/Group.round", http.StatusFound) })
	guarded := newImporter(t, sqliteStore(t), func(c *intake.Config, _ *records.Config) { c.Guard = &guard.Guard{} })
	guarded.do("POST", "/$import", s.files("Patient.ndjson")).want(400, "not https", "--import-allow")
	https := strings.Replace(s.files("Patient.ndjson"), "http://127", "https://127", 1)
	if r := guarded.done(guarded.order(https)); len(r.Output) != 1 || !strings.Contains(r.Output[0].Error, "leads to a private address") || strings.Contains(r.Output[0].Error, "127.") {
		t.Errorf("%+v", r)
	}
	// What is allowed does not lead elsewhere.
	p := newImporter(t, sqliteStore(t))
	r := p.done(p.order(s.files("Group.away", "Group.round")))
	if !strings.Contains(r.Output[0].Error, "private") || !strings.Contains(r.Output[1].Error, "redirects too often") {
		t.Errorf("%+v", r)
	}
	for _, address := range []string{"file:///etc/passwd", "ftp://x.example/a", "/Patient.ndjson", "https://user:word@x.example/a", "https://x.example/a#b", ""} {
		p.do("POST", "/$import", fmt.Sprintf(`{"input":[{"type":"Patient","url":%q}]}`, address)).want(400)
	}
}

// exporter is a source with a bulk export.
func (s *source) exporter(t *testing.T, post bool) {
	polls := 0
	s.HandleFunc("/fhir/$export", func(w http.ResponseWriter, r *http.Request) {
		if !post && r.Method == "POST" {
			w.WriteHeader(405)
			return
		}
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Prefer") != "respond-async" || r.Header.Get("Accept") != "application/fhir+json" || r.Header.Get("Authorization") != "Bearer good" {
			t.Errorf("%v", r.Header)
		}
		if post && !bytes.Contains(body, []byte(`"_type"`)) || !post && r.URL.Query().Get("_type") != "Patient" {
			t.Errorf("the parameters are missing: %s %s", r.URL, body)
		}
		w.Header().Set("Content-Location", "/fhir/jobs/1") // not absolute, as some have it
		w.WriteHeader(202)
	})
	s.HandleFunc("/fhir/jobs/1", func(w http.ResponseWriter, r *http.Request) {
		if polls++; polls < 3 {
			w.Header().Set("X-Progress", "working")
			w.WriteHeader(202)
			return
		}
		fmt.Fprintf(w, `{"transactionTime":"2026-01-01T00:00:00Z","request":"x","requiresAccessToken":true,"output":[{"type":"Patient","url":"%[1]s/fhir/files/p.ndjson"}],"deleted":[{"type":"Bundle","url":"%[1]s/fhir/files/d.ndjson"}],"error":[],"link":[{"relation":"next","url":"%[1]s/fhir/jobs/1/2"}]}`, s.url)
	})
	s.HandleFunc("/fhir/jobs/1/2", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"requiresAccessToken":true,"output":[{"type":"Observation","url":"%s/fhir/files/o.ndjson"}]}`, s.url)
	})
	for name, text := range map[string]string{
		"p": lines(patient("a"), patient("b")), "o": lines(observation("o", "Patient/a")),
		"d": `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE","url":"Patient/old"}}]}` + "\n",
	} {
		s.HandleFunc("/fhir/files/"+name+".ndjson", func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer good" {
				w.WriteHeader(401)
				return
			}
			_, _ = io.WriteString(w, text)
		})
	}
}

func TestAnotherServersExportIsKickedOffAwaitedAndImported(t *testing.T) {
	for name, post := range map[string]bool{"by POST": true, "by GET": false} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, open func() store.Store) {
				renewed := 0
				p := newImporter(t, open(), func(c *intake.Config, _ *records.Config) {
					c.Authorize = func(_ context.Context, to *url.URL, renew bool) (string, error) {
						switch {
						case !strings.HasPrefix(to.Path, "/fhir/"):
							return "", nil
						case renew:
							renewed++
							return "good", nil
						case renewed > 0 || !strings.HasSuffix(to.Path, "p.ndjson"):
							return "good", nil
						}
						return "stale", nil
					}
				})
				p.do("PUT", "/Patient/old", patient("old")).want(201)
				s := newSource(t)
				s.exporter(t, post)
				r := p.done(p.order(fmt.Sprintf(`{"resourceType":"Parameters","parameter":[{"name":"exportUrl","valueUrl":"%s/fhir/$export"},{"name":"exportType","valueCode":"dynamic"},{"name":"_type","valueString":"Patient"}]}`, s.url)))
				if c := r.counts(); c.Accepted != 4 || c.Refused != 0 || len(r.Output) != 3 || renewed != 1 {
					t.Errorf("%+v, %d renewals: %q", r, renewed, p.report(r))
				}
				p.stored("Observation/o")
				p.do("GET", "/Patient/old", "").want(410)
			})
		})
	}
}

func TestATokenDoesNotGoAlongARedirectToAnotherHost(t *testing.T) {
	p, s, other := newImporter(t, sqliteStore(t), func(c *intake.Config, _ *records.Config) {
		c.Authorize = func(context.Context, *url.URL, bool) (string, error) { return "secret", nil }
	}), newSource(t), newSource(t)
	seen := map[string]string{}
	take := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			seen[name] = r.Header.Get("Authorization")
			_, _ = io.WriteString(w, lines(patient(name)))
		}
	}
	s.HandleFunc("/here.ndjson", take("here"))
	other.HandleFunc("/there.ndjson", take("there"))
	s.HandleFunc("/a.ndjson", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/here.ndjson", http.StatusFound)
	})
	s.HandleFunc("/b.ndjson", func(w http.ResponseWriter, r *http.Request) {
		// The host is the same by name: only the port is another.
		http.Redirect(w, r, other.url+"/there.ndjson", http.StatusFound)
	})
	s.HandleFunc("/manifest.json", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"requiresAccessToken":true,"output":[{"type":"Patient","url":"a.ndjson"},{"type":"Patient","url":"b.ndjson"}]}`)
	})
	if c := p.done(p.order(fmt.Sprintf(`{"exportUrl":"%s/manifest.json","exportType":"static"}`, s.url))).counts(); c.Accepted != 2 {
		t.Errorf("%+v", c)
	}
	if seen["here"] != "Bearer secret" || seen["there"] != "" {
		t.Errorf("%q", seen)
	}
}

func TestAManifestThatLiesThereIsImported(t *testing.T) {
	p, s := newImporter(t, sqliteStore(t)), newSource(t)
	s.file("p.ndjson", lines(patient("a")))
	s.HandleFunc("/manifest.json", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"requiresAccessToken":false,"output":[{"type":"Patient","url":"p.ndjson"}]}`)
	})
	if c := p.done(p.order(fmt.Sprintf(`{"exportUrl":"%s/manifest.json","exportType":"static"}`, s.url))).counts(); c.Accepted != 1 {
		t.Errorf("%+v", c)
	}
}

func TestAnExportThatFailsFailsTheImportAndSaysWhy(t *testing.T) {
	p, s := newImporter(t, sqliteStore(t)), newSource(t)
	s.HandleFunc("/none", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(403) })
	s.HandleFunc("/text", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "no manifest") })
	s.HandleFunc("/inside", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"output":[{"type":"Patient","url":"http://10.0.0.1/p.ndjson"}]}`)
	})
	for order, says := range map[string]string{
		`{"exportUrl":"` + s.url + `/none"}`:                         "403",
		`{"exportUrl":"` + s.url + `/text","exportType":"static"}`:   "no JSON",
		`{"exportUrl":"` + s.url + `/inside","exportType":"static"}`: "not fetched from",
	} {
		p.wait(p.order(order)).want(422, says, "OperationOutcome")
	}
}

func TestOrdersThatCannotBeUnderstoodAreRefused(t *testing.T) {
	p := newImporter(t, sqliteStore(t))
	for order, says := range map[string]string{
		`{`:                             "no JSON object",
		`[]`:                            "no JSON object",
		`{}`:                            "neither a file",
		`{"inputs":[]}`:                 "inputs",
		`{"resourceType":"Patient"}`:    "application/fhir+ndjson",
		`{"resourceType":"Parameters"}`: "neither a file",
		`{"inputFormat":"text/csv","input":[{"url":"https://x.example/a"}]}`:          "inputFormat",
		`{"storageDetail":{"type":"aws-s3"},"input":[{"url":"https://x.example/a"}]}`: "storageDetail",
		`{"input":[{"type":"Patiend","url":"https://x.example/a"}]}`:                  "Patiend",
		`{"exportType":"static"}`:                                                           "exportUrl",
		`{"exportUrl":"https://x.example/a","exportType":"magic"}`:                          "exportType",
		`{"exportUrl":"https://x.example/a","input":[{"url":"https://x.example/a"}]}`:       "one of them",
		`{"resourceType":"Parameters","parameter":[{"name":"colour","valueString":"red"}]}`: "colour",
		`{"resourceType":"Parameters","parameter":[{"name":"_type","valueString":"Patient"},{"name":"input","part":[{"name":"url","valueUrl":"https://x.example/a"}]}]}`: "exportUrl",
		`{"resourceType":"Parameters","parameter":[7]}`: "JSON object",
	} {
		p.do("POST", "/$import", order).want(400, says)
	}
	p.do("POST", "/$import", "a,b", "Content-Type", "text/csv").want(415, "application/fhir+ndjson")
	p.do("POST", "/$import", patient("a"), "Content-Type", "application/fhir+ndjson", "Content-Encoding", "zstd").want(415)
	p.do("GET", "/$import/nowhere", "").want(404)
	p.do("DELETE", "/$import/nowhere", "").want(404)
	p.do("DELETE", "/$import", "").want(405)
	if a := p.do("GET", "/$import", "").want(200, "HL7 has no standard"); json.Unmarshal([]byte(a.body), new(map[string]any)) != nil {
		t.Error("the definition is no JSON")
	}
	p.do("GET", "/metadata", "").want(200, `{"name":"import","definition":"https://ingle.health/fhir/OperationDefinition/import"`)
}
