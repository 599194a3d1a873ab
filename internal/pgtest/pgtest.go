// Package pgtest gives tests a PostgreSQL cluster of their own: made with the
// binaries that Debian installs, run as an unprivileged user, reached only
// through a socket in a private directory, and gone when the tests end. Where there
// is memory to spare it lies there, unless it is to be durable.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

// Cluster is a running PostgreSQL.
type Cluster struct {
	dir     string
	bin     string
	durable bool
	as      *syscall.Credential // nil for the user of the tests
	server  *exec.Cmd
	leash   io.WriteCloser // closing it stops the server, as the end of this process does
}

// superuser owns the cluster.
const superuser = "ingle"

var shared struct {
	once    sync.Once
	cluster *Cluster
	err     error
}

// Main runs the tests of a package and stops the shared cluster afterwards. A
// goroutine that the tests leave behind fails them. Call it from TestMain:
// os.Exit(pgtest.Main(m)).
func Main(m *testing.M) int {
	code := m.Run()
	if shared.cluster != nil {
		if err := shared.cluster.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "pgtest:", err)
			code = max(code, 1)
		}
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "pgtest: left behind by the tests:", err)
			code = 1
		}
	}
	return code
}

// URL is the address of the test binary's shared cluster, which does not sync
// to disk. Without PostgreSQL's binaries the test is skipped, or fails where
// CI=true. The package's TestMain must be Main.
func URL(t testing.TB) string {
	t.Helper()
	shared.once.Do(func() { shared.cluster, shared.err = start(false) })
	if errors.Is(shared.err, errAbsent) {
		const how = "PostgreSQL is absent: %v\ninstall Debian's postgresql package (make test does)"
		if os.Getenv("CI") == "true" {
			t.Fatalf(how, shared.err)
		}
		t.Skipf(how, shared.err)
	}
	if shared.err != nil {
		t.Fatalf("pgtest: %v", shared.err)
	}
	return shared.cluster.URL()
}

// Durable starts a cluster that syncs to disk, for one test.
func Durable(t testing.TB) *Cluster {
	t.Helper()
	URL(t) // skips or fails as it should
	c, err := start(true)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		if err := c.stop(); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return c
}

var schemas atomic.Int64

// Schema is a name that no other test of this binary uses.
func Schema() string { return fmt.Sprintf("test_%d", schemas.Add(1)) }

var errAbsent = errors.New("no initdb in PATH or /usr/lib/postgresql/*/bin")

// binaries finds the newest installed version's folder.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	sort.Slice(found, func(i, j int) bool { return versionOf(found[i]) < versionOf(found[j]) })
	if n := len(found); n > 0 {
		return filepath.Dir(found[n-1]), nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", errAbsent
	}
	return filepath.Dir(path), nil
}

func versionOf(initdb string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	return n
}

// unprivileged is whom root runs PostgreSQL as, which refuses root.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("neither user postgres nor nobody exists to run PostgreSQL as")
}

func start(durable bool) (c *Cluster, err error) {
	c = &Cluster{durable: durable}
	if c.bin, err = binaries(); err != nil {
		return nil, err
	}
	if c.as, err = unprivileged(); err != nil {
		return nil, err
	}
	if c.dir, err = os.MkdirTemp(c.place(), "ingle-pg-"); err != nil {
		return nil, err
	}
	if c.as != nil {
		if err := os.Chown(c.dir, int(c.as.Uid), int(c.as.Gid)); err != nil {
			return nil, err
		}
	}
	if err := c.fill(); err != nil {
		return nil, err
	}
	return c, c.Start()
}

