package subscribe

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store/sqlite"
)

func TestATokenBindsAWebSocketToSubscriptions(t *testing.T) {
	s := newStation(t, SocketConfig{}, active("a"), active("b"))
	l := s.dial()
	l.say("bind-with-token " + s.token("a"))
	l.expect("handshake a active")
	s.book.happen("a", 2)
	l.expect("event-notification a active 1,2")
	// Another token, for another subscription, on the same connection.
	l.say("bind-with-token " + s.token("b"))
	l.expect("handshake b active")
	s.book.happen("b", 1)
	l.expect("event-notification b active 1")
	s.book.happen("a", 1)
	l.expect("event-notification a active 3")
}

// What was written to a subscriber that is gone has not come.
func TestEventsAreTakenWhenTheSubscriberIsKnownToHaveThem(t *testing.T) {
	s := newStation(t, SocketConfig{Slow: 200 * time.Millisecond}, active("a"))
	l := s.dialDeaf()
	l.say("bind-with-token " + s.token("a"))
	s.book.happen("a", 1)
	until(t, "so many are connected", func() bool { return s.connected() == 0 })
	if n := s.book.taken("a"); n != 0 {
		t.Fatalf("taken up to %d", n)
	}
	again := s.dial()
	again.say("bind-with-token " + s.token("a"))
	again.expect("handshake a", "event-notification a active 1")
}

func TestOneTokenIsForSeveralSubscriptions(t *testing.T) {
	s := newStation(t, SocketConfig{}, active("a"), active("b"))
	l := s.dial()
	l.say("bind-with-token " + s.token("a", "b"))
	l.expect("handshake a active", "handshake b active")
}

func TestWhoComesBackIsToldWhatHappenedMeanwhile(t *testing.T) {
	s := newStation(t, SocketConfig{}, active("a"))
	l := s.dial()
	l.say("bind-with-token " + s.token("a"))
	l.expect("handshake a")
	s.book.happen("a", 1)
	l.expect("event-notification a active 1")
	until(t, "it is known to have come", func() bool { return s.book.taken("a") == 1 })
	_ = l.conn.CloseNow()
	s.book.happen("a", 3)
	again := s.dial()
	again.say("bind-with-token " + s.token("a"))
	again.expect("handshake a", "event-notification a active 2,3,4")
}

func TestNotificationsHaveAtMostSoManyEvents(t *testing.T) {
	state := active("a")
	state.MaxCount = 2
	s := newStation(t, SocketConfig{}, state)
	s.book.happen("a", 5)
	l := s.dial()
	l.say("bind-with-token " + s.token("a"))
	l.expect("handshake a", "event-notification a active 1,2", "event-notification a active 3,4", "event-notification a active 5")
}

func TestEventsThatMayNotBeSeenAreLeftOut(t *testing.T) {
	s := newStation(t, SocketConfig{}, active("a"))
	s.book.hidden[1], s.book.hidden[3] = true, true
	l := s.dial()
	l.say("bind-with-token " + s.token("a"))
	l.expect("handshake a")
	s.book.happen("a", 1)
	s.book.happen("a", 3)
	for want := int64(2); want <= 4; {
		got := l.told()
		switch got {
		case "event-notification a active 2,4":
			want = 5
		case fmt.Sprintf("event-notification a active %d", want):
			want += 2
		default:
			t.Fatal(got)
		}
	}
}

func TestAPlainSubscriptionIsPinged(t *testing.T) {
	state := active("a")
	state.Plain = true
	s := newStation(t, SocketConfig{}, state)
	l := s.dial()
	l.say("bind-with-token " + s.token("a"))
	l.expect("bound a")
	s.book.happen("a", 1)
	l.expect("ping a")
}

func TestATokenThatExpiresEndsItsBinding(t *testing.T) {
	s := newStation(t, SocketConfig{}, active("a"))
	token := s.token("a")
	l := s.dial()
	l.say("bind-with-token " + token)
	l.expect("handshake a")
	s.pass(61 * time.Minute)
	l.expect("problem: The token of Subscription/a has expired")
	s.book.happen("a", 1)
	l.say("bind-with-token " + token)
	l.expect("problem: The token is none of this server, or has expired")
	l.say("bind-with-token: " + s.token("a"))
	l.expect("handshake a", "event-notification a active 1")
}

func TestWhoMayNoMoreIsToldNoMore(t *testing.T) {
	s := newStation(t, SocketConfig{}, active("a"))
	l := s.dial()
	l.say("bind-with-token " + s.token("a"))
	l.expect("handshake a")
	s.who.mu.Lock()
	s.who.ended = true
	s.who.mu.Unlock()
	s.book.happen("a", 1)
	l.expect("problem: Nothing is allowed any more")
}

func TestWhoMayNoMoreIsNotToldThatASubscriptionIsTurnedOff(t *testing.T) {
	s := newStation(t, SocketConfig{}, active("a"))
	l := s.dial()
	l.say("bind-with-token " + s.token("a"))
	l.expect("handshake a")
	s.who.mu.Lock()
	s.who.ended = true
	s.who.mu.Unlock()
	s.book.change("a", func(st *notify.State) { st.Status = "off" })
	l.expect("problem: Nothing is allowed any more")
}

func TestASubscriptionThatIsTurnedOffSaysSo(t *testing.T) {
	s := newStation(t, SocketConfig{}, active("a"))
	l := s.dial()
	l.say("bind-with-token " + s.token("a"))
	l.expect("handshake a")
	s.book.change("a", func(st *notify.State) { st.Status = "off" })
	l.expect("query-status a off")
}

