package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The server is told to stop while a request is half sent: it waits for the
// rest, answers, and ends without an error.
func TestARequestUnderWayIsFinishedAtTheEnd(t *testing.T) {
	data := t.TempDir()
	p := startServer(t, "--data", data)
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(p.url, "http://"), "/fhir"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the server may have closed it
	body := `{"resourceType":"Patient","id":"late","active":true}`
	fmt.Fprintf(conn, "PUT /fhir/Patient/late HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/fhir+json\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", len(body))
	answers := bufio.NewReader(conn)
	if _, err := http.ReadResponse(answers, nil); err != nil { // 100: it is under way
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(body[:10])); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { // no new request is answered any more
		status, _ := send(t.Context(), &http.Client{Timeout: time.Second}, "GET", p.url+"/Patient/late", "")
		return status == 0
	})
	if _, err := conn.Write([]byte(body[10:])); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Errorf("status %d", resp.StatusCode)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the server ended with %v", err)
	}
	again := startServer(t, "--data", data)
	if status, body := send(t.Context(), client, "GET", again.url+"/Patient/late", ""); status != 200 {
		t.Errorf("%d %s", status, body)
	}
}
