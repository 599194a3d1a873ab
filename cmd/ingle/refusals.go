package main

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
)

// Bounds of what refusals record: how often of an address, and of how many addresses
// each by itself.
const (
	refusalsEvery = time.Minute
	maxRefused    = 1000
)

// refusals records what limits refuse before anybody looks at it: the first request of
// an address, or of an IPv6 network as limits have it, at once, and after every minute how
// many more there were, so that who is refused cannot fill the audit log.
type refusals struct {
	record func(tenant string, e *audit.Event)

	mu   sync.Mutex
	more map[refused]int // since the last event
}

// refused is who was: without a network, all those beyond maxRefused.
type refused struct {
	tenant  string
	network netip.Addr // limits.AddressOf
}

func newRefusals(tenants *records.Tenants, log logger) *refusals {
	return &refusals{more: map[refused]int{}, record: func(tenant string, e *audit.Event) {
		door, ok := tenants.Door(tenant)
		if !ok || door.Audit() == nil || door.Audit().Admit(false) != nil {
			return
		}
		if err := door.Audit().Record(context.Background(), e); err != nil {
			log.Error("that requests were refused is not in the audit log", "error", err)
		}
	}}
}

// add tells of a request that was refused.
func (s *refusals) add(r *http.Request, tenant, request string) {
	address := web.AddressOf(r)
	who := refused{tenant, limits.AddressOf(address)}
	s.mu.Lock()
	n, known := s.more[who]
	if !known && len(s.more) >= maxRefused {
		who.network, address = netip.Addr{}, ""
		n, known = s.more[who]
	}
	if known {
		n++
	}
	s.more[who] = n
	s.mu.Unlock()
	if !known {
		e := refusal(address, 1, "a limit refused a request before it was looked at")
		e.Request = request
		s.record(tenant, e)
	}
}

// run tells every minute of those that came after the first, until ctx ends.
func (s *refusals) run(ctx context.Context) error {
	tick := time.NewTicker(refusalsEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
		s.tell()
	}
	return nil
}

// tell records how many were refused since it was last called.
func (s *refusals) tell() {
	s.mu.Lock()
	told := map[refused]int{}
	for who, n := range s.more {
		if n == 0 {
			delete(s.more, who) // the next one is a first one
			continue
		}
		told[who], s.more[who] = n, 0
	}
	s.mu.Unlock()
	for who, n := range told {
		address := ""
		if who.network.IsValid() {
			address = who.network.String()
		}
		s.record(who.tenant, refusal(address, n, "a limit refused so many further requests before they were looked at"))
	}
}

func refusal(address string, n int, note string) *audit.Event {
	return &audit.Event{
		Kind: audit.Refuse, Status: http.StatusTooManyRequests, Agent: audit.Agent{Address: address}, Why: []string{"throttled"}, Note: note, Count: n,
	}
}
