package subscribe

import (
	"net/http"
	"testing"

	"github.com/coder/websocket"

	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/records"
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