func TestHeartbeatsComeWhenNothingElseDoes(t *testing.T) {
	state := active("a")
	state.Heartbeat = time.Minute
	s := newStation(t, SocketConfig{}, state)
	l := s.dial()
	l.say("bind-with-token " + s.token("a"))
	l.expect("handshake a")
	s.pass(time.Minute)
	l.expect("heartbeat a active")
	s.pass(30 * time.Second)
	s.book.happen("a", 1)
	l.expect("event-notification a active 1")
	s.pass(59 * time.Second)
	s.pass(time.Second)
	l.expect("heartbeat a active")
}

func TestATokenOfAnotherTenantOrOfNobodyBindsNothing(t *testing.T) {
	s, other := newStation(t, SocketConfig{}, active("a")), newStation(t, SocketConfig{}, active("a"))
	l := s.dial()
	for _, token := range []string{other.token("a"), "", "x", s.token("a") + "x"} {
		l.say("bind-with-token " + token)
		l.expect("problem: The token is none of this server")
	}
	l.say("bind a")
	l.expect("problem: Say this: bind-with-token TOKEN")
	l.say("hello")
	if status, _ := l.ended(); status != websocket.StatusPolicyViolation {
		t.Errorf("%v", status)
	}
}

func TestAWebSocketWithoutASubscriptionIsClosed(t *testing.T) {
	s := newStation(t, SocketConfig{Unbound: 50 * time.Millisecond, Clock: nil}, active("a"))
	l := s.dial()
	l.say("hello")
	l.expect("problem") // so that it has begun
	s.pass(time.Second)
	l.say("hello")
	if status, why := l.ended(); status != websocket.StatusPolicyViolation || !strings.Contains(why, "no subscription") {
		t.Errorf("%v %s", status, why)
	}
}

func TestOnlySubscriptionsByWebSocketAreBound(t *testing.T) {
	state := active("a")
	state.Code = RestHook
	s := newStation(t, SocketConfig{}, state)
	l := s.dial()
	l.say("bind-with-token " + s.token("a"))
	l.expect("problem: Subscription/a is not told by WebSocket")
	l.say("bind-with-token " + s.token("nothing"))
	l.expect("problem:")
}

// A subscriber that does not read is cut off, and holds up nobody.
func TestASlowReaderIsCutOffAndHoldsUpNobody(t *testing.T) {
	s := newStation(t, SocketConfig{Slow: 300 * time.Millisecond}, active("a"), active("b"))
	slow, quick := s.dialDeaf(), s.dial()
	slow.say("bind-with-token " + s.token("a"))
	quick.say("bind-with-token " + s.token("b"))
	quick.expect("handshake b")
	// More than the buffers of a connection hold.
	s.book.happen("a", 200_000)
	s.book.happen("b", 1)
	quick.expect("event-notification b active 1")
	until(t, "so many are connected", func() bool { return s.connected() == 1 })
	s.book.happen("b", 1)
	quick.expect("event-notification b active 2")
}

func TestASubscriberThatIsGoneIsFoundOutByAPing(t *testing.T) {
	s := newStation(t, SocketConfig{Ping: 20 * time.Millisecond, Slow: 100 * time.Millisecond}, active("a"))
	s.dialDeaf() // which answers no ping
	until(t, "so many are connected", func() bool { return s.connected() == 0 })
}

func TestAServerThatStopsTellsSubscribersToComeAgain(t *testing.T) {
	s := newStation(t, SocketConfig{}, active("a"))
	l := s.dial()
	l.say("bind-with-token " + s.token("a"))
	l.expect("handshake a")
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Close()
	}()
	if status, _ := l.ended(); status != websocket.StatusGoingAway {
		t.Errorf("%v", status)
	}
	<-done
	if _, response, err := websocket.Dial(t.Context(), s.url, nil); err == nil || response.StatusCode != 503 {
		t.Errorf("%v", err)
	}
}

func TestATenantThatIsShutWaitsForNoWebSocket(t *testing.T) {
	s := newStation(t, SocketConfig{}, active("a"))
	ctx := context.WithoutCancel(t.Context())
	kept, err := sqlite.Open(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	east, err := records.Open(ctx, records.Config{
		Name: "east", Store: kept, Definitions: definitions.MustBuiltIn(definitions.R4), Base: "https://ehr.example/t/east/fhir",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = east.Close() })
	s.config.Tenants.Add(east)
	home := s.dial()
	s.url = strings.Replace(s.url, SocketPath, "/t/east"+SocketPath, 1)
	l := s.dial()
	l.say("hello")
	l.expect("problem") // so that it has begun
	patient, stop := context.WithTimeout(ctx, 20*time.Second)
	defer stop()
	if s.site.Shut(patient, "east"); patient.Err() != nil {
		t.Error("it was cut off")
	}
	if status, _ := l.ended(); status != websocket.StatusGoingAway {
		t.Errorf("%v", status)
	}
	home.say("bind-with-token " + s.token("a"))
	home.expect("handshake a")
}

func TestNoMoreWebSocketsAreOpenedThanAreServed(t *testing.T) {
	s := newStation(t, SocketConfig{Most: 1}, active("a"))
	s.dial()
	if _, response, err := websocket.Dial(t.Context(), s.url, nil); err == nil || response.StatusCode != 503 {
		t.Errorf("%v", err)
	}
}

func TestTheAddressOfWebSocketsIsForWebSocketsAlone(t *testing.T) {
	s := newStation(t, SocketConfig{}, active("a"))
	site := web.New(web.Config{Log: slog.New(slog.DiscardHandler)})
	s.Mount(site)
	for path, want := range map[string]int{SocketPath: 400, "/t/west" + SocketPath: 404} {
		w := httptest.NewRecorder()
		site.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if got := Address(s.door); got != "wss://ehr.example"+SocketPath {
		t.Error(got)
	}
}
