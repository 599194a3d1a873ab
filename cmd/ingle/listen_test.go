package main

import (
	"net/http"
	"slices"
	"testing"
)

// A page of another site can have a name of its own lead to the loopback address
// (DNS rebinding), and then read what an open server answers.
func TestAnOpenServerDoesNotGoByForeignNames(t *testing.T) {
	p := startServer(t, "--sandbox")
	for host, want := range map[string]int{"evil.example": 403, "127.0.0.1.evil.example": 403, "localhost": 200, "127.0.0.1": 200} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/Patient/maria", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body.Close(); resp.StatusCode != want {
			t.Errorf("%s: %s", host, resp.Status)
		}
	}
}

func TestAnOpenServerGoesByTheNameOfItsBaseURL(t *testing.T) {
	f := listenFlags{Open: true, BaseURL: "https://EHR.example:8443/x"}
	if got := f.hosts(); !slices.Equal(got, []string{"localhost", "ehr.example"}) {
		t.Error(got)
	}
	if f.Open = false; f.hosts() != nil {
		t.Error("a server with authorization is bound to names")
	}
}
