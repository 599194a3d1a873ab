package smart_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/inglehealth/ingle/client/smart"
	"github.com/inglehealth/ingle/internal/smarttest"
)

func TestTheKeysAreFetchedOnceAndAgainWhenOneIsUnknown(t *testing.T) {
	s := smarttest.New(t)
	c := register(t, s)
	signIn(t, c)
	signIn(t, c)
	if n := s.Count("/keys"); n != 1 {
		t.Errorf("two signatures by one key: the keys were fetched %d times", n)
	}
	s.RotateKey()
	signIn(t, c)
	if n := s.Count("/keys"); n != 2 {
		t.Errorf("after a rotation: the keys were fetched %d times", n)
	}
	other, err := smart.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	s.Sign = func(claims any) string { return smarttest.Sign(jose.ES384, other.Private(), claims) }
	if _, err := finish(t, c); !errors.Is(err, smart.ErrIDToken) {
		t.Errorf("signed by an unknown key: %v", err)
	}
	if n := s.Count("/keys"); n != 3 {
		t.Errorf("an unknown key: the keys were fetched %d times in all", n)
	}
}

func TestAnIDTokenByES384IsTaken(t *testing.T) {
	s := smarttest.New(t)
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s.UseKey(jose.ES384, key)
	if token := signIn(t, register(t, s)); token.Identity.Subject != "user-1" {
		t.Errorf("the user is %+v", token.Identity)
	}
}

func TestAnIDTokenByAWeakKeyIsRefused(t *testing.T) {
	s := smarttest.New(t)
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	s.UseKey(jose.RS256, key)
	if _, err := finish(t, register(t, s)); !errors.Is(err, smart.ErrIDToken) {
		t.Errorf("error %v", err)
	}
}
