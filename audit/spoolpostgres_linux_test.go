package audit

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/store/postgres"
)

func fillDisk(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1 << 20, 4096} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
	_ = f.Close() // full
}

// PostgreSQL says 53100 when the disk of a table is full. Events go into the spool then,
// and into the log when there is room.
func TestWhenPostgreSQLsDiskIsFullTreatmentIsRecorded(t *testing.T) {
	cluster := pgtest.Durable(t)
	dir := cluster.Small(t, "48m")
	s, err := postgres.Open(t.Context(), cluster.URL(), "ingle")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	l := openSpooled(t, s, filepath.Join(t.TempDir(), "spool"))
	defer closed(t, l)
	record(t, l, 0, 5)
	ballast := filepath.Join(dir, "ballast")
	fillDisk(t, ballast)
	n := 5
	for ; l.Admit(false) == nil && n < 20_000; n++ { // until the room within the tables is used up
		record(t, l, n, n+1)
	}
	if !errors.Is(l.Admit(false), ErrFull) || l.Health() == nil {
		t.Fatalf("after %d events there is room", n)
	}
	record(t, l, n, n+50)
	n += 50
	if l.room.spool.holds() < 50 {
		t.Errorf("%d events wait", l.room.spool.holds())
	}
	if l.room.restore(t.Context()); l.Health() == nil {
		t.Error("it is said that there is room")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if l.room.restore(t.Context()); l.Health() != nil || l.Admit(false) != nil {
		t.Fatal("it is said that there is no room")
	}
	var got, alerts []string
	marks := 0
	if err := l.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	for from := int64(0); from >= 0; {
		found, err := l.Find(t.Context(), Query{From: from, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range found.Events {
			switch e.Kind {
			case Alert:
				alerts = append(alerts, e.Note)
			case TakeUp:
				marks++
			default:
				got = append(got, e.Request)
			}
		}
		from = found.Next
	}
	if !slices.Equal(got, requests(n)) || len(alerts) != 1 || !strings.Contains(alerts[0], "waited in the spool") || marks == 0 {
		t.Errorf("%d of %d events; %q; %d marks of what was taken up", len(got), n, alerts, marks)
	}
	if r, err := l.Verify(t.Context(), Verification{Found: func(p string) { t.Error(p) }}); err != nil || r.Problems != 0 {
		t.Errorf("%+v %v", r, err)
	}
}
