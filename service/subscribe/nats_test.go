package subscribe

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/inglehealth/ingle/records/notify"
)

// startNATS runs a NATS server inside the test.
func startNATS(t *testing.T, stream bool, port int) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoLog: true, NoSigs: true, JetStream: stream, StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	stop := func() {
		s.Shutdown()
		s.WaitForShutdown()
	}
	t.Cleanup(stop)
	return s
}

func dialNATS(t *testing.T, s *server.Server) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// published is a target of NATS.
func published(content notify.Content) notify.Target {
	return notify.Target{Tenant: "east", Subscription: "s1", System: ChannelSystem, Code: NATS, Media: "application/fhir+json", Content: content, Timeout: 5 * time.Second}
}

func TestNATSTakesNotificationsForWhoListens(t *testing.T) {
	s := startNATS(t, false, server.RANDOM_PORT)
	channels := open(t, Config{NATS: &Broker{URL: s.ClientURL(), Prefix: "ingle"}})
	conn := dialNATS(t, s)
	listening, err := conn.SubscribeSync("ingle.east.>")
	if err != nil || conn.Flush() != nil {
		t.Fatal(err)
	}
	target := published(notify.FullResource)
	if err := channels.Check(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	m := events(t, target, 3, 4)
	if err := channels.Send(t.Context(), target, m); err != nil {
		t.Fatal(err)
	}
	got, err := listening.NextMsg(10 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if got.Subject != "ingle.east.s1" || string(got.Data) != string(m.Body) || got.Header.Get("Content-Type") != "application/fhir+json" || got.Header.Get("Nats-Msg-Id") != "east/s1/3-4" {
		t.Errorf("%+v", got)
	}
}

func TestAStreamKeepsNotificationsAndDropsWhatComesTwice(t *testing.T) {
	s := startNATS(t, true, server.RANDOM_PORT)
	conn := dialNATS(t, s)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "INGLE", Subjects: []string{"ingle.>"}})
	if err != nil {
		t.Fatal(err)
	}
	channels := open(t, Config{NATS: &Broker{URL: s.ClientURL(), Prefix: "ingle"}})
	target := published(notify.IDOnly)
	for _, numbers := range [][]int64{{1}, {1}, {2, 3}, {2, 3}, {4}} {
		if err := channels.Send(t.Context(), target, events(t, target, numbers...)); err != nil {
			t.Fatal(err)
		}
	}
	info, err := stream.Info(t.Context())
	if err != nil || info.State.Msgs != 3 {
		t.Errorf("%d messages, %v", info.State.Msgs, err)
	}
}

func TestNATSMayBeAwayAndComesBack(t *testing.T) {
	s := startNATS(t, false, server.RANDOM_PORT)
	port := s.Addr().(*net.TCPAddr).Port
	channels := open(t, Config{NATS: &Broker{URL: s.ClientURL(), Prefix: "ingle"}})
	target := published(notify.IDOnly)
	target.Timeout = time.Second
	if err := channels.Send(t.Context(), target, events(t, target, 1)); err != nil {
		t.Fatal(err)
	}
	s.Shutdown()
	s.WaitForShutdown()
	if err := channels.Send(t.Context(), target, events(t, target, 2)); err == nil || notify.IsPermanent(err) || !strings.Contains(err.Error(), "NATS") {
		t.Fatalf("while it is away: %v", err)
	}
	startNATS(t, false, port)
	for {
		err := channels.Send(t.Context(), target, events(t, target, 2))
		if err == nil {
			return
		}
		if notify.IsPermanent(err) {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func TestResourcesGoToNATSByTLSAlone(t *testing.T) {
	channels := open(t, Config{NATS: &Broker{URL: "nats://nats.invalid:4222", Prefix: "ingle"}})
	wantFault(t, channels.Check(t.Context(), published(notify.FullResource)), "payload")
	if err := channels.Check(t.Context(), published(notify.IDOnly)); err != nil {
		t.Error(err)
	}
	allowed := open(t, Config{NATS: &Broker{URL: "nats://nats.invalid:4222", Prefix: "ingle", Allowed: func(host string) bool { return host == "nats.invalid" }}})
	if err := allowed.Check(t.Context(), published(notify.FullResource)); err != nil {
		t.Error(err)
	}
	target := published(notify.IDOnly)
	target.Endpoint = "nats://elsewhere"
	wantFault(t, channels.Check(t.Context(), target), "endpoint")
}

func TestAPrefixOfSubjectsHasNoWildcards(t *testing.T) {
	for _, prefix := range []string{"", "a.*", ">", "a b", "a.", "$SYS"} {
		if _, err := New(Config{Guard: loopbackAllowed(t), NATS: &Broker{URL: "nats://127.0.0.1:1", Prefix: prefix}}); err == nil {
			t.Errorf("%q is taken", prefix)
		}
	}
}
