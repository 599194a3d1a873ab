package bench

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestTheWireReadsEveryFormOfAnswer(t *testing.T) {
	connections := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connections[r.RemoteAddr] = true
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Location", "http://"+r.Host+"/fhir/Patient/1")
		switch r.URL.Path {
		case "/fhir/none":
			w.WriteHeader(http.StatusNoContent)
		case "/fhir/chunks":
			for range 3 {
				_, _ = io.WriteString(w, strings.Repeat("x", 5000))
				w.(http.Flusher).Flush()
			}
		case "/fhir/close":
			w.Header().Set("Connection", "close")
			_, _ = io.WriteString(w, "bye")
		default:
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, r.Method+" "+r.Header.Get("Authorization")+" "+string(body))
		}
	}))
	defer server.Close()
	base, err := url.Parse(server.URL + "/fhir")
	if err != nil {
		t.Fatal(err)
	}
	c := newWire(base, "secret")
	defer c.close()
	for _, x := range []struct {
		path, body, want string
		status           int
	}{
		{"/Patient", "{}", "POST Bearer secret {}", 201},
		{"/none", "{}", "", 204},
		{"/chunks", "{}", strings.Repeat("x", 15000), 200},
		{"/Patient", "[]", "POST Bearer secret []", 201},
		{"/close", "{}", "bye", 200},
		{"/Patient", "{}", "POST Bearer secret {}", 201},
	} {
		a, err := c.send(t.Context(), http.MethodPost, x.path, []byte(x.body))
		if err != nil || a.status != x.status || string(a.body) != x.want || a.location != server.URL+"/fhir/Patient/1" {
			t.Errorf("%s: %d %.60q %s, %v", x.path, a.status, a.body, a.location, err)
		}
	}
	if len(connections) != 2 {
		t.Errorf("%d connections, not one until the server closed it and one after", len(connections))
	}
}

func TestABrokenAnswerIsAnError(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_, err = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort")
		}
		if err != nil || conn.Close() != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newWire(base, "").send(t.Context(), http.MethodGet, "/x", nil); err == nil {
		t.Error("a short body was accepted")
	}
}
