package fhirapi_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
)

func TestADeepNestIsRefused(t *testing.T) {
	s := newServer(t)
	deep := `{"resourceType":"Patient","extension":` + strings.Repeat(`[{"url":"x","extension":`, 10_000) + `[]` + strings.Repeat(`}]`, 10_000) + `}`
	s.do("POST", "/Patient", deep).want(413).outcome("too-costly")
	s.do("POST", "/Patient", strings.Repeat("[", 10_000)).want(413)
	s.do("POST", "/Patient", strings.Repeat(`<a xmlns="http://hl7.org/fhir">`, 10_000), "Content-Type", "application/fhir+xml").want(400)
	deep = `<Patient xmlns="http://hl7.org/fhir">` + strings.Repeat(`<extension url="x">`, 10_000) + strings.Repeat(`</extension>`, 10_000) + `</Patient>`
	s.do("POST", "/Patient", deep, "Content-Type", "application/fhir+xml").want(413).outcome("too-costly").has("Patient.extension")
	s.do("PUT", "/Patient/"+strings.Repeat("x", 65), alice).want(400).has("65")
	s.get("/Patient?" + strings.Repeat("general-practitioner:Practitioner.", 1000) + "name=x").want(400)
	s.get("/$fhirpath?resource=Patient/x&expression=" + strings.Repeat("(", 10_000)).want(400)
}

func TestMalformedDocumentsAreRefusedWithTheirPlace(t *testing.T) {
	s := newServer(t)
	for _, body := range []string{"{", `{"resourceType"`, "null", `"x"`, "\x00", `{"resourceType":"Patient"} {}`, "{\"resourceType\":\"Patient\",\"id\":\"\xff\"}"} {
		s.do("POST", "/Patient", body).want(400).has("OperationOutcome")
	}
	for _, body := range []string{"<", "<Patient/>", `<Patient xmlns="http://hl7.org/fhir"><name></Patient>`, `<!DOCTYPE x [<!ENTITY a "b">]><Patient xmlns="http://hl7.org/fhir"/>`} {
		s.do("POST", "/Patient", body, "Content-Type", "application/fhir+xml").want(400).has("OperationOutcome")
	}
}

func TestAZipBombIsRefusedByTheAPI(t *testing.T) {
	s := newServer(t)
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	for range 100 {
		if _, err := w.Write(bytes.Repeat([]byte(" "), 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s.do("POST", "/Patient", b.String(), "Content-Encoding", "gzip").want(413).outcome("too-costly")
}

func TestACompressedResourceIsStored(t *testing.T) {
	s := newServer(t)
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(alice)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s.do("PUT", "/Patient/alice", b.String(), "Content-Encoding", "gzip").want(201).has("Archer")
}

// A client asks for much and reads nothing, many times over; others are
// served meanwhile, writes too, and the server can stop.
func TestClientsThatStopReadingHoldNothingUp(t *testing.T) {
	ended := &counter{of: []byte("route=search-type")}
	s := newServer(t, func(_ *records.Policy, w *web.Config, _ *records.Config) {
		w.Patience, w.MinRate = 500*time.Millisecond, 64<<20
		w.Log = slog.New(slog.NewTextHandler(ended, nil))
	})
	for i := range 30 {
		s.put(fmt.Sprintf("/Patient/p%d", i), `{"resourceType":"Patient","id":"p`+fmt.Sprint(i)+`","name":[{"family":"`+strings.Repeat("Long", 200_000)+`"}]}`)
	}
	var conns []net.Conn
	for range 10 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() }) // the server may have closed it
		fmt.Fprintf(conn, "GET /fhir/Patient?_count=1000 HTTP/1.1\r\nHost: x\r\nAccept-Encoding: identity\r\n\r\n")
		conns = append(conns, conn)
	}
	start := time.Now()
	s.put("/Patient/alice", alice)
	s.get("/Patient/alice").want(200)
	if took := time.Since(start); took > time.Minute {
		t.Errorf("others waited %s", took)
	}
	for deadline := time.Now().Add(time.Minute); ended.n.Load() < int64(len(conns)); {
		if time.Now().After(deadline) {
			t.Fatal("the server still waits for clients that do not read")
		}
		time.Sleep(20 * time.Millisecond)
	}
	// The server has given up on them: what is still to be read is cut short.
	if err := conns[0].SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	total, buf := 0, make([]byte, 1<<16)
	for {
		n, err := conns[0].Read(buf)
		total += n
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection is still open")
			}
			break
		}
	}
	if total > 30*800_000 {
		t.Errorf("the whole answer of %d bytes came", total)
	}
}

// counter counts the lines of a log that hold a text.
type counter struct {
	of []byte
	n  atomic.Int64
}

func (c *counter) Write(p []byte) (int, error) {
	if bytes.Contains(p, c.of) {
		c.n.Add(1)
	}
	return len(p), nil
}

func TestAHugeBodyIsRefusedByTheAPI(t *testing.T) {
	s := newServer(t, func(_ *records.Policy, w *web.Config, _ *records.Config) { w.MaxBody = 1 << 20 })
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/fhir/Patient", &zeros{left: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = 1 << 30
	req.Header.Set("Content-Type", "application/fhir+json")
	req.Header.Set("Expect", "100-continue")
	resp, err := (&http.Transport{ExpectContinueTimeout: time.Second}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

type zeros struct{ left int64 }

func (z *zeros) Read(p []byte) (int, error) {
	n := min(int64(len(p)), z.left)
	z.left -= n
	return int(n), nil
}
