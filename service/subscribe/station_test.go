package subscribe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store/sqlite"
)

// book is a notify.Log in memory, whose events tests add.
type book struct {
	mu     sync.Mutex
	states map[fhir.ID]*notify.State
	hidden map[int64]bool // numbers that the subscriber may not see
	wake   chan struct{}
}

func newBook(states ...notify.State) *book {
	b := &book{states: map[fhir.ID]*notify.State{}, hidden: map[int64]bool{}, wake: make(chan struct{})}
	for _, s := range states {
		b.states[s.Subscription] = &s
	}
	return b
}

// change changes a state and wakes who waits.
func (b *book) change(id fhir.ID, change func(*notify.State)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(b.states[id])
	close(b.wake)
	b.wake = make(chan struct{})
}

func (b *book) happen(id fhir.ID, n int64) { b.change(id, func(s *notify.State) { s.Total += n }) }

func (b *book) Wake() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.wake
}

func (b *book) State(_ context.Context, id fhir.ID) (notify.State, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.states[id]
	if s == nil {
		return notify.State{}, fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no Subscription/%s.", id)
	}
	return *s, nil
}

func (b *book) Mine(ctx context.Context, _ *records.Session, id fhir.ID) (notify.State, error) {
	return b.State(ctx, id)
}

func (b *book) MessageFor(ctx context.Context, asks *records.Session, id fhir.ID, kind notify.Kind, content notify.Content, media string, since, until int64, most int) (notify.Message, int64, error) {
	if asks == nil {
		return notify.Message{}, 0, errors.New("events are told without asking who hears them")
	}
	return b.Message(ctx, id, kind, content, media, since, until, most)
}

func (b *book) Message(_ context.Context, id fhir.ID, kind notify.Kind, content notify.Content, _ string, since, until int64, most int) (m notify.Message, last int64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.states[id]
	m = notify.Message{Notification: notify.Notification{ID: "n", Base: "https://ehr.example/fhir", Subscription: id, Topic: s.Topic, Status: s.Status, Kind: kind, Content: s.Content, Total: s.Total}}
	last = since - 1
	for n := max(since, 1); n <= until && len(m.Events) < most; n++ {
		last = n
		if !b.hidden[n] {
			m.Events = append(m.Events, notify.Event{Number: n, Focus: fhir.Key{Type: "Observation", ID: "o"}, Interaction: notify.Create})
		}
	}
	m.Body, err = m.Bundle()
	return m, last, err
}

func (b *book) Took(_ context.Context, id fhir.ID, number int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.states[id].Taken = max(b.states[id].Taken, number)
	return nil
}

func (b *book) taken(id fhir.ID) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.states[id].Taken
}

func (b *book) States(context.Context, fhir.ID, int) ([]notify.State, error) { return nil, nil }
func (b *book) Off(context.Context, fhir.ID, string) error                   { return nil }
func (b *book) Retry(context.Context, fhir.ID) error                         { return nil }
func (b *book) Try(context.Context, fhir.ID) error                           { return nil }

// standings are records.Sessions that end when they are told to.
type standings struct {
	mu    sync.Mutex
	ended bool
}

func (s *standings) Stand(ctx context.Context, door *records.Door, n records.Standing) (*records.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil, records.ErrStanding
	}
	return records.OpenSessions{}.Stand(ctx, door, n)
}

// station is a server of WebSockets with a clock of its own.
type station struct {
	*Sockets
	site    *web.Site
	t       *testing.T
	url     string
	door    *records.Door
	book    *book
	who     *standings
	mu      sync.Mutex
	now     time.Time
	session *records.Session
}

func (s *station) time() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *station) pass(d time.Duration) {
	s.mu.Lock()
	s.now = s.now.Add(d)
	s.mu.Unlock()
	for id := range s.book.states {
		s.book.change(id, func(*notify.State) {})
		return
	}
}

// connected is how many connections there are.
func (s *station) connected() int {
	s.Sockets.mu.Lock()
	defer s.Sockets.mu.Unlock()
	return s.open
}

