package main

import (
	"strings"
	"testing"
)

func TestInADowntimeTheServerIsReadAndNotWritten(t *testing.T) {
	p := startServer(t, "--sandbox", "--read-only")
	hasPatients(t, p, "20") // they are all that there will be
	status, body := send(t.Context(), client, "POST", p.url+"/Patient", `{"resourceType":"Patient"}`)
	if status != 503 || !strings.Contains(body, "read-only downtime") {
		t.Error(status, body)
	}
	if status, body = send(t.Context(), client, "GET", p.url+"/Patient/maria", ""); status != 200 {
		t.Error(status, body)
	}
}
