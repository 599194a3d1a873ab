// Package limits says how much apps, users and addresses may ask for, and keeps
// account of it.
//
// A limit is a Rule: so many of what a Meter counts, for a Scope, or for one of a
// scope. A Limiter decides by what it has in memory, at once and without allocating,
// and tells the store several times a second what was used; what other processes used
// comes back with the answer. A store that is away hinders nobody: each process then
// goes by what it knows.
//
// What is used is kept as a debt of time, as the generic cell rate algorithm has it: one
// of a hundred a second owes ten milliseconds, a debt passes with time, and a burst is
// how much may be owed. So the account of a key is one number, to which processes add.
// What is let through beyond a limit, because processes did not know of each other yet,
// is owed as well: nobody has more than the rate for long. n processes let through at
// most n × (9/8 of the burst + what the rate gives in reportEvery) beyond rate × time.
//
// A Gate shares what a process can do at once fairly among those who ask.
package limits

import (
	"fmt"
	"net/netip"
	"strings"
)

// Scope is whom a rule is about.
type Scope uint8

// Scopes.
const (
	Tenant  Scope = iota // all together
	App                  // each registered app, by client id
	User                 // each user, by id
	Address              // each IPv4 address, or 64 bits of IPv6
	scopes
)

var scopeNames = [scopes]string{"tenant", "app", "user", "address"}

func (s Scope) String() string { return scopeNames[s] }

// MarshalText implements encoding.TextMarshaler.
func (s Scope) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Scope) UnmarshalText(text []byte) error {
	for i, name := range scopeNames {
		if name == string(text) {
			*s = Scope(i)
			return nil
		}
	}
	return fmt.Errorf("%q is none of %s", text, strings.Join(scopeNames[:], ", "))
}

// Meter is what is counted.
type Meter uint8

// Meters.
const (
	Requests       Meter = iota // HTTP requests
	Cost                        // of searches, in resources that they are estimated to look at
	Exported                    // resources that exports write
	ExportedBytes               // bytes of them
	Tokens                      // requests at the token endpoint and its like
	Authorizations              // requests of apps that a user authorizes them
	SignIns                     // sign-ins that fail
	Registrations               // apps that register themselves
	InFlight                    // requests at once
	QueryCost                   // of one search
	meters
)

var meterNames = [meters]string{
	"requests", "cost", "exported-resources", "exported-bytes", "tokens", "authorizations", "sign-ins", "registrations", "in-flight", "query-cost",
}

// meterWords say what a rule is about.
var meterWords = [meters]string{
	"requests", "resources that searches look at", "exported resources", "exported bytes", "requests for tokens", "authorization requests", "failed sign-ins",
	"registrations of apps", "requests at once", "resources that one search looks at",
}

func (m Meter) String() string { return meterNames[m] }

// Words are what it counts, for people.
func (m Meter) Words() string { return meterWords[m] }

// isRate says whether it counts over time.
func (m Meter) isRate() bool { return m < InFlight }

// local says whether requests from the loopback interface count by their address, too:
// nobody guesses passwords through a proxy that is not known as one.
func (m Meter) local() bool { return m >= Tokens && m <= Registrations }

// MarshalText implements encoding.TextMarshaler.
func (m Meter) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Meter) UnmarshalText(text []byte) error {
	for i, name := range meterNames {
		if name == string(text) {
			*m = Meter(i)
			return nil
		}
	}
	return fmt.Errorf("%q is none of %s", text, strings.Join(meterNames[:], ", "))
}

// Who is whom something counts for; what is not known is zero.
type Who struct {
	App, User string     // ids
	Address   netip.Addr // as AddressOf gives it
	Counted   bool       // it counts for all together already
}

// AddressOf is what one client can choose addresses from: an IPv4 address, or the first
// 64 bits of IPv6. It is zero for what is no address.
func AddressOf(text string) netip.Addr {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return Network(a)
}

// Network is AddressOf of an address.
func Network(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() && !a.IsLoopback() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// key is what is limited by itself.
type key struct {
	scope Scope
	meter Meter
	id    string     // of an app or user
	addr  netip.Addr // of an address
}

func (w Who) key(s Scope, m Meter) (k key, ok bool) {
	k = key{scope: s, meter: m}
	switch s {
	case App:
		k.id, ok = w.App, w.App != ""
	case User:
		k.id, ok = w.User, w.User != ""
	case Address:
		k.addr, ok = w.Address, w.Address.IsValid()
	default:
		ok = !w.Counted
	}
	return k, ok
}

// String is what the store knows a key by.
func (k key) String() string {
	id := k.id
	if k.scope == Address {
		id = k.addr.String()
	}
	return k.meter.String() + " " + k.scope.String() + " " + id
}

// parseKey reads what String gives.
func parseKey(text string) (k key, ok bool) {
	meter, rest, _ := strings.Cut(text, " ")
	scope, id, found := strings.Cut(rest, " ")
	if !found || k.meter.UnmarshalText([]byte(meter)) != nil || k.scope.UnmarshalText([]byte(scope)) != nil {
		return k, false
	}
	if k.scope == Address {
		var err error
		k.addr, err = netip.ParseAddr(id)
		return k, err == nil
	}
	k.id = id
	return k, true
}

// ID is the app, user or address.
func (k key) ID() string {
	if k.scope == Address {
		return k.addr.String()
	}
	return k.id
}
