package fhirapi_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/store"
)

// broken is a store whose audit log fails: with room for so many further groups,
// and a reserve of so many.
type broken struct {
	store.Audit
	mu            sync.Mutex
	err           error
	room, reserve int64
}

func (b *broken) set(err error, room, reserve int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err, b.room, b.reserve = err, room, reserve
}

func (b *broken) AppendAudit(ctx context.Context, group []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		if b.room == 0 {
			return b.err
		}
		b.room--
	}
	return b.Audit.AppendAudit(ctx, group)
}

func (b *broken) SpendAuditReserve(context.Context) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reserve == 0 {
		return 0, store.ErrFull
	}
	b.reserve--
	b.room++
	return b.reserve, nil
}

func (b *broken) RestoreAuditReserve(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

func TestWithTheReserveOnlyTreatmentGoesOn(t *testing.T) {
	var b *broken
	s, out := guardedLog(t, func(a store.Audit) store.Audit { b = &broken{Audit: a}; return b })
	s.do("PUT", "/Patient/maria", `{"resourceType":"Patient","id":"maria"}`, as("doctor")...).want(201)
	b.set(store.ErrFull, 1, 4)
	s.do("GET", "/Patient/maria", "", as("app")...).want(200) // the last room there is
	s.do("GET", "/Patient/maria", "", as("app")...).want(200) // by then it was done
	s.do("GET", "/Patient/maria", "", as("app")...).want(503)
	a := s.do("PUT", "/Patient/new", `{"resourceType":"Patient","id":"new"}`, as("clerk")...)
	if a.want(503); !strings.Contains(a.body, "disk of the audit log is full") {
		t.Error(a.body)
	}
	for range 3 {
		s.do("GET", "/Patient/maria", "", as("doctor")...).want(200)
	}
	s.do("GET", "/Patient/maria", "", as("doctor")...).want(503) // not even the reserve is left
	s.do("GET", "/Patient/new", "", as("app")...).want(503)
	if !strings.Contains(out.String(), "an answer was held back") {
		t.Errorf("the operator is told nothing: %s", out)
	}
	b.set(nil, 0, 0)
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if a := s.do("GET", "/Patient/new", "", as("app")...); a.StatusCode == 404 { // it was never written
			break
		} else if time.Now().After(end) {
			t.Fatalf("with room again: %d %s", a.StatusCode, a.body)
		}
	}
	if a := s.do("GET", "/AuditEvent?subtype=alert", "", as("officer")...); !strings.Contains(a.body, "disk of the audit log was full") {
		t.Errorf("the log does not tell of it: %s", a.body)
	}
}

func TestWithoutTheLogNothingLeaves(t *testing.T) {
	var b *broken
	s, _ := guardedLog(t, func(a store.Audit) store.Audit { b = &broken{Audit: a}; return b })
	s.do("PUT", "/Patient/maria", `{"resourceType":"Patient","id":"maria","language":"secret-language"}`, as("clerk")...).want(201)
	b.set(errors.New("broken"), 0, 0)
	for _, path := range []string{"/Patient/maria", "/Patient", "/Patient/maria/_history", "/Patient/none"} {
		a := s.do("GET", path, "", append(as("clerk"), "Accept-Encoding", "gzip")...)
		a.want(503)
		if strings.Contains(a.body, "secret-language") || a.Header.Get("ETag") != "" || a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %v %s", path, a.Header, a.body)
		}
	}
	b.set(nil, 0, 0)
	s.do("GET", "/Patient/maria", "", as("clerk")...).want(200)
}
