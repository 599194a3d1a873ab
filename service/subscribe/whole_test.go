package subscribe

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

// house is a server that tells subscribers by real channels.
type house struct {
	t      *testing.T
	door   *records.Door
	log    *records.Subscriptions
	mu     sync.Mutex
	passed time.Duration
	made   int // Patients
}

func (h *house) time() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Now().Add(h.passed)
}

// pass lets time go by.
func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.passed += d
}

// onBoth runs a test with a house on SQLite and one on PostgreSQL.
func onBoth(t *testing.T, config func(t *testing.T) Config, test func(t *testing.T, h *house)) {
	for name, open := range map[string]func(t *testing.T) (store.Store, error){
		"SQLite": func(t *testing.T) (store.Store, error) { return sqlite.Open(t.Context(), t.TempDir()) },
		"PostgreSQL": func(t *testing.T) (store.Store, error) {
			return postgres.Open(t.Context(), pgtest.URL(t), pgtest.Schema())
		},
	} {
		t.Run(name, func(t *testing.T) {
			kept, err := open(t)
			if err != nil {
				t.Fatal(err)
			}
			test(t, newHouse(t, kept, config(t)))
		})
	}
}

func anyConfig(*testing.T) Config { return Config{} }

// newHouse takes a store over.
func newHouse(t *testing.T, kept store.Store, c Config) *house {
	t.Helper()
	h := &house{t: t}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var err error
	h.door, err = records.Open(ctx, records.Config{Store: kept, Definitions: definitions.MustBuiltIn(definitions.R4), Base: "https://ehr.example/fhir", Policy: records.DefaultPolicy(), Clock: h.time})
	if err != nil {
		t.Fatal(err)
	}
	h.log = h.door.Subscribe(records.SubscriptionConfig{Channel: open(t, c), Attempts: 2, Backoff: func(n int) time.Duration { return min(20*time.Millisecond<<n, 100*time.Millisecond) }})
	var working sync.WaitGroup
	working.Go(func() { _ = h.door.Work(ctx) })
	t.Cleanup(func() {
		stop()
		working.Wait()
		if err := h.door.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

const extension = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"

// subscribe stores a Subscription to Patients with a channel, whose payload follows.
func (h *house) subscribe(channel, payload, content string) {
	h.t.Helper()
	body := fmt.Sprintf(`{"resourceType":"Subscription","id":"s","status":"requested","reason":"test","criteria":"Patient?active=true",
		"channel":{"extension":[{"url":"%[1]stimeout","valueUnsignedInt":1}],%[2]s,"payload":%[3]q,"_payload":{"extension":[{"url":"%[1]spayload-content","valueCode":%[4]q}]}}}`, extension, channel, payload, content)
	h.put("Subscription", "s", body)
}

func (h *house) put(kind fhir.Type, id fhir.ID, body string) {
	h.t.Helper()
	session := h.door.Session(records.Principal{}, nil)
	if _, err := session.Update(h.t.Context(), fhir.Key{Type: kind, ID: id}, records.Content{JSON: []byte(body)}, records.UpdateOptions{}); err != nil {
		h.t.Fatal(err)
	}
}

// happen makes one more Patient.
func (h *house) happen() {
	h.t.Helper()
	h.made++
	h.put("Patient", fhir.ID("p"+strconv.Itoa(h.made)), fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","active":true}`, h.made))
}

// await waits until the Subscription is so.
func (h *house) await(what string, is func(notify.State) bool) notify.State {
	h.t.Helper()
	var last notify.State
	until(h.t, what, func() bool {
		var err error
		if last, err = h.log.State(h.t.Context(), "s"); err != nil {
			h.t.Fatal(err)
		}
		return is(last)
	})
	return last
}

func (h *house) awaitStatus(status string) notify.State {
	h.t.Helper()
	return h.await("its status is "+status, func(s notify.State) bool { return s.Status == status })
}

// numbers are those of the events of a notification.
func numbers(body string) (list []int) {
	var b struct {
		Entry []struct {
			Resource struct {
				Parameter []struct {
					Name string
					Part []struct{ ValueString string }
				}
			}
		}
	}
	if json.Unmarshal([]byte(body), &b) != nil || len(b.Entry) == 0 {
		return nil
	}
	for _, p := range b.Entry[0].Resource.Parameter {
		if p.Name == "notification-event" {
			n, _ := strconv.Atoi(p.Part[0].ValueString)
			list = append(list, n)
		}
	}
	return list
}

// moody is a subscriber's server that answers as it is told to, and keeps the numbers
// of the events that it took.
type moody struct {
	mu     sync.Mutex
	answer http.HandlerFunc // nil: it takes everything
	got    []int
}

func (m *moody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	m.mu.Lock()
	answer := m.answer
	if answer == nil && err == nil {
		m.got = append(m.got, numbers(string(body))...)
	}
	m.mu.Unlock()
	if answer != nil {
		answer(w, r)
	}
}

func (m *moody) be(answer http.HandlerFunc) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answer = answer
}

// took are the numbers that it took, without those that came twice.
func (m *moody) took() []int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Compact(slices.Clone(m.got))
}

// However a subscriber fails, its Subscription says how, and it is told everything in
// order when it is well again.
func TestASubscriberThatFailsIsToldEverythingWhenItIsWellAgain(t *testing.T) {
	onBoth(t, anyConfig, func(t *testing.T, h *house) {
		inside, reached := receiver(t, nil)
		subscriber := &moody{}
		endpoint := httptest.NewServer(subscriber)
		t.Cleanup(endpoint.Close)
		h.subscribe(`"type":"rest-hook","endpoint":"`+endpoint.URL+`"`, "application/fhir+json", "id-only")
		h.awaitStatus("active")
		var want []int
		for _, c := range []struct {
			says   string
			answer http.HandlerFunc
		}{
			{"failed with 500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }},
			{"refused the notification with 403", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }},
			{"did not answer within 1s", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
			{"redirect, which is not followed", func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, strings.Replace(inside.URL, "127.0.0.1", "localhost", 1), http.StatusPermanentRedirect)
			}},
			{"broke off", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "100")
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}},
		} {
			subscriber.be(c.answer)
			h.happen()
			want = append(want, h.made)
			if s := h.awaitStatus("error"); !strings.Contains(s.Error, c.says) {
				t.Errorf("%q, not %q", s.Error, c.says)
			}
			h.happen()
			want = append(want, h.made)
			subscriber.be(nil)
			h.await("it is well again", func(s notify.State) bool { return s.Status == "active" && s.Taken == int64(h.made) })
			if got := subscriber.took(); !slices.Equal(got, want) {
				t.Fatalf("%s: took %v, not %v", c.says, got, want)
			}
		}
		if len(reached) != 0 {
			t.Error("a redirect was followed")
		}
	})
}

