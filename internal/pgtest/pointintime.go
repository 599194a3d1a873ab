package pgtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// KeepLog has the cluster copy its write-ahead log to a folder of its own from here on,
// and takes a base backup, from both of which RecoveredTo makes what the cluster was
// at any time after. The server is started anew.
func (c *Cluster) KeepLog(t testing.TB) {
	t.Helper()
	kept := filepath.Join(c.dir, "kept")
	if err := os.Mkdir(kept, 0o700); err != nil {
		t.Fatal(err)
	}
	c.own(t, kept)
	c.exec(t, "ALTER SYSTEM SET archive_mode = on", fmt.Sprintf("ALTER SYSTEM SET archive_command = 'cp %%p %s/%%f'", kept))
	if err := c.halt(); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	base := c.command("pg_basebackup", "--pgdata="+filepath.Join(c.dir, "base"), "--host="+c.dir, "--username="+superuser, "--checkpoint=fast", "--wal-method=none")
	if out, err := base.CombinedOutput(); err != nil {
		t.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
}

// RecoveredTo starts another cluster as c was at a time since KeepLog, for one test.
// c goes on.
func (c *Cluster) RecoveredTo(t testing.TB, when time.Time) *Cluster {
	t.Helper()
	c.exec(t, "SELECT pg_switch_wal()")
	c.waitForLog(t)
	other := &Cluster{durable: true, bin: c.bin, as: c.as}
	var err error
	if other.dir, err = os.MkdirTemp("/tmp", "ingle-pg-"); err != nil {
		t.Fatal(err)
	}
	c.own(t, other.dir)
	t.Cleanup(func() {
		if err := other.stop(); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	if err := other.copy(filepath.Join(c.dir, "base")); err != nil {
		t.Fatal(err)
	}
	settings := fmt.Sprintf("archive_mode = off\nrestore_command = 'cp %s/kept/%%f %%p'\nrecovery_target_time = '%s'\nrecovery_target_action = promote\n",
		c.dir, when.UTC().Format("2006-01-02 15:04:05.000000+00"))
	for name, text := range map[string]string{"postgresql.auto.conf": settings, "recovery.signal": ""} {
		file := filepath.Join(other.data(), name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c.own(t, file)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	other.waitForPromotion(t)
	return other
}

// own gives a file to whom PostgreSQL runs as.
func (c *Cluster) own(t testing.TB, file string) {
	t.Helper()
	if c.as == nil {
		return
	}
	if err := os.Chown(file, int(c.as.Uid), int(c.as.Gid)); err != nil {
		t.Fatal(err)
	}
}

func (c *Cluster) exec(t testing.TB, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), c.URL())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if _, err := conn.Exec(context.Background(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if err := conn.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// waitForLog waits until all of the log that is complete was copied.
func (c *Cluster) waitForLog(t testing.TB) {
	t.Helper()
	c.until(t, `SELECT coalesce(last_archived_wal, '') >= pg_walfile_name(pg_current_wal_lsn() - 1) FROM pg_stat_archiver`)
}

func (c *Cluster) waitForPromotion(t testing.TB) {
	t.Helper()
	c.until(t, "SELECT NOT pg_is_in_recovery()")
}

// until waits until a query says true.
func (c *Cluster) until(t testing.TB, query string) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for time.Now().Before(deadline) {
		conn, err := pgx.Connect(context.Background(), c.URL())
		if err != nil {
			t.Fatal(err)
		}
		var done bool
		err = conn.QueryRow(context.Background(), query).Scan(&done)
		if closing := conn.Close(context.Background()); err != nil || closing != nil {
			t.Fatal(err, closing)
		}
		if done {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	log, _ := os.ReadFile(filepath.Join(c.dir, "log"))
	t.Fatalf("%s is not true in a minute\n%s", query, log)
}
