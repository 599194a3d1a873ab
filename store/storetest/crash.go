package storetest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
)

// crashPlace is the environment variable that tells the child process of
// Crash which store to open.
const crashPlace = "INGLE_STORETEST_CRASH"

// CrashChild has to be called by a test named TestCrashChild. In the child
// process of Crash it writes to the store that open gives until it is killed;
// elsewhere it does nothing.
func CrashChild(t *testing.T, open func(t testing.TB, place string) store.Store) {
	place := os.Getenv(crashPlace)
	if place == "" {
		return
	}
	s := bench{open(t, place), context.Background()}
	run := fmt.Sprintf("%d-%d", os.Getpid(), time.Now().UnixNano())
	var wg sync.WaitGroup
	for g := range 6 {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%s-%d-%d", run, g, i)
				// Both or neither must be there.
				if _, err := s.try(s.put("Patient/"+id, 0, id, token(gender, "", id)),
					s.put("Observation/"+id, 0, id, refer(subject, "Patient/"+id), token(code, "s", id))); err != nil {
					fmt.Fprintln(os.Stdout, "failed", err)
					return
				}
				fmt.Fprintln(os.Stdout, "done", id, 1)
				if i%3 == 0 {
					if _, err := s.try(s.put("Patient/"+id, 1, id+" again", token(gender, "", id+"-again"))); err != nil {
						fmt.Fprintln(os.Stdout, "failed", err)
						return
					}
					fmt.Fprintln(os.Stdout, "done", id, 2)
				}
			}
		})
	}
	wg.Wait()
}

// Crash starts a process that writes to the store at place and kills it at a
// random moment, some rounds. After each, everything that was acknowledged has
// to be there and nothing may be there in part. recover is called after each
// kill, before the store is opened again.
func Crash(t *testing.T, rounds int, place string, open func(t testing.TB, place string) store.Store, recover func()) {
	written := map[string]int64{}
	for round := range rounds {
		crashOnce(t, place, written)
		recover()
		s := bench{open(t, place), context.WithoutCancel(t.Context())}
		checkAcknowledged(t, s, written)
		checkWhole(t, s)
		if err := s.Close(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	t.Logf("%d acknowledged resources survived %d kills", len(written), rounds)
	if len(written) == 0 {
		t.Error("nothing was written")
	}
}

// crashOnce runs the child, kills it and adds what it acknowledged.
func crashOnce(t *testing.T, place string, written map[string]int64) {
	t.Helper()
	child := exec.Command(os.Args[0], //nolint:gosec,noctx // this test binary itself; it is killed, not cancelled
		"-test.run=^TestCrashChild$", "-test.v")
	child.Env = append(os.Environ(), crashPlace+"="+place)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	first := make(chan struct{})
	var once sync.Once
	go func() {
		select {
		case <-first:
		case <-time.After(30 * time.Second):
		}
		time.Sleep(time.Duration(rand.Int64N(int64(300 * time.Millisecond)))) //nolint:gosec // any moment will do
		_ = child.Process.Kill()
	}()
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break // a line cut short by the kill was not read by a client either
		}
		if err != nil {
			t.Fatal(err)
		}
		var id string
		var version int64
		if strings.HasPrefix(line, "failed") {
			t.Error(line)
		}
		if n, _ := fmt.Sscanf(line, "done %s %d", &id, &version); n == 2 {
			written[id] = max(written[id], version)
			once.Do(func() { close(first) })
		}
	}
	_ = child.Wait() // it was killed
}

func checkAcknowledged(t *testing.T, s bench, written map[string]int64) {
	t.Helper()
	for id, version := range written {
		patient, err := s.Read(s.ctx, key("Patient/"+id))
		if err != nil || patient.Version < version {
			t.Errorf("Patient/%s: version %d of %d, %v", id, patient.Version, version, err)
		}
		if _, err := s.Read(s.ctx, key("Observation/"+id)); err != nil {
			t.Errorf("Observation/%s: %v", id, err)
		}
	}
}

// checkWhole looks for transactions of which only a part is there, in the
// resources, the index and the change feed.
func checkWhole(t *testing.T, s bench) {
	t.Helper()
	counts, err := s.Stats(s.ctx)
	if err != nil || counts["Patient"] != counts["Observation"] {
		t.Errorf("%v, %v", counts, err)
	}
	for r, err := range s.Each(s.ctx, "Patient", 0) {
		if err != nil {
			t.Fatal(err)
		}
		mark := string(r.Key.ID)
		if r.Version == 2 {
			mark += "-again"
		}
		found := s.search(t, patients(tokenIs(gender, "", mark)))
		of := s.search(t, observations(search.And{tokenIs(code, "s", string(r.Key.ID)), search.Reference{Param: subject, Type: "Patient", ID: string(r.Key.ID)}}))
		if found != r.Key.String() || of != "Observation/"+string(r.Key.ID) {
			t.Errorf("%s: the index gives %q and %q", r.Key, found, of)
		}
	}
	var last store.Seq
	changes := 0
	for {
		records, err := s.Changes(s.ctx, last, 500, false)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			break
		}
		last, changes = records[len(records)-1].Seq, changes+len(records)
	}
	if p := s.history(t, store.HistoryQuery{Count: 1}); p.Total != int64(changes) {
		t.Errorf("%d changes, %d versions", changes, p.Total)
	}
}