func TestASubscriberThatIsGoneForADayIsToldWhatHappened(t *testing.T) {
	onBoth(t, anyConfig, func(t *testing.T, h *house) {
		subscriber := &moody{}
		endpoint := httptest.NewServer(subscriber)
		address := endpoint.Listener.Addr().String()
		h.subscribe(`"type":"rest-hook","endpoint":"`+endpoint.URL+`"`, "application/fhir+json", "id-only")
		h.awaitStatus("active")
		endpoint.Close()
		h.happen()
		if s := h.awaitStatus("error"); !strings.Contains(s.Error, "nobody listens") {
			t.Error(s.Error)
		}
		h.pass(12 * time.Hour)
		h.happen()
		h.pass(12 * time.Hour)
		h.happen()
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		again := &httptest.Server{Listener: listener, Config: &http.Server{Handler: subscriber}}
		again.Start()
		t.Cleanup(again.Close)
		h.await("it was told", func(s notify.State) bool { return s.Status == "active" && s.Taken == 3 })
		if got := subscriber.took(); !slices.Equal(got, []int{1, 2, 3}) {
			t.Errorf("took %v", got)
		}
	})
}

// receiverVariable has the test binary be a subscriber's server: it holds the address
// and the file that it notes events in.
const receiverVariable = "INGLE_TEST_RECEIVER"

// runReceiver takes notifications until it is killed. What it answered to it has on
// disk.
func runReceiver(address, file string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	notes, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		for _, n := range numbers(string(body)) {
			if err == nil {
				_, err = fmt.Fprintln(notes, n)
			}
		}
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
}

func startReceiver(t *testing.T, address, file string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), receiverVariable+"="+address+" "+file)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	until(t, "the receiver listens", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return cmd
}

func TestNothingIsLostWhenASubscriberIsKilled(t *testing.T) {
	onBoth(t, anyConfig, func(t *testing.T, h *house) {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address, file := free.Addr().String(), t.TempDir()+"/events"
		_ = free.Close()
		process := startReceiver(t, address, file)
		h.subscribe(`"type":"rest-hook","endpoint":"http://`+address+`"`, "application/fhir+json", "id-only")
		h.awaitStatus("active")
		for range 3 {
			for range 10 {
				h.happen()
			}
			if err := process.Process.Kill(); err != nil { // SIGKILL, in the middle of what is being told
				t.Fatal(err)
			}
			_ = process.Wait()
			h.happen()
			process = startReceiver(t, address, file)
		}
		h.await("everything was told", func(s notify.State) bool { return s.Taken == int64(h.made) })
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		next := 1
		for word := range strings.FieldsSeq(string(text)) {
			n, _ := strconv.Atoi(word)
			if n > next {
				t.Fatalf("event %d came before %d", n, next)
			}
			next = max(next, n+1)
		}
		if next != h.made+1 {
			t.Errorf("%d of %d events came", next-1, h.made)
		}
	})
}

