package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/internal/testpackage"
)

// hook is a subscriber's server. It answers 500 to some.
type hook struct {
	*httptest.Server
	id string // of the Subscription

	mu     sync.Mutex
	focus  map[int64]string // by event number
	last   int64
	twice  int
	told   time.Time // when the last new event came
	faults []string
}

func newHook(t testing.TB) *hook {
	h := &hook{focus: map[int64]string{}, id: strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))}
	h.id = h.id[max(0, len(h.id)-30):]
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || rand.IntN(100) == 0 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		h.take(body)
	}))
	t.Cleanup(h.Close)
	return h
}

// take notes the events of a notification, and what is wrong with their order.
func (h *hook) take(body []byte) {
	type parameter struct {
		Name      string
		Value     string                     `json:"valueString"`
		Reference struct{ Reference string } `json:"valueReference"`
		Part      []parameter
	}
	var b struct {
		Entry []struct {
			Resource struct{ Parameter []parameter }
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := json.Unmarshal(body, &b); err != nil || len(b.Entry) == 0 {
		h.faults = append(h.faults, fmt.Sprintf("%v: %.200s", err, body))
		return
	}
	for _, p := range b.Entry[0].Resource.Parameter {
		if p.Name != "notification-event" {
			continue
		}
		var number int64
		focus := ""
		for _, part := range p.Part {
			switch part.Name {
			case "event-number":
				number, _ = strconv.ParseInt(part.Value, 10, 64)
			case "focus":
				focus = part.Reference.Reference[strings.LastIndexByte(part.Reference.Reference, '/')+1:]
			}
		}
		switch was, known := h.focus[number]; {
		case known && was != focus:
			h.faults = append(h.faults, fmt.Sprintf("event %d was about %s, then about %s", number, was, focus))
		case known:
			h.twice++
		case number != h.last+1:
			h.faults = append(h.faults, fmt.Sprintf("event %d came after %d", number, h.last))
		}
		if number > h.last {
			h.told = time.Now()
		}
		h.focus[number] = focus
		h.last = max(h.last, number)
	}
}

func (h *hook) heard() map[string]bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := map[string]bool{}
	for _, id := range h.focus {
		all[id] = true
	}
	return all
}

// subscribe makes a Subscription to Patients and waits until it is active.
func (h *hook) subscribe(t testing.TB, base string, header ...string) {
	t.Helper()
	const x = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"
	status, body := send(t.Context(), client, "PUT", base+"/Subscription/"+h.id, fmt.Sprintf(`{"resourceType":"Subscription","id":%[3]q,"status":"requested","reason":"test","criteria":"Patient?active=true",
		"channel":{"extension":[{"url":"%[1]smax-count","valuePositiveInt":25}],"type":"rest-hook","endpoint":%[2]q,"payload":"application/fhir+json","_payload":{"extension":[{"url":"%[1]spayload-content","valueCode":"id-only"}]}}}`, x, h.URL, h.id), header...)
	if status != http.StatusCreated {
		t.Fatalf("%d %s", status, body)
	}
	eventually(t, func() bool {
		_, body := send(t.Context(), client, "GET", base+"/Subscription/"+h.id, "", header...)
		return strings.Contains(body, `"status":"active"`)
	})
}

func eventually(t testing.TB, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come")
		}
	}
}