// fill makes the cluster's files: as copies of a model's, where the environment says in which
// folder that is, which takes a tenth of what making them anew does. Who needs it
// first makes the model; who set the variable removes it.
func (c *Cluster) fill() (err error) {
	folder := os.Getenv("INGLE_PGMODEL")
	if folder == "" {
		return c.initdb(c.data())
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	lock, err := root.OpenFile("lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	if _, err := root.Stat("model"); errors.Is(err, fs.ErrNotExist) {
		if err := c.makeModel(root); err != nil {
			return err
		}
	}
	return c.copy(filepath.Join(folder, "model"))
}

// makeModel gives the model its name when it is whole.
func (c *Cluster) makeModel(root *os.Root) error {
	if err := errors.Join(root.RemoveAll("part"), root.Mkdir("part", 0o700)); err != nil {
		return err
	}
	if c.as != nil {
		if err := root.Chown("part", int(c.as.Uid), int(c.as.Gid)); err != nil {
			return err
		}
	}
	if err := c.initdb(filepath.Join(root.Name(), "part")); err != nil {
		return err
	}
	return root.Rename("part", "model")
}

func (c *Cluster) initdb(data string) error {
	initdb := c.command("initdb", "--pgdata="+data, "--username="+superuser, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// copy makes the cluster's files of another's.
func (c *Cluster) copy(data string) error {
	cp := c.command("cp", "-r", data, c.data())
	cp.Path = "/bin/cp"
	if out, err := cp.CombinedOutput(); err != nil {
		return fmt.Errorf("cp: %w\n%s", err, out)
	}
	return nil
}

// enough is the room, in bytes, that a cluster in memory needs at most.
const enough = 4 << 30

// place is where a cluster that does not sync lies in memory, if there is room: of what
// a new schema costs, two fifths is the file system that makes its files on a disk.
func (c *Cluster) place() string {
	const memory = "/dev/shm"
	var s syscall.Statfs_t
	if !c.durable && syscall.Statfs(memory, &s) == nil && s.Bavail*uint64(s.Bsize) >= enough {
		return memory
	}
	return "/tmp"
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, name), args...) //nolint:gosec,noctx // one of PostgreSQL's programs; it outlives any context
	cmd.Dir = c.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as, Setpgid: true}
	return cmd
}

// Start starts the server of a cluster that is down.
func (c *Cluster) Start() error {
	sync := "off"
	if c.durable {
		sync = "on"
	}
	// The shell holds the server on a leash: when the pipe closes, whether by
	// halt, by stop or by the end of this process, the server goes; and where
	// nobody says keep, at once, and the cluster with it.
	script := `"$@" & server=$!; read -r word; end=QUIT; if test "$word" = keep; then end=INT; fi; kill -$end $server; wait $server; test "$word" = keep || rm -rf "$PWD"`
	c.server = c.command("postgres")
	c.server.Args = append([]string{"sh", "-c", script, "sh", c.server.Path, "-D", c.data(), "-k", c.dir, "-c", "listen_addresses="},
		"-c", "fsync="+sync, "-c", "full_page_writes="+sync, "-c", "max_connections=200", "-c", "max_prepared_transactions=8", "-c", "shared_buffers=128MB",
		"-c", "max_wal_size=2GB", "-c", "log_min_messages=warning")
	c.server.Path = "/bin/sh"
	log, err := os.OpenFile(filepath.Join(c.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	c.server.Stdout, c.server.Stderr = log, log
	if c.leash, err = c.server.StdinPipe(); err != nil {
		return errors.Join(err, log.Close())
	}
	if err := c.server.Start(); err != nil {
		return errors.Join(err, log.Close())
	}
	if err := log.Close(); err != nil {
		return err
	}
	return c.wait()
}

// wait waits until the server answers and makes sure that it is this one.
func (c *Cluster) wait() error {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, c.URL())
		if err == nil {
			var data string
			err = conn.QueryRow(ctx, "SHOW data_directory").Scan(&data)
			err = errors.Join(err, conn.Close(ctx))
			if err == nil && data != c.data() {
				return fmt.Errorf("reached the PostgreSQL of %s, not of %s", data, c.data())
			}
			return err
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(c.dir, "log"))
			return fmt.Errorf("the server does not answer: %w\n%s", err, log)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// URL is the cluster's address.
func (c *Cluster) URL() string {
	q := url.Values{"host": {c.dir}, "user": {superuser}}
	return "postgres:///postgres?" + q.Encode()
}

// Crash ends the server at once, without a checkpoint, as a power failure
// would but for what the kernel still holds.
func (c *Cluster) Crash() error {
	pid, err := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(pid), "\n")
	n, err := strconv.Atoi(first)
	if err != nil {
		return err
	}
	if err := syscall.Kill(n, syscall.SIGQUIT); err != nil {
		return err
	}
	return c.halt()
}

// halt ends the server and keeps the cluster.
func (c *Cluster) halt() error {
	if c.server == nil {
		return nil
	}
	if _, err := io.WriteString(c.leash, "keep\n"); err != nil {
		return err
	}
	return c.release()
}

// release closes the leash and waits for the shell.
func (c *Cluster) release() error {
	if err := c.leash.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	err := c.server.Wait()
	c.server = nil
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil // the shell's code is the server's, which was told to stop
	}
	return err
}

// stop ends the server and removes the cluster.
func (c *Cluster) stop() error {
	var err error
	if c.server != nil {
		err = c.release()
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}
