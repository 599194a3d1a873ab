package main

import (
	"os"
	"syscall"
	"testing"
)

// smallDisk is a folder on a file system of so many bytes ("12m"), to fill. Only root may
// mount one; elsewhere the test is skipped, and fails with CI=true.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
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
	return dir
}
