package browsertest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/pgtest"
)

// root is the folder of the repository.
const root = "../.."

func TestMain(m *testing.M) {
	_ = os.Unsetenv("GOGC") // it has a name; servers collect garbage as those of users do
	code := pgtest.Main(m)
	if binary.folder != "" {
		_ = os.RemoveAll(binary.folder) // it is temporary
	}
	os.Exit(code)
}

// binary is the program under test, built once.
var binary struct {
	once         sync.Once
	folder, path string
	err          error
}

func ingle(t testing.TB) string {
	t.Helper()
	binary.once.Do(func() {
		if binary.folder, binary.err = os.MkdirTemp("", "ingle-browsertest-"); binary.err != nil {
			return
		}
		binary.path = filepath.Join(binary.folder, "ingle")
		out, err := exec.Command("go", "build", "-o", binary.path, root+"/cmd/ingle").CombinedOutput()
		if err != nil {
			binary.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	if binary.err != nil {
		t.Fatal(binary.err)
	}
	return binary.path
}

// server is a sandbox of its own.
type server struct {
	url   string // without a slash at its end
	token string // of an administrator, for the API
	where []string
	cmd   *exec.Cmd
}

// databases are the ways to keep records, as flags.
var databases = map[string]func(t testing.TB) []string{
	"SQLite": func(t testing.TB) []string { return []string{"--data", filepath.Join(t.TempDir(), "records")} },
	"PostgreSQL": func(t testing.TB) []string {
		return []string{"--database", pgtest.URL(t), "--key-file", filepath.Join(t.TempDir(), "ingle.key")}
	},
}

var (
	shownToken  = regexp.MustCompile(`TOKEN=(igl_at_\S+)`)
	shownAtLast = "in a browser"
)

// serve starts a sandbox, which the end of the test stops.
func serve(t testing.TB, where []string, more ...string) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(address)
	s := &server{where: where, url: "http://localhost:" + port}
	s.cmd = exec.Command(ingle(t), append(append([]string{"serve", "--sandbox", "--listen", address}, where...), more...)...)
	var said strings.Builder
	s.cmd.Stderr = &said
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Logf("the server said: %s", said.String())
		}
	})
	ready := false
	for lines := bufio.NewScanner(out); !ready && lines.Scan(); {
		if m := shownToken.FindStringSubmatch(lines.Text()); m != nil {
			s.token = m[1]
		}
		ready = strings.Contains(lines.Text(), shownAtLast)
	}
	if !ready {
		t.Fatalf("the sandbox did not start: %v: %s", s.cmd.Wait(), said.String())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // until the process ends
	return s
}

// stop ends the server at once.
func (s *server) stop() {
	if s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait() // it says that the process was killed
	}
}

// run runs a command of ingle beside the server and gives what it printed.
func (s *server) run(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command(ingle(t), append(args, s.where...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ingle %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// fhir sends a resource, or nothing, to the API and gives the answer.
func (s *server) fhir(t testing.TB, method, path string, body any) map[string]any {
	t.Helper()
	status, answer := s.send(t, method, path, body)
	if status >= 300 {
		t.Fatalf("%s %s: %d: %s", method, path, status, answer)
	}
	var got map[string]any
	if len(answer) > 0 {
		if err := json.Unmarshal(answer, &got); err != nil {
			t.Fatal(err)
		}
	}
	return got
}

// send sends a resource, or nothing, to the API as an administrator, and more header fields.
func (s *server) send(t testing.TB, method, path string, body any, header ...string) (status int, answer []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var text io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		text = strings.NewReader(string(b))
	}
	r, err := http.NewRequestWithContext(ctx, method, s.url+"/fhir"+path, text)
	if err != nil {
		t.Fatal(err)
	}
	header = append(header, "Authorization", "Bearer "+s.token, "Content-Type", "application/fhir+json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp.StatusCode, answer
}
