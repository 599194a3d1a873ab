package smart_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/client/smart"
	"github.com/inglehealth/ingle/internal/smarttest"
)

func TestATokenThatExpiresIsRenewedOnceHoweverManyAsk(t *testing.T) {
	s := smarttest.New(t)
	at := &clock{}
	c := registerAt(t, discover(t, s, at))
	first := signIn(t, c)
	var kept []*smart.Token
	source := c.Source(first, func(t *smart.Token) { kept = append(kept, t) })
	for range 3 {
		at.advance(time.Hour)
		before := s.Count("/token")
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if token, err := source.Token(t.Context()); err != nil || token == first {
					t.Errorf("token %p, error %v", token, err)
				}
			})
		}
		all.Wait()
		if n := s.Count("/token") - before; n != 1 {
			t.Fatalf("20 callers made %d renewals", n)
		}
	}
	if len(kept) != 3 || kept[2] != source.Current() || kept[0].Refresh == kept[1].Refresh {
		t.Errorf("kept were %d tokens", len(kept))
	}
	if now := source.Current(); now.Context.Patient != "maria" || now.Scopes.String() != chart.String() || now.Identity == nil {
		t.Errorf("after the renewals: %+v", now)
	}
}

func TestATokenThatHasTimeIsNotRenewed(t *testing.T) {
	s := smarttest.New(t)
	at := &clock{}
	c := registerAt(t, discover(t, s, at))
	first := signIn(t, c)
	source := c.Source(first, nil)
	at.advance(59 * time.Minute)
	if token, err := source.Token(t.Context()); err != nil || token != first {
		t.Errorf("token %p, error %v", token, err)
	}
}

func TestAnAuthorizationThatEndedIsNotAskedForAgain(t *testing.T) {
	s := smarttest.New(t)
	at := &clock{}
	c := registerAt(t, discover(t, s, at))
	first := signIn(t, c)
	source := c.Source(first, nil)
	if err := c.Revoke(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	at.advance(time.Hour)
	for range 3 {
		if _, err := source.Token(t.Context()); refusal(err) != "invalid_grant" {
			t.Errorf("error %v", err)
		}
	}
	if n := s.Count("/token"); n != 2 { // the code's exchange, and one refresh
		t.Errorf("%d token requests", n)
	}
}

func TestARefreshTokenThatIsUsedTwiceEndsTheAuthorization(t *testing.T) {
	c := register(t, smarttest.New(t))
	first := signIn(t, c)
	second, err := c.Refresh(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	for _, used := range []*smart.Token{first, second} {
		if _, err := c.Refresh(t.Context(), used); refusal(err) != "invalid_grant" {
			t.Errorf("error %v", err)
		}
	}
}

func TestACallerThatGoesDoesNotStopTheRenewal(t *testing.T) {
	s := smarttest.New(t)
	at := &clock{}
	c := registerAt(t, discover(t, s, at))
	renewed := make(chan *smart.Token, 1)
	source := c.Source(signIn(t, c), func(t *smart.Token) { renewed <- t })
	at.advance(time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := source.Token(ctx); err != nil && !errors.Is(err, context.Canceled) { // the renewal may be quicker
		t.Fatal(err)
	}
	kept := <-renewed
	if token, err := source.Token(t.Context()); err != nil || token.Refresh != kept.Refresh {
		t.Errorf("token %+v, error %v", token, err)
	}
}

func TestWithoutARefreshTokenTheUserHasToComeBack(t *testing.T) {
	s := smarttest.New(t)
	s.Grants = smart.Scopes{"patient/Patient.r"}
	at := &clock{}
	c := registerAt(t, discover(t, s, at))
	source := c.Source(signIn(t, c), nil)
	at.advance(time.Hour)
	if _, err := source.Token(t.Context()); !errors.Is(err, smart.ErrExpired) {
		t.Errorf("error %v", err)
	}
}

func TestARenewedIDTokenOfAnotherUserIsRefused(t *testing.T) {
	s := smarttest.New(t)
	c := register(t, s)
	first := signIn(t, c)
	s.Claims = func(claims map[string]any) { claims["sub"] = "user-2" }
	if _, err := c.Refresh(t.Context(), first); !errors.Is(err, smart.ErrIDToken) {
		t.Errorf("error %v", err)
	}
}

func TestARefreshOutlivesKeysThatCannotBeFetched(t *testing.T) {
	s := smarttest.New(t)
	c := register(t, s)
	first := signIn(t, c)
	s.RotateKey()
	c.Server.Configuration.KeysEndpoint = s.URL + "/nothing"
	second, err := c.Refresh(t.Context(), first)
	if err != nil || second.IDToken != first.IDToken || second.Identity != first.Identity || second.Refresh == first.Refresh {
		t.Fatalf("token %+v, error %v", second, err)
	}
	if _, err := finish(t, c); err == nil { // where nothing is known yet, there is no sign-in
		t.Error("a user was believed without keys")
	}
}

func TestATokenIsTheSameAfterItWasKept(t *testing.T) {
	c := register(t, smarttest.New(t))
	kept := throughJSON(t, signIn(t, c))
	if _, err := c.Refresh(t.Context(), kept); err != nil {
		t.Error(err)
	}
	if kept.Context.Patient != "maria" || kept.Identity.Subject != "user-1" {
		t.Errorf("kept was %+v", kept)
	}
}

func throughJSON[T any](t *testing.T, v *T) *T {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	again := new(T)
	if err := json.Unmarshal(text, again); err != nil {
		t.Fatal(err)
	}
	return again
}
