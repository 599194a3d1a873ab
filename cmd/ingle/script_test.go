package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/inglehealth/ingle/internal/pgtest"
)

// withCluster stops the tests' PostgreSQL after them.
type withCluster struct{ m *testing.M }

// Run runs them. Their servers collect garbage as those of users do, whatever scripts/test says.
func (w withCluster) Run() int {
	_ = os.Unsetenv("GOGC") // it has a name
	return pgtest.Main(w.m)
}

// TestMain makes the test binary be the command when it is called "ingle",
// which is on the PATH of every test.
func TestMain(m *testing.M) {
	testscript.Main(withCluster{m}, map[string]func(){"ingle": main})
}

func TestTheBinaryDoesWhatItsScriptsSay(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PORT", freePort(t))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ready": scriptReady,
			"get":   scriptGet,
		},
	})
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return port
}

// scriptReady waits until a server answers: ready PORT.
func scriptReady(ts *testscript.TestScript, _ bool, args []string) {
	for range 3000 {
		if resp, err := http.Get("http://127.0.0.1:" + args[0] + "/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	ts.Fatalf("no server became ready on port %s", args[0])
}

// scriptGet fetches a URL: get URL TEXT..., each text must be in the answer.
func scriptGet(ts *testscript.TestScript, neg bool, args []string) {
	resp, err := http.Get(args[0])
	if neg {
		if err == nil {
			resp.Body.Close()
			ts.Fatalf("%s answered", args[0])
		}
		return
	}
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	for _, text := range args[1:] {
		if !strings.Contains(string(body), text) {
			ts.Fatalf("%q is not in %s: %.500s", text, resp.Status, body)
		}
	}
}
