package main

import (
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/audit"
)

func TestRefusalsOfAnAddressAreRecordedAtOnceAndThenCounted(t *testing.T) {
	var told []string
	s := &refusals{more: map[refused]int{}, record: func(tenant string, e *audit.Event) {
		told = append(told, fmt.Sprintf("%s %s %s %d", tenant, e.Agent.Address, e.Request, e.Count))
	}}
	ask := func(address, request string) {
		r := httptest.NewRequest("GET", "/fhir/Patient", nil)
		r.RemoteAddr = address + ":1"
		s.add(r, "east", request)
	}
	want := func(lines ...string) {
		t.Helper()
		slices.Sort(told)
		if diff := cmp.Diff(lines, told); diff != "" {
			t.Error(diff)
		}
		told = nil
	}
	for i := range 5 {
		ask("192.0.2.1", fmt.Sprint("r", i))
	}
	ask("192.0.2.2", "s")
	want("east 192.0.2.1 r0 1", "east 192.0.2.2 s 1")
	s.tell()
	want("east 192.0.2.1  4")
	ask("192.0.2.1", "again")
	s.tell()
	want("east 192.0.2.1  1")
	s.tell()
	want()
	for i := range 3 {
		ask(fmt.Sprintf("[2001:db8::%d]", i+1), "network")
	}
	want("east 2001:db8::1 network 1")
	s.tell()
	want("east 2001:db8::  2")
	s.tell()
	ask("192.0.2.1", "anew")
	want("east 192.0.2.1 anew 1")
	for i := range maxRefused + 10 {
		ask(fmt.Sprintf("198.51.%d.%d", 100+i/250, i%250), "many")
	}
	if len(told) != maxRefused || len(s.more) != maxRefused+1 {
		t.Errorf("%d events of %d addresses", len(told), len(s.more))
	}
	told = nil
	s.tell()
	want("east   10")
}

func TestWhatALimitRefusesIsInTheAuditLog(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "records")
	p := startClosed(t, "--data", dir)
	token := mustRun(t, "token", "create", "--scope", "system/*.cruds", "--data", dir)
	mustRun(t, "limit", "set", "tenant", "requests", "1/min", "burst", "3", "--data", dir)
	for range 8 {
		p.status(t, "/Patient", token)
	}
	found := func(status int) (n int) {
		for _, e := range eventsOf(t, []string{"--data", dir}) {
			if e.Kind == "refuse" && e.Refused && e.Status == status {
				n++
			}
		}
		return n
	}
	await(t, func() bool { return found(429) == 1 })
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil { // what was counted is told at the end
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	startClosed(t, "--data", dir)
	await(t, func() bool { return found(429) == 2 })
}
