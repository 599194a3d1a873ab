package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/inglehealth/ingle/store"
)

const (
	kindTrace = "trace"
	// TraceMax is how many steps of a client are kept, and TraceFor for how long.
	TraceMax = 300
	TraceFor = 24 * time.Hour
	// pruneEvery is after how many steps, on average, those beyond TraceMax go.
	pruneEvery = 25
)

// Step is one request of an app at a sandbox, as its developer may see it. It holds no
// secrets: see Redacted.
type Step struct {
	Time     time.Time         `json:"time"`
	Client   string            `json:"client"`
	Method   string            `json:"method"`
	Path     string            `json:"path"` // below the issuer
	Sent     map[string]string `json:"sent,omitempty"`
	Origin   string            `json:"origin,omitempty"` // of the page that sent it
	Scheme   string            `json:"scheme,omitempty"` // of the Authorization header: Bearer, Basic
	Status   int               `json:"status"`
	Answer   map[string]string `json:"answer,omitempty"` // what of the answer matters
	Millis   int64             `json:"milliseconds"`
	Request  string            `json:"request,omitempty"`  // X-Request-Id
	Stray    bool              `json:"stray,omitempty"`    // it did not say of which app it is
	Injected string            `json:"injected,omitempty"` // by the simulation: the error or behaviour
}

// traced tells steps of one moment apart.
var traced atomic.Uint32

// Trace keeps a step of a client that a simulation runs for; of others it keeps
// nothing.
func (s *Service) Trace(ctx context.Context, step Step) error {
	m, err := s.Simulation(ctx, step.Client)
	if m == nil || err != nil {
		return err
	}
	key := store.ItemKey{Name: "client", Value: step.Client}
	id := fmt.Sprintf("%016x-%08x-%s", step.Time.UnixMicro(), traced.Add(1), newID()[:8]) // in the order of time
	var w changes
	w.put(kindTrace, id, 0, step, step.Time.Add(TraceFor), key)
	if rand.N(pruneEvery) == 0 { //nolint:gosec // when is no secret
		if err := s.prune(ctx, &w, key); err != nil {
			return err
		}
	}
	return s.write(ctx, &w)
}

// prune removes the oldest steps beyond TraceMax.
func (s *Service) prune(ctx context.Context, w *changes, key store.ItemKey) error {
	items, err := s.config.Store.FindItems(ctx, kindTrace, key, "", 2*TraceMax)
	if err != nil {
		return err
	}
	for i := range max(0, len(items)-TraceMax+1) {
		w.remove(kindTrace, items[i].ID, store.Any)
	}
	return nil
}

// Traced are the latest steps of a client, the oldest first.
func (s *Service) Traced(ctx context.Context, client string) ([]Step, error) {
	var all []Step
	err := s.walk(ctx, kindTrace, &store.ItemKey{Name: "client", Value: client}, func(i store.Item) error {
		var step Step
		if err := decode(i, &step); err != nil {
			return err
		}
		if s.now().Before(i.Expires) {
			all = append(all, step)
		}
		return nil
	})
	return all[max(0, len(all)-TraceMax):], err
}

// ForgetTrace removes the steps of a client.
func (s *Service) ForgetTrace(ctx context.Context, client string) error {
	var w changes
	err := s.walk(ctx, kindTrace, &store.ItemKey{Name: "client", Value: client}, func(i store.Item) error {
		w.remove(kindTrace, i.ID, store.Any)
		return nil
	})
	if err != nil {
		return err
	}
	return s.write(ctx, &w)
}

// Redacted stands for a secret in a trace: it tells how long it is, and of one that is
// too long to be guessed a sign by which it is known again.
func Redacted(secret string) string {
	text := "redacted, " + strconv.Itoa(len(secret)) + " characters"
	const guessable = 32
	if len(secret) < guessable {
		return text
	}
	sum := sha256.Sum256([]byte("trace " + secret))
	return text + ", sign " + hex.EncodeToString(sum[:3])
}

// TokenClient is the client that an access token was issued to, even if the token is
// no longer good; "" for none, and when nothing is known of the token.
func (s *Service) TokenClient(ctx context.Context, token string) (string, error) {
	if token == "" || len(token) > 128 {
		return "", nil
	}
	var t accessToken
	_, err := s.read(ctx, kindAccess, hashed(token), &t)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	return t.Client, err
}

// Stray finds the client of a request that does not tell it: that of the simulation
// that was started from an address, if there is one only. "" otherwise.
func (s *Service) Stray(ctx context.Context, address string) (string, error) {
	all, err := s.Simulations(ctx)
	if err != nil || address == "" {
		return "", err
	}
	all = slices.DeleteFunc(all, func(m *Simulation) bool { return m.Address != address })
	if len(all) != 1 {
		return "", nil
	}
	return all[0].Client, nil
}
