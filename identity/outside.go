package identity

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

const (
	outsideLife = 10 * time.Minute
	maxCookie   = 3800 // bytes; browsers keep about 4096 with the name
)

// outside is a sign-in under way at a provider.
type outside struct {
	Provider  string    `json:"provider"`
	Redirect  string    `json:"redirect"`
	Verifier  string    `json:"verifier"`
	Nonce     string    `json:"nonce"`
	Discovery discovery `json:"discovery"`
	// User is whom the account is to be linked to, of that Generation.
	User       string `json:"user,omitempty"`
	Generation int64  `json:"generation,omitempty"`
}

// BeginOutside begins to sign in at a provider. The browser is sent to address
// and keeps cookie; the provider sends it back to redirect, which FinishOutside
// follows. With link, the account there is linked to the user of that session.
// ErrNotFound; ErrOutside when the provider does not answer as it should.
func (s *Service) BeginOutside(ctx context.Context, providerID, redirect string, link *Session) (address, cookie string, err error) {
	p, err := s.provider(ctx, providerID)
	if err != nil {
		return "", "", fmt.Errorf("provider %q: %w", providerID, err)
	}
	d, err := s.discover(ctx, p)
	if err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrOutside, err)
	}
	to, err := url.Parse(d.Authorization)
	if err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrOutside, err)
	}
	o := outside{Provider: p.ID, Redirect: redirect, Verifier: newSecret(""), Nonce: newSecret(""), Discovery: d}
	if link != nil {
		o.User, o.Generation = link.UserID, link.Generation
	}
	cookie, err = s.giveOut(outsidePrefix, outsideLife, o)
	if err != nil {
		return "", "", err
	}
	if len(cookie) > maxCookie {
		return "", "", fmt.Errorf("%w: the addresses of its endpoints are too long", ErrOutside)
	}
	challenge := sha256.Sum256([]byte(o.Verifier))
	q := to.Query()
	for name, value := range map[string]string{
		"response_type": "code", "client_id": p.ClientID, "redirect_uri": redirect, "state": hashed(cookie), "nonce": o.Nonce,
		"scope": strings.Join(append([]string{"openid"}, p.Scopes...), " "), "code_challenge_method": "S256",
		"code_challenge": base64.RawURLEncoding.EncodeToString(challenge[:]),
	} {
		q.Set(name, value)
	}
	to.RawQuery = q.Encode()
	return to.String(), cookie, nil
}

// FinishOutside completes a sign-in at a provider, of the parameters that it sent
// the browser back with and of the cookie of BeginOutside. ErrOutside says why
// it failed; ErrUnlinked when nobody is linked to the account and the provider
// makes no users; ErrDisabled. After a link, the caller goes on with the session
// that it has; ErrLinked when the account is another user's, ErrSession when the
// session has ended meanwhile.
func (s *Service) FinishOutside(ctx context.Context, cookie string, answer url.Values, from Origin) (_ *SignIn, err error) {
	defer s.counts.signIn("outside", &err)
	paid, err := s.pay(from)
	if err != nil {
		return nil, err
	}
	o, err := s.takeOutside(ctx, cookie, answer.Get("state"))
	if err != nil {
		return nil, err
	}
	p, err := s.provider(ctx, o.Provider)
	if errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("%w: the provider has been removed", ErrOutside)
	} else if err != nil {
		return nil, err
	}
	who, err := s.ask(ctx, p, o, answer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOutside, err)
	}
	var a *account
	err = again(func() (err error) {
		a, err = s.outsideUser(ctx, p, o, who)
		return err
	})
	if err != nil {
		return nil, err
	}
	methods := []string{MethodOutside}
	if p.MultiFactor {
		methods = append(methods, MethodMulti)
	}
	return s.signedIn(ctx, a, methods, s.counting(paid, a, from))
}

// takeOutside reads a sign-in under way, which serves once. The state of its
// answer is bound to the browser by being the hash of the cookie.
func (s *Service) takeOutside(ctx context.Context, cookie, state string) (*outside, error) {
	o := &outside{}
	err := errSpent
	if state == hashed(cookie) {
		err = s.takeBack(ctx, outsidePrefix, outsideLife, cookie, o)
	}
	if errors.Is(err, errSpent) {
		return nil, fmt.Errorf("%w: %w", ErrOutside, err)
	}
	return o, err
}
