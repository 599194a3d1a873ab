package subscribe

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/guard"
	"github.com/inglehealth/ingle/records/notify"
)

// received is a request that a receiver got.
type received struct {
	Method, Path, Body string
	Header             http.Header
}

// receiver is a subscriber's server that answers as answer does and keeps what it got.
func receiver(t *testing.T, answer http.HandlerFunc) (*httptest.Server, <-chan received) {
	t.Helper()
	got := make(chan received, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		got <- received{r.Method, r.URL.Path, string(body), r.Header}
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server, got
}

func TestARestHookPostsTheBundleWithTheChannelsHeaders(t *testing.T) {
	server, got := receiver(t, nil)
	channels := open(t, Config{})
	target := hookTo(server.URL + "/hook")
	target.Headers = []string{"Authorization: Bearer abc", "X-Two: a", "X-Two: b"}
	if err := channels.Check(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	m := events(t, target, 1, 2)
	if err := channels.Send(t.Context(), target, m); err != nil {
		t.Fatal(err)
	}
	r := <-got
	if r.Method != "POST" || r.Path != "/hook" || r.Body != string(m.Body) || r.Header.Get("Content-Type") != "application/fhir+json" ||
		r.Header.Get("Authorization") != "Bearer abc" || len(r.Header["X-Two"]) != 2 || !strings.HasPrefix(r.Header.Get("User-Agent"), "Ingle/") {
		t.Errorf("%+v", r)
	}
}

func TestAPlainSubscriptionIsSentAnUpdateOrAnEmptyPost(t *testing.T) {
	server, got := receiver(t, nil)
	channels := open(t, Config{})
	target := hookTo(server.URL + "/base/")
	target.Plain, target.Content = true, notify.FullResource
	m := events(t, target, 1)
	m.Body = m.Events[0].JSON
	if err := channels.Send(t.Context(), target, m); err != nil {
		t.Fatal(err)
	}
	if r := <-got; r.Method != "PUT" || r.Path != "/base/Observation/secret-patient-result" || r.Body != string(m.Body) {
		t.Errorf("%+v", r)
	}
	target.Media, m.Body = "", nil
	if err := channels.Send(t.Context(), target, m); err != nil {
		t.Fatal(err)
	}
	if r := <-got; r.Method != "POST" || r.Path != "/base/" || r.Body != "" || r.Header.Get("Content-Type") != "" {
		t.Errorf("%+v", r)
	}
}

// What went wrong is told apart, in words that hold nothing of what was answered.
func TestWhatGoesWrongWithAnEndpointIsToldApart(t *testing.T) {
	elsewhere, reached := receiver(t, nil)
	closed := httptest.NewServer(nil)
	closed.Close()
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	for name, c := range map[string]struct {
		answer    http.HandlerFunc
		endpoint  string
		permanent bool
		want      string
	}{
		"500": {answer: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "SECRET", 500) }, want: "failed with 500"},
		"404": {answer: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "SECRET", 404) }, want: "refused the notification with 404"},
		"410": {answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(410) }, want: "wants no more", permanent: true},
		"redirect": {answer: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, want: "307, a redirect, which is not followed"},
		"hang": {answer: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, want: "did not answer within 1s"},
		"dribble": {answer: func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, want: "did not answer within 1s"},
		"break": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(200)
			_, _ = w.Write([]byte("half"))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, want: "answered 200 and broke off"},
		"nothing": {answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, want: "broke off"},
		"refused": {endpoint: closed.URL, want: "nobody listens"},
		"unknown": {endpoint: "http://no-such-host.invalid/", want: "name"},
		"tls":     {endpoint: secure.URL, want: "certificate is not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			endpoint := c.endpoint
			if endpoint == "" {
				server, _ := receiver(t, c.answer)
				endpoint = server.URL
			}
			target := hookTo(endpoint)
			target.Timeout = time.Minute
			if strings.HasSuffix(c.want, "within 1s") {
				target.Timeout = time.Second
			}
			err := open(t, Config{}).Send(t.Context(), target, events(t, target, 1))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "SECRET") || strings.Contains(err.Error(), "127.0.0.1") {
				t.Fatalf("%v", err)
			}
			if notify.IsPermanent(err) != c.permanent {
				t.Errorf("permanent: %v", !c.permanent)
			}
		})
	}
	select {
	case <-reached:
		t.Error("a redirect was followed")
	default:
	}
}

func TestPrivateAddressesAreReachedOnlyWhereTheyAreAllowed(t *testing.T) {
	server, got := receiver(t, nil)
	channels := open(t, Config{Guard: &guard.Guard{}})
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	for _, endpoint := range []string{"https://127.0.0.1:" + port, "https://[::1]:" + port, "https://localhost:" + port, "https://10.0.0.1", "https://169.254.169.254/latest", "https://[::ffff:127.0.0.1]:" + port} {
		wantFault(t, channels.Check(t.Context(), hookTo(endpoint)), "endpoint")
	}
	// A name that leads inside is known only when it is dialled.
	for _, endpoint := range []string{server.URL, "http://localhost:" + port} {
		err := channels.Send(t.Context(), hookTo(endpoint), events(t, hookTo(endpoint), 1))
		if !notify.IsPermanent(err) || !strings.Contains(err.Error(), "private address") {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
	if len(got) != 0 {
		t.Error("it was reached")
	}
}

func TestAnEndpointOfARestHookIsAnHTTPSURL(t *testing.T) {
	channels := open(t, Config{})
	for _, endpoint := range []string{"", "hook", "/hook", "ftp://a.example", "http://a.example", "https://user:pass@a.example", "https://a.example/#x", "mailto:a@b.example", "https://"} {
		wantFault(t, channels.Check(t.Context(), hookTo(endpoint)), "endpoint")
	}
	for _, endpoint := range []string{"https://a.example", "https://a.example:8443/x?y=z", "http://127.0.0.1:9/allowed"} {
		if err := channels.Check(t.Context(), hookTo(endpoint)); err != nil {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}

func TestHeadersCannotBreakAMessage(t *testing.T) {
	channels := open(t, Config{})
	for _, header := range []string{"no colon", ": v", "A B: v", "X: a\r\nHost: b", "X: a\nb", "X: \x00", "Host: a", "content-length: 3", "Transfer-Encoding: chunked", "Content-Type: text/html", "Proxy-Authorization: a", "X: ü", "X:" + strings.Repeat("a", maxHeaderBytes)} {
		target := hookTo("https://a.example")
		target.Headers = []string{header}
		wantFault(t, channels.Check(t.Context(), target), "header")
	}
	many := hookTo("https://a.example")
	for range maxHeaders + 1 {
		many.Headers = append(many.Headers, "X: a")
	}
	wantFault(t, channels.Check(t.Context(), many), "header")
}

func TestAChannelThatThereIsNotIsRefusedWithThoseThatThereAre(t *testing.T) {
	channels := open(t, Config{})
	for _, target := range []notify.Target{{Code: "sms"}, {Code: "message"}, {Code: Email}, {System: ChannelSystem, Code: NATS}, {System: "http://other", Code: RestHook}, {}} {
		err := channels.Check(t.Context(), target)
		wantFault(t, err, "type")
		if err == nil || !strings.Contains(err.Error(), "rest-hook, websocket") {
			t.Errorf("%+v: %v", target, err)
		}
	}
}

func TestASendEndsWithItsContext(t *testing.T) {
	server, _ := receiver(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := open(t, Config{}).Send(ctx, hookTo(server.URL), events(t, hookTo(server.URL), 1)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
