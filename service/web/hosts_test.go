package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestAServerGoesByItsNamesAndAddressesOnly(t *testing.T) {
	for _, c := range []struct {
		hosts []string
		host  string
		want  int
	}{
		{nil, "evil.example", 200},
		{[]string{"localhost"}, "localhost", 200},
		{[]string{"localhost"}, "LOCALHOST:8080", 200},
		{[]string{"localhost"}, "127.0.0.1:8080", 200},
		{[]string{"localhost"}, "[::1]:8080", 200},
		{[]string{"localhost"}, "[::1]", 200},
		{[]string{"localhost", "ehr.example"}, "ehr.example:8080", 200},
		{[]string{"localhost"}, "evil.example", 403},
		{[]string{"localhost"}, "evil.example:8080", 403},
		{[]string{"localhost"}, "localhost.evil.example", 403},
		{[]string{"localhost"}, "127.0.0.1.evil.example:8080", 403},
		{[]string{"localhost"}, "", 403},
	} {
		site := New(Config{Hosts: c.hosts})
		site.Handle("/x", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		r := httptest.NewRequest(http.MethodGet, "/x", nil)
		r.Host = c.host
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%q of %v: %d", c.host, c.hosts, w.Code)
		}
	}
}