// TestNoEventIsLostWhenTheServerIsKilled kills the server while it delivers, again and
// again. Whatever was acknowledged is told, in the order of its numbers.
func TestNoEventIsLostWhenTheServerIsKilled(t *testing.T) {
	for name, where := range map[string]func(*testing.T) []string{
		"SQLite":     func(t *testing.T) []string { return []string{"--data", t.TempDir()} },
		"PostgreSQL": func(t *testing.T) []string { return []string{"--database", pgtest.URL(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			args := append(where(t), "--subscription-allow", "127.0.0.1")
			h := newHook(t)
			var mu sync.Mutex
			var acknowledged []string
			const rounds, writers = 5, 4
			for round := range rounds {
				p := startServer(t, args...)
				if round == 0 {
					h.subscribe(t, p.url)
				}
				var wg sync.WaitGroup
				for w := range writers {
					wg.Go(func() {
						for n := 0; ; n++ {
							id := fmt.Sprintf("s-%d-%d-%d", round, w, n)
							status, answer := send(t.Context(), client, "PUT", p.url+"/Patient/"+id, `{"resourceType":"Patient","id":"`+id+`","active":true}`)
							if status == 0 {
								return
							}
							mu.Lock()
							if status != http.StatusCreated {
								t.Errorf("%s: %d %s", id, status, answer)
							}
							acknowledged = append(acknowledged, id)
							mu.Unlock()
							time.Sleep(5 * time.Millisecond)
						}
					})
				}
				// Long enough for the next one to follow and be in the middle, sometimes.
				time.Sleep(time.Duration(500+rand.IntN(4000)) * time.Millisecond)
				p.kill()
				wg.Wait()
			}
			startServer(t, args...)
			eventually(t, func() bool {
				heard := h.heard()
				for _, id := range acknowledged {
					if !heard[id] {
						return false
					}
				}
				return true
			})
			for _, f := range h.faults {
				t.Error(f)
			}
			if len(acknowledged) < 20 {
				t.Errorf("%d writes were acknowledged: too few to say anything", len(acknowledged))
			}
			t.Logf("%d acknowledged, %d events, %d of them told twice", len(acknowledged), len(h.focus), h.twice)
		})
	}
}

// TestAnotherServerTellsSubscribersWhenOneIsKilled has two servers on one PostgreSQL.
func TestAnotherServerTellsSubscribersWhenOneIsKilled(t *testing.T) {
	args := []string{"--database", pgtest.URL(t), "--subscription-allow", "127.0.0.1"}
	h := newHook(t)
	a := startServer(t, args...)
	h.subscribe(t, a.url)
	b := startServer(t, args...)
	write := func(id string) {
		t.Helper()
		if status, body := send(t.Context(), client, "PUT", b.url+"/Patient/"+id, `{"resourceType":"Patient","id":"`+id+`","active":true}`); status != http.StatusCreated {
			t.Fatalf("%d %s", status, body)
		}
	}
	write("before")
	eventually(t, func() bool { return h.heard()["before"] })
	a.kill()
	began := time.Now()
	write("after")
	eventually(t, func() bool { return h.heard()["after"] })
	t.Logf("told %s after the other server was killed", time.Since(began).Round(10*time.Millisecond))
	if len(h.faults) > 0 {
		t.Error(h.faults)
	}
}

// TestTopicsOfAPackageAreOffered has a package of one topic.
func TestTopicsOfAPackageAreOffered(t *testing.T) {
	file := filepath.Join(t.TempDir(), "topics.tgz")
	packed := testpackage.Pack(t, map[string]string{
		"package.json": `{"name":"example.topics","version":"1.0.0","fhirVersions":["4.3.0"]}`,
		"topic.json":   `{"resourceType":"SubscriptionTopic","id":"t","url":"http://example.org/topic/males","status":"active","resourceTrigger":[{"resource":"Patient","queryCriteria":{"current":"gender=male"}}]}`,
	})
	if err := os.WriteFile(file, packed, 0o600); err != nil {
		t.Fatal(err)
	}
	p := startServer(t, "--data", t.TempDir(), "--fhir", "R4", "--package", file, "--subscription-allow", "127.0.0.1")
	if status, body := send(t.Context(), client, "GET", p.url+"/metadata", ""); status != http.StatusOK || !strings.Contains(body, `"http://example.org/topic/males"`) {
		t.Errorf("%d, and the topic is offered: %v", status, strings.Contains(body, "example.org/topic"))
	}
}

// TestASubscriptionEndsWithTheTokenThatMadeIt revokes the token between two events.
func TestASubscriptionEndsWithTheTokenThatMadeIt(t *testing.T) {
	dir := t.TempDir()
	p := startClosed(t, "--data", dir, "--subscription-allow", "127.0.0.1")
	token := func(scopes string) string {
		return "Bearer " + strings.TrimSpace(mustRun(t, "token", "create", "--scope", scopes, "--data", dir))
	}
	app, writer := token("system/Subscription.cruds system/Patient.rs"), token("system/*.cruds")
	h := newHook(t)
	observing := `{"resourceType":"Subscription","status":"requested","reason":"r","criteria":"Observation?code=1","channel":{"type":"rest-hook","endpoint":"` + h.URL + `"}}`
	if status, body := send(t.Context(), client, "POST", p.url+"/Subscription", observing, "Authorization", app); status != http.StatusForbidden || !strings.Contains(body, "Observation") {
		t.Errorf("about what its scopes do not allow: %d %s", status, body)
	}
	h.subscribe(t, p.url, "Authorization", app)
	write := func(id string) {
		t.Helper()
		if status, body := send(t.Context(), client, "PUT", p.url+"/Patient/"+id, `{"resourceType":"Patient","id":"`+id+`","active":true}`, "Authorization", writer); status != http.StatusCreated {
			t.Fatalf("%d %s", status, body)
		}
	}
	write("before")
	eventually(t, func() bool { return h.heard()["before"] })
	mustRun(t, "token", "revoke", strings.TrimPrefix(app, "Bearer "), "--data", dir)
	write("after")
	eventually(t, func() bool {
		_, body := send(t.Context(), client, "GET", p.url+"/Subscription/"+h.id, "", "Authorization", writer)
		return strings.Contains(body, `"status":"off"`) && strings.Contains(body, "has ended")
	})
	if h.heard()["after"] {
		t.Error("it is told of what came after")
	}
}
