package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/disktest"
	"github.com/inglehealth/ingle/internal/pgtest"
)

// run runs a command; its error has what it printed.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := ingle(t, args...)
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return out, err
}

func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	out, err := run(t, args...)
	if err != nil {
		t.Fatalf("ingle %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// line is an event as export writes it.
type line struct {
	Number         int64
	Kind, Note     string
	Login, Request string
	Target         string
	Status         int
	Refused        bool
}

func eventsOf(t *testing.T, where []string) (all []line) {
	t.Helper()
	return linesOf(t, mustRun(t, append([]string{"audit", "export"}, where...)...))
}

func linesOf(t *testing.T, text string) (all []line) {
	t.Helper()
	for one := range strings.Lines(text) {
		var e line
		if err := json.Unmarshal([]byte(one), &e); err != nil {
			t.Fatalf("%v: %s", err, one)
		}
		all = append(all, e)
	}
	return all
}

// Clients read and write while the server is killed at random moments. Of
// whatever was answered there is an event after the restart, what an event says was made is
// there, on PostgreSQL nothing is there without one, and the log is whole.
func TestTheEventOfAnAnswerIsThereWhenTheServerIsKilled(t *testing.T) {
	for name, where := range map[string]func(*testing.T) []string{
		"SQLite":     func(t *testing.T) []string { return []string{"--data", t.TempDir()} },
		"PostgreSQL": func(t *testing.T) []string { return []string{"--database", pgtest.URL(t)} },
	} {
		t.Run(name, func(t *testing.T) { killAndAudit(t, where(t)) })
	}
}

func killAndAudit(t *testing.T, where []string) {
	const rounds, clients = 3, 6
	var mu sync.Mutex
	var answered []string
	for round := range rounds {
		p := startServer(t, where...)
		var wg sync.WaitGroup
		for c := range clients {
			wg.Go(func() {
				for n := 0; ; n++ {
					id := fmt.Sprintf("kill-%d-%d-%d", round, c, n)
					method, path, body := "GET", "/Patient/none-"+id, ""
					if n%2 == 0 {
						method, path, body = "PUT", "/Patient/"+id, `{"resourceType":"Patient","id":"`+id+`"}`
					}
					status, _ := send(t.Context(), client, method, p.url+path, body, "X-Request-Id", id)
					if status == 0 {
						return
					}
					mu.Lock()
					answered = append(answered, id)
					mu.Unlock()
				}
			})
		}
		time.Sleep(time.Duration(300+200*round) * time.Millisecond)
		await(t, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(answered) >= 15*(round+1)
		})
		p.kill()
		wg.Wait()
	}
	p := startServer(t, where...)
	var recorded []string
	for _, e := range eventsOf(t, where) {
		recorded = append(recorded, e.Request)
	}
	made := 0
	for _, e := range eventsOf(t, where) {
		if e.Kind != "update" || e.Status != 201 {
			continue
		}
		made++
		if status, body := send(t.Context(), client, "GET", p.url+"/"+e.Target, ""); status != 200 {
			t.Errorf("%s was made, by its event: %d %s", e.Target, status, body)
		}
	}
	if made < 10 {
		t.Errorf("%d changes are too few to say anything", made)
	}
	slices.Sort(recorded)
	for _, id := range answered {
		if _, ok := slices.BinarySearch(recorded, id); !ok {
			t.Errorf("%s was answered, and there is no event", id)
		}
	}
	if where[0] == "--database" {
		status, body := send(t.Context(), client, "GET", p.url+"/Patient?_elements=id&_count=1000", "")
		there := regexp.MustCompile(`"id": ?"(kill-[0-9-]+)"`).FindAllStringSubmatch(body, -1)
		if status != 200 || len(there) < 10 {
			t.Errorf("%d, %d Patients", status, len(there))
		}
		for _, one := range there {
			if _, ok := slices.BinarySearch(recorded, one[1]); !ok {
				t.Errorf("%s is there, and there is no event", one[1])
			}
		}
	}
	if len(answered) < 20 {
		t.Errorf("%d answers are too few to say anything", len(answered))
	}
	if out := mustRun(t, append([]string{"audit", "verify"}, where...)...); !strings.Contains(out, "The log is whole") {
		t.Error(out)
	}
	p.kill()
	t.Logf("%d answers, %d events", len(answered), len(recorded))
}

func TestAnAuditLogIsVerifiedProvenAndExportedByCommands(t *testing.T) {
	dir := t.TempDir()
	where := []string{"--data", dir}
	mustRun(t, "import", "--data", dir, writePatient(t))
	mustRun(t, "export", "--patient", "imported", "--to", filepath.Join(t.TempDir(), "record.zip"), "--data", dir)
	if _, err := run(t, "export", "--patient", "nobody", "--to", filepath.Join(t.TempDir(), "none.zip"), "--data", dir); err == nil {
		t.Error("nobody was exported")
	}
	mustRun(t, "user", "add", "okafor", "--role", "practitioner", "--data", dir)
	p := startClosed(t, where...)
	token := strings.TrimSpace(mustRun(t, "token", "create", "--scope", "system/*.cruds", "--data", dir))
	for i := range 5 {
		if status, body := send(t.Context(), client, "PUT", fmt.Sprintf("%s/Patient/p%d", p.url, i), fmt.Sprintf(`{"resourceType":"Patient","id":"p%d"}`, i), "Authorization", "Bearer "+token); status != 201 {
			t.Fatalf("%d %s", status, body)
		}
	}
	if status, _ := send(t.Context(), client, "GET", p.url+"/Patient/p1", "", "Authorization", "Bearer wrong"); status != 401 {
		t.Errorf("status %d", status)
	}
	var events []line
	await(t, func() bool { // until the last has its number
		events = eventsOf(t, where)
		return slices.ContainsFunc(events, func(e line) bool { return e.Refused && e.Kind == "read" })
	})
	var notes []string
	refused := 0
	for _, e := range events {
		notes = append(notes, e.Note)
		if e.Refused {
			refused++
		}
	}
	for _, want := range []string{"command: import", "command: user add okafor", "command: token create"} {
		if !slices.Contains(notes, want) {
			t.Errorf("no event of %q in %q", want, notes)
		}
	}
	if refused != 2 { // nobody, and the wrong token
		t.Errorf("%d refused", refused)
	}
	for patient, resource := range map[string]string{"imported": `"resource":"Patient/imported"`, "nobody": `"refused":true`} {
		if out := mustRun(t, "audit", "export", "--patient", patient, "--data", dir); !strings.Contains(out, `"kind":"export"`) || !strings.Contains(out, resource) {
			t.Errorf("the export of %s: %s", patient, out)
		}
	}
	for _, secret := range []string{token, "wrong"} {
		if strings.Contains(mustRun(t, "audit", "export", "--data", dir), secret) {
			t.Errorf("the log holds the token %s", secret)
		}
	}
	verified := mustRun(t, "audit", "verify", "--data", dir)
	if !strings.Contains(verified, "The log is whole") || strings.Contains(verified, "The keys are those") {
		t.Error(verified)
	}
	checkpoint := filepath.Join(t.TempDir(), "checkpoint")
	writeFile(t, checkpoint, mustRun(t, "audit", "checkpoint", "--data", dir))
	proof := filepath.Join(t.TempDir(), "proof")
	writeFile(t, proof, mustRun(t, "audit", "proof", "4", "--data", dir))
	if out := mustRun(t, "audit", "proof", "--check", proof); !strings.Contains(out, "The proof is good") {
		t.Error(out)
	}
	key := strings.Fields(strings.Split(mustRun(t, "audit", "keys", "--data", dir), "\n")[1])[0]
	if out := mustRun(t, "audit", "proof", "--check", proof, "--key", key); strings.Contains(out, "brings along") {
		t.Error(out)
	}
	p.kill()
	mustRun(t, "audit", "erase", "4", "--data", dir)
	if _, err := run(t, "audit", "erase", "4", "--data", dir); err == nil || !strings.Contains(err.Error(), "erased before") {
		t.Errorf("erased twice: %v", err)
	}
	if out := mustRun(t, "audit", "verify", "--data", dir, "--checkpoint", checkpoint); !strings.Contains(out, "(1 erased)") {
		t.Error(out)
	}
	if _, err := run(t, "audit", "proof", "--check", checkpoint); err == nil {
		t.Error("a checkpoint is a proof")
	}
	if err := os.Remove(filepath.Join(dir, "audit.db")); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, "audit", "verify", "--data", dir); err == nil || !strings.Contains(err.Error(), "there is no audit log") {
		t.Errorf("without the file: %v", err)
	}
}