func newStation(t *testing.T, c SocketConfig, states ...notify.State) *station {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	kept, err := sqlite.Open(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &station{t: t, book: newBook(states...), who: &standings{}, now: time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)}
	s.door, err = records.Open(ctx, records.Config{Store: kept, Definitions: definitions.MustBuiltIn(definitions.R4), Base: "https://ehr.example/fhir", Policy: records.DefaultPolicy()})
	if err != nil {
		t.Fatal(err)
	}
	s.session = s.door.Session(records.Principal{}, nil)
	for _, state := range states {
		key := fhir.Key{Type: "Subscription", ID: state.Subscription}
		body := fmt.Sprintf(`{"resourceType":"Subscription","id":%q,"status":"requested","reason":"test","criteria":"Observation?code=a","channel":{"type":"websocket"}}`, key.ID)
		if _, err := s.session.Update(ctx, key, records.Content{JSON: []byte(body)}, records.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	c.Tenants, c.Clock, c.Log = records.NewTenants(s.door), s.time, slog.New(slog.DiscardHandler)
	c.Logs = func(*records.Door) Log { return s.book }
	c.Sessions = s.who
	s.Sockets = NewSockets(c)
	s.site = web.New(web.Config{Log: c.Log})
	s.Mount(s.site)
	server := httptest.NewServer(s.site)
	s.url = "ws" + strings.TrimPrefix(server.URL, "http") + SocketPath
	t.Cleanup(func() {
		s.Close()
		server.Close()
		if err := s.door.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// active is a Subscription by WebSocket.
func active(id fhir.ID) notify.State {
	return notify.State{Target: notify.Target{Subscription: id, Code: WebSocket, Media: "application/fhir+json", Content: notify.IDOnly}, Topic: "https://ehr.example/topic", Status: "active"}
}

func (s *station) token(ids ...fhir.ID) string {
	s.t.Helper()
	token, err := s.Token(s.session, ids)
	if err != nil {
		s.t.Fatal(err)
	}
	return token.Text
}

// line is a subscriber's end of a WebSocket.
type line struct {
	t    *testing.T
	conn *websocket.Conn
	got  chan string // what was read
	end  error       // of reading, when got is closed
}

// dial opens a WebSocket that is read from all the time, which answers pings.
func (s *station) dial() *line {
	s.t.Helper()
	l := s.dialDeaf()
	go func() {
		defer close(l.got)
		for {
			_, text, err := l.conn.Read(context.Background())
			if err != nil {
				l.end = err
				return
			}
			l.got <- string(text)
		}
	}()
	return l
}

// dialDeaf opens a WebSocket from which nobody reads.
func (s *station) dialDeaf() *line {
	s.t.Helper()
	conn, _, err := websocket.Dial(s.t.Context(), s.url, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	l := &line{t: s.t, conn: conn, got: make(chan string, 100)}
	s.t.Cleanup(func() { _ = conn.CloseNow() })
	return l
}

func (l *line) say(text string) {
	l.t.Helper()
	if err := l.conn.Write(l.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		l.t.Fatal(err)
	}
}

// hear reads the next message.
func (l *line) hear() string {
	l.t.Helper()
	select {
	case text, ok := <-l.got:
		if !ok {
			l.t.Fatal(l.end)
		}
		return text
	case <-time.After(time.Minute):
		l.t.Fatal("nothing is heard")
		return ""
	}
}

// told is what a notification says: its kind, Subscription and the numbers of events.
func (l *line) told() string {
	l.t.Helper()
	text := l.hear()
	var b struct {
		Entry []struct{ Resource json.RawMessage }
		Issue []struct{ Details struct{ Text string } }
	}
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return text
	}
	if len(b.Issue) > 0 {
		return "problem: " + b.Issue[0].Details.Text
	}
	var status struct {
		Parameter []struct {
			Name           string
			ValueCode      string
			ValueReference struct{ Reference string }
			Part           []struct{ Name, ValueString string }
		}
	}
	if err := json.Unmarshal(b.Entry[0].Resource, &status); err != nil {
		l.t.Fatal(err)
	}
	var kind, which, state string
	var numbers []string
	for _, p := range status.Parameter {
		switch p.Name {
		case "type":
			kind = p.ValueCode
		case "status":
			state = p.ValueCode
		case "subscription":
			which = p.ValueReference.Reference[strings.LastIndexByte(p.ValueReference.Reference, '/')+1:]
		case "notification-event":
			numbers = append(numbers, p.Part[0].ValueString)
		}
	}
	return strings.TrimSpace(kind + " " + which + " " + state + " " + strings.Join(numbers, ","))
}

func (l *line) expect(want ...string) {
	l.t.Helper()
	for _, w := range want {
		if got := l.told(); !strings.HasPrefix(got, w) {
			l.t.Fatalf("%q is told, not %q", got, w)
		}
	}
}

// ended reads until the other side closes, and returns how it did.
func (l *line) ended() (status websocket.StatusCode, reason string) {
	l.t.Helper()
	wait := time.After(time.Minute)
	for open := true; open; {
		select {
		case _, open = <-l.got:
		case <-wait:
			l.t.Fatal("it does not end")
		}
	}
	var closed websocket.CloseError
	if errors.As(l.end, &closed) {
		return closed.Code, closed.Reason
	}
	return -1, l.end.Error()
}

// until waits for something to be so.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 12000 {
		if is() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("it never comes that %s", what)
}
