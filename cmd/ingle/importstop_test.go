package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// pipe makes a pipe for an import to read.
func pipe(t *testing.T, path string) string {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// readBy waits until cmd reads the pipe, whose other end it returns. After a minute it
// ends cmd and the waiting.
func readBy(t *testing.T, cmd *exec.Cmd, pipe string) *os.File {
	t.Helper()
	var gaveUp atomic.Bool
	late := time.AfterFunc(time.Minute, func() {
		gaveUp.Store(true)
		_ = cmd.Process.Kill()
		if f, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0); err == nil {
			defer func() { _ = f.Close() }()
			time.Sleep(time.Second) // until the opening below has seen it
		}
	})
	defer late.Stop()
	in, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close() })
	if gaveUp.Load() {
		t.Fatal("nobody read the pipe for a minute")
	}
	return in
}

func TestAnImportThatStillLooksAtItsFilesStopsAtTheFirstInterrupt(t *testing.T) {
	dir := t.TempDir()
	file := pipe(t, filepath.Join(dir, "a.ndjson"))
	cmd := exec.Command("ingle", "import", "--data", filepath.Join(dir, "data"), file)
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	if _, err := readBy(t, cmd, file).WriteString(`{"resourceType":"Patient"}`); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(said.String(), "stopped after 0 resources; give the same files again to go on") {
		t.Errorf("it ended with %v: %s", cmd.ProcessState, &said)
	}
}

func TestASecondInterruptEndsAnImportAtOnce(t *testing.T) {
	dir := t.TempDir()
	file := pipe(t, filepath.Join(dir, "a.ndjson"))
	cmd := exec.Command("ingle", "import", "--data", filepath.Join(dir, "data"), file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(3*time.Minute, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	looksAt := readBy(t, cmd, file)
	if err := os.Rename(pipe(t, filepath.Join(dir, "b.ndjson")), file); err != nil {
		t.Fatal(err)
	}
	if err := looksAt.Close(); err != nil { // it has its hash
		t.Fatal(err)
	}
	readBy(t, cmd, file) // it loads from now on, and gets nothing
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // a signal ends it
	}()
	for sent := true; sent; {
		sent = cmd.Process.Signal(os.Interrupt) == nil
		select {
		case <-ended:
			sent = false
		case <-time.After(50 * time.Millisecond):
		}
	}
	<-ended
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGINT {
		t.Errorf("it ended with %v", cmd.ProcessState)
	}
}
