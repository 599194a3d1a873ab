package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/disktest"
)

// The disk fills up while an import is loaded: it says so and waits, and goes on to its
// end once there is room.
func TestAnImportWaitsForRoomOnAFullDisk(t *testing.T) {
	dir := disktest.Small(t, "80m")
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 64<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	const n = 1500
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, `{"resourceType":"Patient","id":"p%d","name":[{"text":"`, i)
		for k := range 500 { // text that compresses badly
			fmt.Fprintf(&text, "%x ", (k+1)*(i+7)*2654435761%1000003)
		}
		text.WriteString("\"}]}\n")
	}
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(text.String())) }))
	defer source.Close()
	p := startServer(t, "--data", filepath.Join(dir, "data"), "--import-allow", "127.0.0.1")
	q, err := http.NewRequestWithContext(t.Context(), "POST", p.url+"/$import", strings.NewReader(`{"input":[{"type":"Patient","url":"`+source.URL+`/p.ndjson"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	a, err := client.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	_ = a.Body.Close()
	at := a.Header.Get("Content-Location")
	if a.StatusCode != 202 {
		t.Fatal(a.StatusCode)
	}
	full := false
	for range 1200 {
		a, err := client.Get(at)
		if err != nil {
			t.Fatal(err)
		}
		_ = a.Body.Close()
		if a.StatusCode != 202 {
			break
		}
		if strings.Contains(a.Header.Get("X-Progress"), "storage is full") {
			full = true
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !full {
		t.Error("it never said that the disk is full")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if s := overAt(t, p, at[strings.LastIndex(at, "/")+1:]); s.Accepted+s.Matched != n || s.Refused != 0 || s.Lines != n {
		t.Errorf("%+v", s)
	}
	if _, body := send(t.Context(), client, "GET", p.url+"/Patient/_history?_summary=count", ""); !strings.Contains(body, fmt.Sprintf(`"total":%d`, n)) {
		t.Errorf("%.300s", body)
	}
}
