package subscribe

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/fhir"
)

func (s *station) limit(text string) {
	s.t.Helper()
	r, err := limits.ParseRule(text)
	if err == nil {
		_, err = s.door.Limits().Put(s.t.Context(), r, "test")
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// tokenOf is a token for a user of an app.
func (s *station) tokenOf(app, user string, ids ...fhir.ID) string {
	s.t.Helper()
	token, err := s.Token(s.door.Session(records.Principal{Standing: records.Standing{Client: app, User: user}}, nil), ids)
	if err != nil {
		s.t.Fatal(err)
	}
	return token.Text
}

// refused tries to open a WebSocket that there may not be.
func (s *station) refused() {
	s.t.Helper()
	conn, response, err := websocket.Dial(s.t.Context(), s.url, nil)
	if err == nil {
		_ = conn.CloseNow()
		s.t.Fatal("it is opened")
	}
	if response.StatusCode != http.StatusTooManyRequests || response.Header.Get("Retry-After") == "" {
		s.t.Errorf("%s %v", response.Status, response.Header)
	}
}

// throttled is told that a limit is reached, and cut off.
func (l *line) throttled() {
	l.t.Helper()
	l.expect("problem: Too much was asked for")
	if status, _ := l.ended(); status != websocket.StatusTryAgainLater {
		l.t.Error(status)
	}
}

func TestNobodyWithoutATokenHasAllWebSockets(t *testing.T) {
	s := newStation(t, SocketConfig{}, active("a"))
	s.limit("address 127.0.0.1 in-flight 2")
	one, _ := s.dial(), s.dial()
	s.refused()
	// It counts for its user from now on.
	one.say("bind-with-token " + s.tokenOf("app", "ann", "a"))
	one.expect("handshake a")
	s.dial()
	s.refused()
}

func TestATokenOfNoAppAndNoUserCountsForItsAddress(t *testing.T) {
	s := newStation(t, SocketConfig{}, active("a"))
	s.limit("address 127.0.0.1 in-flight 1")
	one := s.dial()
	one.say("bind-with-token " + s.token("a"))
	one.expect("handshake a")
	s.refused()
}

func TestAWebSocketIsOneOfTheRequestsAtOnceOfItsUser(t *testing.T) {
	s := newStation(t, SocketConfig{}, active("a"), active("b"))
	s.limit("user in-flight 1")
	s.limit("app in-flight 1")
	one := s.dial()
	for _, id := range []fhir.ID{"a", "b"} { // it counts once
		one.say("bind-with-token " + s.tokenOf("app", "ann", id))
		one.expect("handshake " + string(id))
	}
	two := s.dial()
	two.say("bind-with-token " + s.tokenOf("app", "ann", "a"))
	two.throttled()
	// Another user of the app, and a service without any.
	for _, token := range []string{s.tokenOf("app", "bob", "a"), s.tokenOf("service", "", "a")} {
		l := s.dial()
		l.say("bind-with-token " + token)
		l.expect("handshake a")
	}
	again := s.dial()
	again.say("bind-with-token " + s.tokenOf("service", "", "a"))
	again.throttled()
	// What ends counts no more.
	_ = one.conn.CloseNow()
	until(t, "it is gone", func() bool { return s.connected() == 2 })
	three := s.dial()
	three.say("bind-with-token " + s.tokenOf("app", "ann", "a"))
	three.expect("handshake a")
}

func TestWhatIsBoundAgainAndAgainCountsAsRequests(t *testing.T) {
	s := newStation(t, SocketConfig{}, active("a"), active("b"))
	s.limit("user requests 3/h burst 3")
	l := s.dial()
	token := s.tokenOf("app", "ann", "a", "b")
	l.say("bind-with-token " + token)
	l.expect("handshake a", "handshake b")
	l.say("bind-with-token " + token)
	l.expect("handshake a")
	l.throttled()
}

// hold counts one more request at once of somebody, if there may be one.
func (s *station) hold(who limits.Who) {
	s.t.Helper()
	flight, v := s.door.Limits().Begin(who)
	if v.Refused {
		s.t.Fatalf("there is no place: %s", v.Reason())
	}
	s.t.Cleanup(flight.End)
}

func (s *station) end() {
	s.who.mu.Lock()
	defer s.who.mu.Unlock()
	s.who.ended = true
}

func TestATokenWhoseAccessWasEndedTakesNothingOfItsUser(t *testing.T) {
	s := newStation(t, SocketConfig{}, active("a"))
	s.limit("user in-flight 1")
	s.limit("user requests 1/h burst 1")
	s.limit("address 127.0.0.1 in-flight 1")
	s.end()
	l := s.dial()
	l.say("bind-with-token " + s.tokenOf("evil", "ann", "a"))
	l.expect("problem: Nothing is allowed any more")
	s.refused() // it counts for its address as before
	s.hold(limits.Who{User: "ann"})
	if v := s.door.Limits().Take(limits.Requests, limits.Who{User: "ann"}, 1); v.Refused {
		t.Error(v.Reason())
	}
}

func TestTokensWhoseAccessWasEndedAreRequestsOfTheirAddress(t *testing.T) {
	s := newStation(t, SocketConfig{}, active("a"))
	s.limit("address 127.0.0.1 requests 3/h burst 3")
	s.end()
	l := s.dial()
	token := s.tokenOf("evil", "ann", "a")
	for range 3 {
		l.say("bind-with-token " + token)
		l.expect("problem: Nothing is allowed any more")
	}
	l.say("bind-with-token " + token)
	l.throttled()
}

func TestAWebSocketCountsNoMoreForWhomNothingIsBound(t *testing.T) {
	s := newStation(t, SocketConfig{}, active("a"), active("b"))
	s.limit("user in-flight 1")
	s.limit("address 127.0.0.1 in-flight 1")
	l := s.dial()
	l.say("bind-with-token " + s.tokenOf("app", "ann", "a"))
	l.expect("handshake a")
	l.say("bind-with-token " + s.tokenOf("app", "bob", "b"))
	l.expect("handshake b")
	s.book.change("a", func(st *notify.State) { st.Status = "off" })
	l.expect("query-status a off")
	s.hold(limits.Who{User: "ann"})
	s.book.change("b", func(st *notify.State) { st.Status = "off" })
	l.expect("query-status b off")
	s.hold(limits.Who{User: "bob"})
	s.refused() // it counts for its address again
}

func TestATokenThatBindsNothingKeepsNoWebSocketOpen(t *testing.T) {
	s := newStation(t, SocketConfig{}, active("a"))
	s.end()
	token := s.tokenOf("evil", "ann", "a")
	l := s.dial()
	for range 2 {
		l.say("bind-with-token " + token)
		l.expect("problem: Nothing is allowed any more")
		s.pass(20 * time.Second)
	}
	if status, why := l.ended(); status != websocket.StatusPolicyViolation || !strings.Contains(why, "no subscription") {
		t.Errorf("%v %s", status, why)
	}
}

func TestATokenOfNoAppAndNoUserIsARequestOfItsAddress(t *testing.T) {
	s := newStation(t, SocketConfig{}, active("a"))
	s.limit("address 127.0.0.1 requests 3/h burst 3")
	l := s.dial()
	token := s.token("a")
	for range 3 {
		l.say("bind-with-token " + token)
		l.expect("handshake a")
	}
	l.say("bind-with-token " + token)
	l.throttled()
}

func TestAWebSocketIsOneOfTheRequestsAtOnceOfTheTenant(t *testing.T) {
	s := newStation(t, SocketConfig{}, active("a"), active("b"))
	s.limit("tenant in-flight 1")
	l := s.dial()
	s.refused()
	l.say("bind-with-token " + s.tokenOf("app", "ann", "a"))
	l.expect("handshake a")
	l.say("bind-with-token " + s.tokenOf("app", "bob", "b"))
	l.expect("handshake b")
	s.refused()
	_ = l.conn.CloseNow()
	until(t, "it is gone", func() bool { return s.connected() == 0 })
	s.dial()
}
