package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/inglehealth/ingle/internal/recent"
)

// Bounds of fetching clients' key sets.
const (
	keysMax    = 500              // key sets kept
	keysFor    = 5 * time.Minute  // kept when the answer does not say
	keysMost   = 24 * time.Hour   // kept at most
	refetchGap = 30 * time.Second // between forced fetches of one address
)

// keySource fetches and keeps the key sets at clients' jwks_uri, no longer than
// Cache-Control says (SMART §5.0.5.1). It is safe for concurrent use.
type keySource struct {
	fetch  *http.Client
	now    func() time.Time
	flight singleflight.Group
	kept   *recent.Map[string, keptKeys] // by address
}

type keptKeys struct {
	keys    []clientKey
	fetched time.Time
	until   time.Time
}

func newKeySource(fetch *http.Client, now func() time.Time) *keySource {
	direct := *fetch
	direct.CheckRedirect = func(*http.Request, []*http.Request) error {
		return errors.New("redirects are not followed: register the address that it leads to")
	}
	return &keySource{fetch: &direct, now: now, kept: recent.NewMap[string, keptKeys](keysMax)}
}

// keys returns the key set at an address. With missed, what is kept lacks a key,
// so that it is fetched anew unless that was just done.
func (s *keySource) keys(ctx context.Context, uri string, missed bool) ([]clientKey, error) {
	if k, ok := s.kept.Get(uri); ok {
		now := s.now()
		// A clock that went back must not make old keys good again.
		fresh := now.Before(k.until) && !now.Before(k.fetched)
		if fresh && !(missed && now.Sub(k.fetched) >= refetchGap) {
			return k.keys, nil
		}
	}
	// Whoever waits shares one fetch, which none of them can cut short.
	result := s.flight.DoChan(uri, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTime)
		defer cancel()
		k, err := s.get(ctx, uri)
		if err == nil {
			s.kept.Put(uri, k)
		}
		return k.keys, err
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-result:
		return r.Val.([]clientKey), r.Err
	}
}

func (s *keySource) get(ctx context.Context, uri string) (k keptKeys, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return k, err
	}
	r.Header.Set("Accept", "application/json")
	answer, err := s.fetch.Do(r)
	if err != nil {
		return k, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return k, fmt.Errorf("the server of jwks_uri answered %d", answer.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxKeySet+1))
	if err != nil {
		return k, errors.New("the answer of jwks_uri ended early")
	}
	keys, err := parseKeys(text)
	if err != nil {
		return k, err
	}
	now := s.now()
	return keptKeys{keys, now, now.Add(freshFor(answer.Header))}, nil
}

// freshFor reads how long an answer may be kept (RFC 9111 §5.2.2).
func freshFor(h http.Header) time.Duration {
	fresh := keysFor
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
		switch name {
		case "no-store", "no-cache":
			return 0
		case "max-age":
			seconds, err := strconv.Atoi(strings.Trim(value, `"`))
			if err != nil || seconds < 0 {
				return 0
			}
			fresh = min(time.Duration(min(seconds, 1<<30))*time.Second, keysMost)
		}
	}
	age, err := strconv.Atoi(h.Get("Age"))
	if err == nil && age > 0 {
		fresh -= time.Duration(min(age, 1<<30)) * time.Second
	}
	return max(fresh, 0)
}
