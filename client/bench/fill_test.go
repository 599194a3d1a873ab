package bench

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestWhoFillsAServerComesAgainWhenItIsBusy(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch asked++; {
		case r.URL.Path == "/fhir/never":
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusServiceUnavailable)
		case asked%3 == 1:
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
		case asked%3 == 2:
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	defer server.Close()
	base, err := url.Parse(server.URL + "/fhir")
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{wire: newWire(base, ""), fills: true}
	defer w.wire.close()
	if _, _, err := w.do(t.Context(), http.MethodPost, "/", nil, http.StatusOK); err != nil || asked != 3 {
		t.Errorf("asked %d times, then %v", asked, err)
	}
	if _, _, err := w.do(t.Context(), http.MethodPost, "/never", nil, http.StatusOK); err == nil || !strings.Contains(err.Error(), "503") || asked != 4 {
		t.Errorf("asked %d times, then %v", asked, err)
	}
	w.fills, asked = false, 0
	if _, _, err := w.do(t.Context(), http.MethodPost, "/", nil, http.StatusOK); err == nil || asked != 1 {
		t.Errorf("what is measured was asked %d times: %v", asked, err)
	}
}