func writePatient(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "patient.ndjson")
	writeFile(t, name, `{"resourceType":"Patient","id":"imported"}`+"\n")
	return name
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestEventsAreCopiedToAFileAndTakenUpWhereItEnds(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(t.TempDir(), "audit.ndjson")
	args := []string{"--data", dir, "--audit-log", file}
	for round := range 2 {
		p := startServer(t, args...)
		for i := range 3 {
			send(t.Context(), client, "GET", p.url+"/Patient", "", "X-Request-Id", fmt.Sprintf("copy-%d-%d", round, i))
		}
		await(t, func() bool { return strings.Contains(read(t, file), fmt.Sprintf("copy-%d-2", round)) })
		p.kill()
		if round == 0 { // a line that was cut off
			f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteString(`{"number":`); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, e := range linesOf(t, read(t, file)) {
		if e.Number != int64(i) {
			t.Errorf("line %d is event %d", i, e.Number)
		}
	}
}

func TestASyslogServerThatIsAwayGetsTheEventsWhenItIsBack(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	p := startServer(t, "--data", t.TempDir(), "--audit-log", "syslog+tcp://"+address)
	if status, _ := send(t.Context(), client, "GET", p.url+"/Patient", "", "X-Request-Id", "while-away"); status != 200 {
		t.Errorf("the request waits for the sink: %d", status)
	}
	time.Sleep(2 * time.Second)
	if listener, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := listener.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var got bytes.Buffer
	buffer := make([]byte, 4096)
	for !strings.Contains(got.String(), "while-away") {
		if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		n, err := conn.Read(buffer)
		if err != nil {
			t.Fatalf("%v after %q", err, got.String())
		}
		got.Write(buffer[:n])
	}
	if !strings.Contains(got.String(), " <110>1 ") || !strings.Contains(got.String(), " ingle - audit - {") {
		t.Errorf("%q", got.String())
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}

func await(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it takes too long")
		}
	}
}

// The disk is full: apps and bulk are told so before anything is done, who treats
// patients goes on, and all is well again when there is room.
func TestWithAFullDiskTreatmentGoesOn(t *testing.T) {
	dir := disktest.Small(t, "24m")
	data := filepath.Join(dir, "data")
	p := startClosed(t, "--data", data)
	mustRun(t, "token", "create", "--scope", "system/*.cruds", "--data", data)
	app := strings.TrimSpace(mustRun(t, "token", "create", "--scope", "system/*.cruds", "--data", data))
	if status, body := send(t.Context(), client, "PUT", p.url+"/Patient/p", `{"resourceType":"Patient","id":"p"}`, "Authorization", "Bearer "+app); status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	ballast := filepath.Join(dir, "ballast")
	fill(t, ballast)
	status, body := 0, ""
	for range 4000 { // until the room within the files is used up
		if status, body = send(t.Context(), client, "GET", p.url+"/Patient/p", "", "Authorization", "Bearer "+app); status != 200 {
			break
		}
		fill(t, ballast)
	}
	if status != 503 || !strings.Contains(body, "disk of the audit log is full") {
		t.Fatalf("an app with a full disk: %d %s", status, body)
	}
	if status, body := send(t.Context(), client, "GET", strings.TrimSuffix(p.url, "/fhir")+"/readyz", ""); status != 503 {
		t.Errorf("readyz says %d %s", status, body)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool {
		status, _ := send(t.Context(), client, "GET", p.url+"/Patient/p", "", "Authorization", "Bearer "+app)
		return status == 200
	})
	p.kill()
	if out := mustRun(t, "audit", "verify", "--data", data); !strings.Contains(out, "The log is whole") {
		t.Error(out)
	}
}

// fill writes to a file until there is no room.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1 << 20, 4096} {
		for {
			if _, err := f.Write(make([]byte, size)); err != nil {
				break
			}
		}
	}
	_ = f.Close() // full
}
