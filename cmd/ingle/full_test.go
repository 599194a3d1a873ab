package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/disktest"
)

// The disk fills up while clients write: they are told so with 507, reads go
// on, what was acknowledged is there, also after a restart, and writing goes
// on once there is room.
func TestAFullDiskLosesNothing(t *testing.T) {
	dir := disktest.Small(t, "12m")
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 5<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	p := startServer(t, "--data", data)
	var stored []string
	put := func(n int) (int, string) {
		name := fmt.Sprintf("p%d", n)
		// Text that compresses badly, so that the disk fills soon.
		var text strings.Builder
		for i := range 4000 {
			fmt.Fprintf(&text, "%x ", (i+1)*(n+7)*2654435761%1000003)
		}
		status, body := send(t.Context(), client, "PUT", p.url+"/Patient/"+name, `{"resourceType":"Patient","id":"`+name+`","name":[{"text":"`+text.String()+`"}]}`)
		if status/100 == 2 {
			stored = append(stored, name)
		}
		return status, body
	}
	present := func(when string) {
		t.Helper()
		for _, name := range stored {
			if status, body := send(t.Context(), client, "GET", p.url+"/Patient/"+name, ""); status != 200 {
				t.Errorf("%s: %s was acknowledged, now %d %.200s", when, name, status, body)
			}
		}
	}
	n := 0
	for ; n < 2000; n++ {
		status, body := put(n)
		if status/100 == 2 {
			continue
		}
		if status != 507 || !strings.Contains(body, `"no-store"`) {
			t.Errorf("the disk is full: %d %.300s", status, body)
		}
		break
	}
	if n == 2000 {
		t.Fatal("the disk did not fill up")
	}
	if status, body := put(n + 1); status/100 == 2 {
		t.Log("there was a little room left")
	} else if status != 507 {
		t.Errorf("still full: %d %.300s", status, body)
	}
	present("while the disk is full")
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if status, body := put(n + 2); status/100 != 2 {
		t.Errorf("there is room again: %d %.300s", status, body)
	}
	present("with room again")
	p.kill()
	p = startServer(t, "--data", data)
	present("after a restart")
	t.Logf("%d resources were stored before the disk was full", n)
}