func TestAnEMailIsSentForEachNotification(t *testing.T) {
	var s *sink
	onBoth(t, func(t *testing.T) Config {
		s = startSink(t, &sink{})
		return Config{Mail: s.relay(t, "smtp://ehr:secret@SINK/?from=ehr@clinic.example")}
	}, func(t *testing.T, h *house) {
		h.subscribe(`"type":"email","endpoint":"mailto:nurse@clinic.example"`, "text/plain;attach=application/fhir+xml", "full-resource")
		h.awaitStatus("active")
		if text := <-s.Got; !strings.Contains(text, "Notifications will come") {
			t.Errorf("%s", text)
		}
		h.happen()
		if text := <-s.Got; !strings.Contains(text, "Something that you subscribed to happened") || !strings.Contains(text, `filename="notification.xml"`) {
			t.Errorf("%s", text)
		}
		h.await("it is taken", func(s notify.State) bool { return s.Taken == 1 })
	})
}

func TestAStreamOfNATSKeepsEachNotification(t *testing.T) {
	var s *server.Server
	onBoth(t, func(t *testing.T) Config {
		s = startNATS(t, true, server.RANDOM_PORT)
		return Config{NATS: &Broker{URL: s.ClientURL(), Prefix: "ingle"}}
	}, func(t *testing.T, h *house) {
		js, err := jetstream.New(dialNATS(t, s))
		if err != nil {
			t.Fatal(err)
		}
		stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "INGLE", Subjects: []string{"ingle.>"}})
		if err != nil {
			t.Fatal(err)
		}
		h.subscribe(`"type":"message","_type":{"extension":[{"url":"`+extension+`channel-type","valueCoding":{"system":"`+ChannelSystem+`","code":"nats"}}]}`, "application/fhir+json", "id-only")
		h.awaitStatus("active")
		for range 3 {
			h.happen()
		}
		h.await("they are taken", func(s notify.State) bool { return s.Taken == 3 })
		var got []int
		info, err := stream.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for n := range info.State.LastSeq {
			m, err := stream.GetMsg(t.Context(), n+1)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, numbers(string(m.Data))...)
		}
		if !slices.Equal(got, []int{1, 2, 3}) {
			t.Errorf("the stream has %v", got)
		}
	})
}

// socketsOf serves WebSockets of a house.
func socketsOf(t *testing.T, h *house) *station {
	t.Helper()
	tenants := records.NewTenants(h.door)
	s := &station{t: t, door: h.door, session: h.door.Session(records.Principal{}, nil)}
	s.Sockets = NewSockets(SocketConfig{Tenants: tenants, Logs: func(d *records.Door) Log { return d.Subscriptions() }, Sessions: records.OpenSessions{}, Look: 50 * time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	site := web.New(web.Config{Log: slog.New(slog.DiscardHandler)})
	s.Mount(site)
	server := httptest.NewServer(site)
	s.url = "ws" + strings.TrimPrefix(server.URL, "http") + SocketPath
	t.Cleanup(func() {
		s.Close()
		server.Close()
	})
	return s
}

func TestAWebSocketIsToldByTheLog(t *testing.T) {
	onBoth(t, anyConfig, func(t *testing.T, h *house) {
		h.subscribe(`"type":"websocket"`, "application/fhir+json", "full-resource")
		h.awaitStatus("active")
		h.happen() // before anybody is there
		h.await("it has a number", func(s notify.State) bool { return s.Total == 1 })
		s := socketsOf(t, h)
		l := s.dial()
		l.say("bind-with-token " + s.token("s"))
		l.expect("handshake s active", "event-notification s active 1")
		h.happen()
		l.expect("event-notification s active 2")
		h.await("it is known to have come", func(s notify.State) bool { return s.Taken == 2 })
		if err := h.log.Off(t.Context(), "s", "enough"); err != nil {
			t.Fatal(err)
		}
		h.happen()
		l.expect("query-status s off")
	})
}

// A subscriber is told by the process that it is connected to, whichever process gives
// events their numbers.
func TestAWebSocketIsToldByAnyProcess(t *testing.T) {
	schema := pgtest.Schema()
	var houses []*house
	for range 2 {
		kept, err := postgres.Open(t.Context(), pgtest.URL(t), schema)
		if err != nil {
			t.Fatal(err)
		}
		houses = append(houses, newHouse(t, kept, Config{}))
	}
	houses[0].subscribe(`"type":"websocket"`, "application/fhir+json", "id-only")
	houses[0].awaitStatus("active")
	for i, h := range houses {
		s := socketsOf(t, h)
		// The token of one process is good at the other.
		token := socketsOf(t, houses[1-i]).token("s")
		l := s.dial()
		l.say("bind-with-token " + token)
		l.expect("handshake s active")
		houses[0].happen()
		l.expect(fmt.Sprintf("event-notification s active %d", houses[0].made))
		houses[0].await("it is known to have come", func(st notify.State) bool { return st.Taken == int64(houses[0].made) })
	}
}
