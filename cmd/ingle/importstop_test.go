package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestASecondInterruptEndsAnImportAtOnce(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "a.ndjson")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ingle", "import", "--data", filepath.Join(dir, "data"), pipe)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	in, err := os.OpenFile(pipe, os.O_WRONLY, 0) // it reads from now on, and gets nothing
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
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
