package pgtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/inglehealth/ingle/internal/disktest"
)

// Small has the tables that are made from now on in a tablespace of so many bytes
// ("48m"), on a file system of its own, and returns that. Only root may mount one;
// elsewhere the test is skipped, and fails with CI=true.
func (c *Cluster) Small(t testing.TB, size string) (dir string) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "ingle-small-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	disktest.Mount(t, dir, size)
	place := filepath.Join(dir, "space")
	if err := os.Mkdir(place, 0o700); err != nil {
		t.Fatal(err)
	}
	if c.as != nil {
		if err := os.Chown(place, int(c.as.Uid), int(c.as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := pgx.Connect(t.Context(), c.URL())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"CREATE TABLESPACE small LOCATION '" + place + "'", "ALTER ROLE " + superuser + " SET default_tablespace = small"} {
		if _, err := conn.Exec(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return dir
}
