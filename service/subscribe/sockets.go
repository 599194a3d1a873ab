package subscribe

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// SocketPath is where WebSockets are opened, below the tenant.
const SocketPath = "/subscriptions/websocket"

// Log is what Sockets read: *records.Subscriptions.
type Log interface {
	notify.Log
	// Mine is the state of a Subscription for a session of whom it is for, and a fault
	// for others.
	Mine(ctx context.Context, session *records.Session, id fhir.ID) (notify.State, error)
	// MessageFor is Message for a session that asks: of the events those that it may
	// see, too.
	MessageFor(ctx context.Context, asks *records.Session, id fhir.ID, kind notify.Kind, content notify.Content, media string, since, until int64, most int) (m notify.Message, last int64, err error)
}

// SocketConfig is what Sockets need. A bound of 0 means its default.
type SocketConfig struct {
	Tenants  *records.Tenants             // required
	Logs     func(door *records.Door) Log // required
	Sessions records.Sessions             // required: of whom tokens were made for
	Clock    func() time.Time             // nil: time.Now
	Log      *slog.Logger                 // nil: slog.Default()

	Most    int           // connections of this process (4096)
	Unbound time.Duration // how long one may be without a subscription (30 s)
	Ping    time.Duration // how often the other side is asked whether it is there (30 s)
	Look    time.Duration // how often subscriptions are looked at when nothing happens (5 s)
	Slow    time.Duration // how long the other side may take for one message or ping (10 s)
	Valid   time.Duration // how long a token is (an hour)
}

func (c SocketConfig) withDefaults() SocketConfig {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	or := func(d *time.Duration, fallback time.Duration) {
		if *d == 0 {
			*d = fallback
		}
	}
	or(&c.Unbound, 30*time.Second)
	or(&c.Ping, 30*time.Second)
	or(&c.Look, 5*time.Second)
	or(&c.Slow, 10*time.Second)
	or(&c.Valid, time.Hour)
	if c.Most == 0 {
		c.Most = 4096
	}
	return c
}

// Sockets are the WebSockets of a process: each reads the log of the subscriptions
// that it is bound to, so any process serves any subscription. They are safe for
// concurrent use.
type Sockets struct {
	config SocketConfig
	ctx    context.Context // ends when they are closed
	stop   context.CancelFunc

	mu      sync.Mutex
	open    int
	closed  bool
	running sync.WaitGroup
}

// NewSockets makes Sockets, which are closed by whoever made them.
func NewSockets(c SocketConfig) *Sockets {
	s := &Sockets{config: c.withDefaults()}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// Close tells all subscribers to come again, and waits until they are gone.
func (s *Sockets) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	s.running.Wait()
}

// Mount serves WebSockets of every tenant.
func (s *Sockets) Mount(site *web.Site) {
	site.Handle("GET "+SocketPath, http.HandlerFunc(s.serve))
	site.Handle("GET /t/{tenant}"+SocketPath, http.HandlerFunc(s.serve))
}

// Address is the URL of a tenant's WebSockets.
func Address(door *records.Door) string {
	base := strings.TrimSuffix(door.Base(), "/fhir") + SocketPath
	if rest, ok := strings.CutPrefix(base, "http"); ok { // https becomes wss
		return "ws" + rest
	}
	return base
}

func (s *Sockets) serve(w http.ResponseWriter, r *http.Request) {
	door, ok := s.config.Tenants.Door(r.PathValue("tenant"))
	if !ok {
		web.Fail(w, r, fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no tenant of that name on this server."))
		return
	}
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		w.Header().Set("Upgrade", "websocket")
		web.Fail(w, r, fault.New(fault.Invalid, fault.CodeProcessing, "", "This address is for WebSockets: open it with the token of Subscription/$get-ws-binding-token."))
		return
	}
	if !s.enter() {
		web.Fail(w, r, fault.New(fault.Unavailable, fault.CodeThrottled, "", "This server has as many WebSockets as it serves. Try again later."))
		return
	}
	defer s.leave()
	x := web.From(r.Context())
	address := limits.Who{Address: x.Client().Address, Counted: true}
	flights := flights{}
	defer flights.end()
	if v := flights.open(door.Limits(), address); v.Refused {
		web.Fail(w, r, x.Limit(v))
		return
	}
	// What opens it is the token alone, which no page has of another: any origin may try.
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return // it has answered
	}
	c := &connection{
		sockets: s, door: door, log: s.config.Logs(door), conn: conn, bound: map[string]*binding{},
		sent: map[fhir.ID]int64{}, ask: make(chan map[fhir.ID]int64, 1), came: make(chan map[fhir.ID]int64),
		address: address, flights: flights,
	}
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	defer context.AfterFunc(r.Context(), stop)()
	defer context.AfterFunc(x.Stays(), stop)()
	c.run(ctx)
}

func (s *Sockets) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.open >= s.config.Most {
		return false
	}
	s.open++
	s.running.Add(1)
	return true
}

func (s *Sockets) leave() {
	s.mu.Lock()
	s.open--
	s.mu.Unlock()
	s.running.Done()
}
