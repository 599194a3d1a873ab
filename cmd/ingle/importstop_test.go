package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestAnImportThatStillLooksAtItsFilesStopsAtTheFirstInterrupt(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "a.ndjson")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ingle", "import", "--data", filepath.Join(dir, "data"), pipe)
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	in, err := os.OpenFile(pipe, os.O_WRONLY, 0) // it reads from now on, and gets a part
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	if _, err := in.WriteString(`{"resourceType":"Patient"}`); err != nil {
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
	begin, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	for !errors.Is(err, syscall.ENXIO) { // it has its hash, and nobody reads
		_ = begin.Close()
		time.Sleep(time.Millisecond)
		begin, err = os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	}
	in, err := os.OpenFile(pipe, os.O_WRONLY, 0) // it loads from now on, and gets nothing
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
