package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/disktest"
	"github.com/inglehealth/ingle/store"
)

// A server starts whatever somebody made of its spool while the disk of that is full: what is
// good is taken up, the rest stays as it is under another name, and it is told.
func TestASpoolThatWasAlteredOnAFullDiskKeepsNoServerFromStarting(t *testing.T) {
	s := openSmall(t)
	dir := disktest.Small(t, "17m")
	path := filepath.Join(dir, "spool")
	l := openSpooled(t, s, path)
	s.full.Store(true)
	record(t, l, 0, 4)
	frame := (l.room.spool.next - spoolHeader) / 4
	closed(t, l)
	altered, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	altered[spoolHeader+2*frame+frame/2] ^= 1
	if err := os.WriteFile(path, altered, 0o600); err != nil {
		t.Fatal(err)
	}
	fillDisk(t, filepath.Join(dir, "filler"))

	l = openSpooled(t, s, path)
	if n := l.room.spool.holds(); n != 2 || l.Health() == nil {
		t.Errorf("%d events are good, and the health is %v", n, l.Health())
	}
	if err := l.Record(t.Context(), seen("p 1")); !errors.Is(err, store.ErrFull) {
		t.Errorf("there is room for more: %v", err)
	}
	s.full.Store(false)
	l.room.restore(t.Context())
	record(t, l, 2, 3)
	got, alerts := told(t, l)
	if !slices.Equal(got, requests(3)) || !strings.Contains(fmt.Sprint(alerts), "the spool was altered or not finished behind its 2 events; it is kept as "+path+".altered-") {
		t.Errorf("%v %q", got, alerts)
	}
	kept, err := filepath.Glob(path + ".altered-*")
	if err != nil || len(kept) != 1 {
		t.Fatalf("%v %v", kept, err)
	}
	if now, err := os.ReadFile(kept[0]); err != nil || !bytes.Equal(now, altered) {
		t.Errorf("what was altered is not kept as it was: %v", err)
	}

	disktest.Resize(t, dir, "64m")
	s.full.Store(true)
	record(t, l, 3, 5) // in a spool of its own again
	closed(t, l)
	s.full.Store(false)
	l = openSpooled(t, s, path)
	defer closed(t, l)
	if got, _ := told(t, l); !slices.Equal(got, requests(5)) {
		t.Errorf("%v", got)
	}
}
