// Package identity is who people and apps are to Ingle: users, what they sign
// in with, sessions, and the keys that Ingle signs with.
//
// A Service is one tenant's. Its methods are safe for concurrent use, and
// several processes may serve one tenant: what one of them changes the others
// see at their next call, since all of it lies in store.Identity. Secrets that
// were handed out (cookies, links) are stored hashed, those that must be read
// again (private keys, TOTP secrets) encrypted with a KeyFile.
package identity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/inglehealth/ingle/internal/recent"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/metric"
)

// How long a session lasts.
const (
	DefaultSessionIdle = 30 * time.Minute
	DefaultSessionLife = 12 * time.Hour
)

// Config is what a Service needs.
type Config struct {
	Store  store.Identity
	Issuer string           // public URL without trailing slash; the FHIR base is Issuer + "/fhir"
	Secret *KeyFile         // encrypts private keys and TOTP secrets at rest
	Clock  func() time.Time // nil: time.Now
	Log    *slog.Logger     // nil: nothing is logged; secrets never are
	// Fetch gets what clients and outside providers publish; nil: GuardedClient.
	Fetch        *http.Client
	AllowPrivate bool          // GuardedClient may speak to private addresses
	SessionIdle  time.Duration // a session ends when it is not used for so long; 0: DefaultSessionIdle
	SessionLife  time.Duration // and in any case after so long; 0: DefaultSessionLife
	// Passwords is what their hashes take; the zero value: DefaultCost. A password that
	// was hashed at another cost is hashed anew at its next use.
	Passwords Cost
	// Addresses limit the failed sign-ins of an address; nil: in the memory of this
	// process.
	Addresses AddressLimits
	// Sandbox are the logins of users of a sandbox, as whom anybody may sign in by
	// name alone.
	Sandbox []string
	// Counts has tokens and sign-ins counted under the name of the tenant; nil: they are
	// not.
	Counts *metric.Registry
	Tenant string
}

// Service is a tenant's identity.
type Service struct {
	config    Config
	hasher    *hasher
	addresses addressLimiter
	signing   signing
	passkeys  *webauthn.WebAuthn // nil: browsers have no passkeys for the issuer's host
	keys      *keySource
	checked   *recent.Map[string, checked] // access tokens by their hash
	origins   *recent.Map[string, int64]   // known ones, with the epoch in which they were
	simulated *recent.Map[string, simulated]
	counts    counts
}

// Open makes a Service. At the first start it makes the key file; the first
// signing keys, which take a moment, are made when they are first asked for. An
// ErrKeyFile says what is wrong with the key file.
func Open(ctx context.Context, c Config) (*Service, error) {
	s, err := newService(c)
	if err != nil {
		return nil, err
	}
	if err := s.unlock(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func newService(c Config) (*Service, error) {
	if c.Store == nil || c.Secret == nil {
		return nil, errors.New("identity: a store and a key file are needed")
	}
	issuer, err := url.Parse(c.Issuer)
	if err != nil || issuer.Scheme != "https" && issuer.Scheme != "http" || issuer.Host == "" ||
		issuer.RawQuery != "" || issuer.Fragment != "" || issuer.User != nil || c.Issuer[len(c.Issuer)-1] == '/' {
		return nil, fmt.Errorf("identity: the issuer %q is not an absolute http(s) URL without trailing slash, query and fragment", c.Issuer)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Fetch == nil {
		c.Fetch = GuardedClient(c.AllowPrivate)
	}
	if c.SessionIdle == 0 {
		c.SessionIdle = DefaultSessionIdle
	}
	if c.SessionLife == 0 {
		c.SessionLife = DefaultSessionLife
	}
	if c.Passwords == (Cost{}) {
		c.Passwords = DefaultCost()
	}
	if !c.Passwords.bounded() {
		return nil, fmt.Errorf("identity: the hashes of passwords cannot take %+v: 1 to %d passes over up to %d KiB by at least one thread", c.Passwords, mostTime, mostMemory)
	}
	s := &Service{
		config: c, hasher: newHasher(c.Passwords), addresses: sharing(c.Addresses), passkeys: relyingParty(issuer),
		checked: recent.NewMap[string, checked](maxChecked), origins: recent.NewMap[string, int64](maxOrigins),
		simulated: recent.NewMap[string, simulated](maxSimulated), counts: newCounts(c.Counts, c.Tenant),
	}
	s.keys = newKeySource(c.Fetch, s.now)
	return s, nil
}

// now is in UTC and as exact as the store keeps it.
func (s *Service) now() time.Time { return s.config.Clock().UTC().Truncate(time.Microsecond) }

// Sweep removes what has expired. Serve calls it now and then; nothing depends
// on when.
func (s *Service) Sweep(ctx context.Context) error {
	const batch = 500
	for {
		n, err := s.config.Store.SweepItems(ctx, s.now().Add(-maxSkew), batch)
		if err != nil || n < batch {
			return err
		}
	}
}

// maxSkew is how far clocks of processes, or one before and after it was set,
// may be apart without anybody noticing.
const maxSkew = 5 * time.Minute
