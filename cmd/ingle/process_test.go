package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a running `ingle serve`.
type process struct {
	token string // that a sandbox shows
	cmd   *exec.Cmd
	url   string // FHIR base

	metrics string           // address, when they are served
	log     *strings.Builder // stderr, to be read when the process has ended
}

var (
	greeting   = regexp.MustCompile(`serves FHIR at (\S+)`)
	shownToken = regexp.MustCompile(`TOKEN=(igl_at_\S+)`)
	metricsAt  = regexp.MustCompile(`Metrics for Prometheus are at (\S+)`)
)

// startServer starts an open server of its own and waits for its greeting. The
// test kills it at the end, if it did not before.
func startServer(t testing.TB, args ...string) *process {
	t.Helper()
	return startClosed(t, append([]string{"--open"}, args...)...)
}

// startClosed starts one with authorization.
func startClosed(t testing.TB, args ...string) *process {
	t.Helper()
	cmd := exec.Command("ingle", append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, log: &errs}
	t.Cleanup(p.kill)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		line := lines.Text()
		if m := greeting.FindStringSubmatch(line); m != nil {
			p.url = m[1]
		}
		if m := metricsAt.FindStringSubmatch(line); m != nil {
			p.metrics = m[1]
		}
		if m := shownToken.FindStringSubmatch(line); m != nil {
			p.token = m[1]
		}
		if strings.Contains(line, "/fhir/") { // the last lines say what to try
			break
		}
	}
	if p.url == "" {
		t.Fatalf("the server did not start: %v: %s", cmd.Wait(), errs.String())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // until the process ends
	return p
}

// kill ends the process at once, as SIGKILL does.
func (p *process) kill() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // it says that the process was killed
	}
}

// halt stops the process where it is, so that it gets no further before it is killed.
func (p *process) halt(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}

// send posts or gets and returns status and body; 0 when there was no answer.
func send(ctx context.Context, client *http.Client, method, url, body string, header ...string) (int, string) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	req.Header.Set("Content-Type", "application/fhir+json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(read)
}

var client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

func pairOf(name string) string {
	return fmt.Sprintf(`{"resourceType":"Bundle","type":"transaction","entry":[
	{"fullUrl":"urn:uuid:a0000000-0000-4000-8000-000000000000","resource":{"resourceType":"Patient","identifier":[{"system":"urn:pair","value":"%[1]s"}]},"request":{"method":"POST","url":"Patient"}},
	{"resource":{"resourceType":"Observation","status":"final","code":{"text":"x"},"identifier":[{"system":"urn:pair","value":"%[1]s"}],"subject":{"reference":"urn:uuid:a0000000-0000-4000-8000-000000000000"}},"request":{"method":"POST","url":"Observation"}}]}`, name)
}
