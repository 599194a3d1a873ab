// Package disktest makes small disks for tests to fill.
package disktest

import (
	"os"
	"syscall"
	"testing"
)

// Small is a folder on a file system of so many bytes ("12m"), until the test ends. Only
// root may mount one; elsewhere the test is skipped, and fails with CI=true.
func Small(t testing.TB, size string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	Mount(t, dir, size)
	return dir
}

// Mount is Small in a folder that is there, which all users may enter.
func Mount(t testing.TB, dir, size string) {
	t.Helper()
	if err := mount(dir, 0, size); err != nil {
		const how = "cannot mount a small disk: %v; run the tests as root to try a full one"
		if os.Getenv("CI") == "true" {
			t.Fatalf(how, err)
		}
		t.Skipf(how, err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// Resize gives the file system of Small another size.
func Resize(t testing.TB, dir, size string) {
	t.Helper()
	if err := mount(dir, syscall.MS_REMOUNT, size); err != nil {
		t.Fatal(err)
	}
}

func mount(dir string, flags uintptr, size string) error {
	return syscall.Mount("tmpfs", dir, "tmpfs", flags, "mode=755,size="+size)
}
