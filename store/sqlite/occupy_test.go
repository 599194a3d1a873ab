package sqlite

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestTheReserveOfTheAuditLogTakesItsSpaceOfTheDisk(t *testing.T) {
	for name, take := range map[string]func(f *os.File, from, to int64) error{"as the system can": occupy, "by writing": fill} {
		t.Run(name, func(t *testing.T) {
			f, err := os.Create(filepath.Join(t.TempDir(), "reserve"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteString("what is there already"); err != nil {
				t.Fatal(err)
			}
			if err := take(f, 21, reserveSize-1); err != nil {
				t.Fatal(err)
			}
			if err := f.Sync(); err != nil {
				t.Fatal(err)
			}
			info, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			if taken := info.Sys().(*syscall.Stat_t).Blocks * 512; info.Size() != reserveSize-1 || taken < reserveSize-1 {
				t.Errorf("%d bytes of the disk are taken, by a file of %d", taken, info.Size())
			}
			head := make([]byte, 21)
			if _, err := f.ReadAt(head, 0); err != nil || string(head) != "what is there already" {
				t.Errorf("%q %v", head, err)
			}
		})
	}
}
