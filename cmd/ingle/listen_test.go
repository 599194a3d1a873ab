package main

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

// A page of another site can have a name of its own lead to the loopback address
// (DNS rebinding), and then read what an open server answers.
func TestAnOpenServerDoesNotGoByForeignNames(t *testing.T) {
	p := startServer(t, "--sandbox", castAlone)
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

func TestBrowsersAreBoundToTLSWhereItIsReal(t *testing.T) {
	const year = 365 * 24 * time.Hour
	proxy := []string{"10.0.0.1"}
	for name, c := range map[string]struct {
		flags listenFlags
		want  time.Duration
	}{
		"a certificate":              {listenFlags{tlsFlags: tlsFlags{TLSCert: "f", TLSKey: "f"}}, year},
		"a certificate of its own":   {listenFlags{tlsFlags: tlsFlags{TLSDev: true}}, 0},
		"its own behind a proxy":     {listenFlags{tlsFlags: tlsFlags{TLSDev: true}, BaseURL: "https://ehr.example", Proxies: proxy}, 0},
		"a proxy with TLS":           {listenFlags{BaseURL: "https://ehr.example", Proxies: proxy}, year},
		"a proxy nobody knows":       {listenFlags{BaseURL: "https://ehr.example"}, 0},
		"a proxy without TLS":        {listenFlags{BaseURL: "http://ehr.example", Proxies: proxy}, 0},
		"a certificate of localhost": {listenFlags{tlsFlags: tlsFlags{TLSCert: "f", TLSKey: "f"}, BaseURL: "https://localhost:8443"}, 0},
		"nothing":                    {listenFlags{}, 0},
	} {
		c.flags.HSTS = year
		if got := c.flags.strict(); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
		if c.flags.HSTS = 0; c.flags.strict() != 0 {
			t.Errorf("%s, switched off: %s", name, c.flags.strict())
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
