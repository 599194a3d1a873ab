package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/inglehealth/ingle/internal/pgtest"
)

// places are where the server of a test and what is restored from it keep records.
type places struct{ from, to []string }

func backupPlaces(t *testing.T) map[string]func(t *testing.T) places {
	t.Helper()
	return map[string]func(t *testing.T) places{
		"SQLite": func(t *testing.T) places {
			return places{[]string{"--data", filepath.Join(t.TempDir(), "a")}, []string{"--data", filepath.Join(t.TempDir(), "b")}}
		},
		"PostgreSQL": func(t *testing.T) places {
			return places{[]string{"--database", newDatabase(t)}, []string{"--database", newDatabase(t)}}
		},
	}
}

// newDatabase makes a database of its own in the cluster of the tests.
func newDatabase(t testing.TB) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("backup_%d", rand.Uint64())
	if _, err := conn.Exec(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(pgtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// A backup is taken while clients write. What was acknowledged before is in what is
// restored, of what came meanwhile each transaction whole or not at all, and tokens
// that were given out are good no more.
func TestABackupOfARunningServerIsRestored(t *testing.T) {
	for name, where := range backupPlaces(t) {
		t.Run(name, func(t *testing.T) { backUpAndRestore(t, where(t)) })
	}
}

func backUpAndRestore(t *testing.T, p places) {
	keys := filepath.Join(t.TempDir(), "ingle.key")
	flags := []string{"--tenant", "east", "--key-file", keys}
	server := startClosed(t, append(flags, p.from...)...)
	token := makeToken(t, p.from, keys)
	auth := []string{"Authorization", "Bearer " + token}
	post := func(ctx context.Context, name string) int {
		status, _ := send(ctx, client, "POST", server.url, pairOf(name), auth...)
		return status
	}
	var acknowledged []string
	for i := range 20 {
		name := fmt.Sprint("before-", i)
		if status := post(t.Context(), name); status != 200 {
			t.Fatalf("%s: %d", name, status)
		}
		acknowledged = append(acknowledged, name)
	}
	ctx, stop := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	for w := range 3 {
		writing.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				post(ctx, fmt.Sprintf("meanwhile-%d-%d", w, i))
			}
		})
	}
	folder := t.TempDir()
	out, err := ingle(t, append([]string{"backup", "--to", folder}, p.from...)...)
	stop()
	writing.Wait()
	if err != nil || !strings.Contains(out, "as of") || strings.Contains(out, "audit log of the") {
		t.Fatalf("%s%v", out, err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%q, %v", files, err)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	flipped(t, files[0], p.to)
	out, err = ingle(t, append([]string{"restore", files[0]}, p.to...)...)
	if err != nil || strings.Count(out, "their chain is whole") != 2 || !strings.Contains(out, "tenant east") {
		t.Fatalf("%s%v", out, err)
	}
	if again, err := ingle(t, append([]string{"restore", files[0]}, p.to...)...); err == nil || !strings.Contains(again, "already") {
		t.Errorf("restored over what is there: %s%v", again, err)
	}
	server = startClosed(t, append(flags, p.to...)...)
	if status := server.status(t, "/Patient", token); status != 401 {
		t.Errorf("a token from before the backup is answered with %d", status)
	}
	auth[1] = "Bearer " + makeToken(t, p.to, keys)
	count := func(typ, name string) int {
		_, body := send(t.Context(), client, "GET", server.url+"/"+typ+"?_count=1000&identifier=urn:pair%7C"+name, "", auth...)
		return strings.Count(body, `"fullUrl"`)
	}
	for _, name := range acknowledged {
		if count("Patient", name) != 1 || count("Observation", name) != 1 {
			t.Errorf("%s was acknowledged before the backup and is not in it", name)
		}
	}
	if patients, observations := count("Patient", ""), count("Observation", ""); patients != observations || patients < len(acknowledged) {
		t.Errorf("%d patients and %d observations are restored", patients, observations)
	}
	verify := append([]string{"audit", "verify", "--key-file", keys}, p.to...)
	if out, err := ingle(t, verify...); err != nil || !strings.Contains(out, "whole") {
		t.Errorf("%s%v", out, err)
	}
}

func makeToken(t *testing.T, where []string, keys string) string {
	t.Helper()
	token, err := ingle(t, append([]string{"token", "create", "--scope", "system/*.cruds", "--key-file", keys}, where...)...)
	if err != nil {
		t.Fatal(token, err)
	}
	return token
}

// flipped checks that a backup of which one bit is another is not restored, and
// that nothing of it is left behind.
func flipped(t *testing.T, file string, to []string) {
	t.Helper()
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		damaged := bytes.Clone(whole)
		damaged[rand.IntN(len(damaged))] ^= 1 << rand.IntN(8)
		bad := filepath.Join(t.TempDir(), "bad.backup")
		if err := os.WriteFile(bad, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := ingle(t, append([]string{"restore", bad}, to...)...)
		if err == nil || !strings.Contains(out, "damaged") {
			t.Fatalf("a damaged backup is restored: %s%v", out, err)
		}
	}
	if out, err := ingle(t, "restore", "--check", file); err != nil || !strings.Contains(out, "is whole") {
		t.Errorf("%s%v", out, err)
	}
}

// PostgreSQL's own log brings a server back to any time since a base backup; Ingle
// serves what was there then and goes on.
func TestPostgreSQLIsBroughtBackToAPointInTime(t *testing.T) {
	cluster := pgtest.Durable(t)
	server := startServer(t, "--database", cluster.URL())
	put := func(p *process, id string) {
		t.Helper()
		if status, body := send(t.Context(), client, "PUT", p.url+"/Patient/"+id, `{"resourceType":"Patient","id":"`+id+`"}`); status/100 != 2 {
			t.Fatalf("%s: %d %s", id, status, body)
		}
	}
	put(server, "before")
	server.kill()
	cluster.KeepLog(t)
	server = startServer(t, "--database", cluster.URL())
	put(server, "wanted")
	time.Sleep(20 * time.Millisecond)
	then := time.Now()
	time.Sleep(20 * time.Millisecond)
	put(server, "a-mistake")
	server.kill()
	recovered := cluster.RecoveredTo(t, then)
	server = startServer(t, "--database", recovered.URL())
	for id, want := range map[string]int{"before": 200, "wanted": 200, "a-mistake": 404} {
		if status, _ := send(t.Context(), client, "GET", server.url+"/Patient/"+id, ""); status != want {
			t.Errorf("%s is answered with %d, want %d", id, status, want)
		}
	}
	put(server, "after")
	if out, err := ingle(t, "audit", "verify", "--database", recovered.URL()); err != nil || !strings.Contains(out, "whole") {
		t.Errorf("%s%v", out, err)
	}
}

// Two processes with one database take one backup at a time, and keep the newest.
func TestAServerTakesBackupsByItself(t *testing.T) {
	for name, where := range backupPlaces(t) {
		t.Run(name, func(t *testing.T) {
			p, folder := where(t), t.TempDir()
			for _, old := range []string{"ingle-20200101T000000Z.backup", "ingle-20210101T000000Z.backup", "mine.backup"} {
				if err := os.WriteFile(filepath.Join(folder, old), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			args := append([]string{"--backup-to", folder, "--backup-keep", "2"}, p.from...)
			first := startServer(t, args...)
			if name == "PostgreSQL" {
				startServer(t, args...)
			}
			var names []string
			for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
				files, err := filepath.Glob(filepath.Join(folder, "*"))
				if err != nil {
					t.Fatal(err)
				}
				names = nil
				for _, f := range files {
					names = append(names, filepath.Base(f))
				}
				if len(names) == 3 && !slices.Contains(names, "ingle-20200101T000000Z.backup") {
					break
				}
			}
			if len(names) != 3 || !slices.Contains(names, "mine.backup") || !slices.Contains(names, "ingle-20210101T000000Z.backup") {
				t.Fatalf("the folder has %q", names)
			}
			first.kill()
			newest := filepath.Join(folder, names[slices.IndexFunc(names, func(n string) bool { return n > "ingle-2022" && n < "j" })])
			if out, err := ingle(t, append([]string{"restore", newest}, p.to...)...); err != nil {
				t.Errorf("%s%v", out, err)
			}
		})
	}
}

func TestABackupToNowhereIsRefused(t *testing.T) {
	out, err := ingle(t, "serve", "--open", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--backup-to", filepath.Join(t.TempDir(), "none"))
	if err == nil || !strings.Contains(out, "no such folder") {
		t.Errorf("%s%v", out, err)
	}
}
