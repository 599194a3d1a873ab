package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/disktest"
)

// exported is how many Patients the tests of exports put in, each with a text that
// compresses badly, so that portions and files are small.
const exported = 1500

func fillToExport(t *testing.T, p *process) {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 7))
	for n := 0; n < exported; {
		var b strings.Builder
		b.WriteString(`{"resourceType":"Bundle","type":"transaction","entry":[`)
		for i := range 50 {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"resource":{"resourceType":"Patient","id":"p%d","name":[{"text":"`, n)
			for range 1500 {
				fmt.Fprintf(&b, "%x", r.Uint64())
			}
			fmt.Fprintf(&b, `"}]},"request":{"method":"PUT","url":"Patient/p%d"}}`, n)
			n++
		}
		b.WriteString("]}")
		if status, answer := send(t.Context(), client, "POST", p.url, b.String()); status != 200 {
			t.Fatalf("%d %.300s", status, answer)
		}
	}
}

// kickOff begins an export and returns the part of its address that is the same whatever
// port the server has.
func kickOff(t *testing.T, p *process) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", p.url+"/$export", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Prefer", "respond-async")
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, id, ok := strings.Cut(resp.Header.Get("Content-Location"), "/$export/")
	if resp.StatusCode != 202 || !ok {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	return "/$export/" + id
}

// status is the status of an export, with the manifest when it is done.
func exportStatus(t *testing.T, p *process, path string) (int, string, []string) {
	t.Helper()
	resp, err := client.Get(p.url + path)
	if err != nil {
		return 0, "", nil
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		return resp.StatusCode, resp.Header.Get("X-Progress"), nil
	}
	var m struct{ Output []struct{ URL string } }
	if err := json.NewDecoder(resp.Body).Decode(&m); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range m.Output {
		names = append(names, f.URL[strings.Index(f.URL, "/$export/"):])
	}
	return 200, "", names
}

// onceEach fails unless the files of an export have each Patient once.
func onceEach(t *testing.T, p *process, files []string) {
	t.Helper()
	seen := map[string]int{}
	for _, name := range files {
		resp, err := client.Get(p.url + name)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: %v %v", name, resp, err)
		}
		scan := bufio.NewScanner(resp.Body)
		scan.Buffer(nil, 1<<20)
		for scan.Scan() {
			var r struct{ ID string }
			if err := json.Unmarshal(scan.Bytes(), &r); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			seen[r.ID]++
		}
		if err := scan.Err(); err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s is there %d times", id, n)
		}
	}
	if len(seen) != exported {
		t.Errorf("%d of %d Patients: %v", len(seen), exported, slices.Sorted(maps.Keys(seen)))
	}
}

// The server is killed at random moments of an export and started again: the export goes
// on, and has each line once.
func TestAnExportGoesOnWhenTheServerIsKilled(t *testing.T) {
	for name, where := range map[string]func(*testing.T) []string{
		"SQLite":     func(t *testing.T) []string { return []string{"--data", t.TempDir()} },
		"PostgreSQL": func(t *testing.T) []string { return []string{"--database", newDatabase(t), "--export-to", t.TempDir()} },
	} {
		t.Run(name, func(t *testing.T) {
			args := append(where(t), "--export-part", "1KiB")
			p := startServer(t, args...)
			fillToExport(t, p)
			path := kickOff(t, p)
			kills := 0
			for range 6 {
				time.Sleep(time.Duration(5+rand.IntN(80)) * time.Millisecond)
				if status, _, _ := exportStatus(t, p, path); status == 200 {
					break
				}
				p.kill()
				kills++
				p = startServer(t, args...)
			}
			var files []string
			for deadline := time.Now().Add(2 * time.Minute); files == nil; time.Sleep(1100 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the export does not end")
				}
				_, _, files = exportStatus(t, p, path)
			}
			onceEach(t, p, files)
			if len(files) < 3 || kills == 0 {
				t.Errorf("%d files, %d kills: too few to say anything", len(files), kills)
			}
			t.Logf("%d files, %d kills", len(files), kills)
		})
	}
}

// Of two servers on one database the one that writes an export is killed: the other one
// takes it over, and the files have each line once.
func TestAnExportIsTakenOverByAnotherServer(t *testing.T) {
	t.Parallel()
	args := []string{"--database", newDatabase(t), "--export-to", t.TempDir(), "--export-part", "1KiB"}
	first := startServer(t, args...)
	fillToExport(t, first)
	path := kickOff(t, first) // which takes it at once
	first.halt(t)
	second := startServer(t, args...)
	first.kill()
	var files []string
	for deadline := time.Now().Add(time.Minute); files == nil; time.Sleep(1100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the export does not end")
		}
		_, _, files = exportStatus(t, second, path)
	}
	onceEach(t, second, files)
}

// The disk of the files fills up: the export waits and says so, and goes on when there is
// room.
func TestAnExportWaitsForRoomOnAFullDisk(t *testing.T) {
	dir := disktest.Small(t, "6m")
	p := startServer(t, "--data", t.TempDir(), "--export-to", dir, "--export-part", "1KiB")
	fillToExport(t, p)
	path := kickOff(t, p)
	waits := func() bool {
		for range 60 {
			status, progress, _ := exportStatus(t, p, path)
			if status == 200 {
				t.Fatal("the disk did not fill up")
			}
			if strings.Contains(progress, "full") {
				return true
			}
			time.Sleep(1100 * time.Millisecond)
		}
		return false
	}
	if !waits() {
		t.Fatal("the export does not say that it waits")
	}
	left := []string{""}
	for deadline := time.Now().Add(time.Minute); len(left) > 0 && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		var err error
		if left, err = filepath.Glob(filepath.Join(dir, "*", "*", "*.part")); err != nil {
			t.Fatal(err)
		}
	}
	if len(left) > 0 {
		t.Errorf("half a file is left: %v", left)
	}
	disktest.Resize(t, dir, "60m")
	var files []string
	for deadline := time.Now().Add(time.Minute); files == nil; time.Sleep(1100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the export does not go on")
		}
		_, _, files = exportStatus(t, p, path)
	}
	onceEach(t, p, files)
}
