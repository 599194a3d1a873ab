package identity

import (
	"context"
	"crypto/subtle"
	"errors"
	"strings"
	"time"

	"github.com/inglehealth/ingle/spec/smart"
)

const (
	kindRequest   = "request"
	browserPrefix = "igl_br_"
)

// RequestFor is how long a user has to answer a request.
const RequestFor = 10 * time.Minute

// Request is an authorization request that a browser is about to answer. It is
// bound to that browser by a cookie, so that each of several tabs has its own.
type Request struct {
	ID        string        `json:"-"`
	Browser   string        `json:"browser"` // hash of the cookie
	Client    string        `json:"client"`
	Redirect  string        `json:"redirect"`
	State     []byte        `json:"state,omitempty"` // as it was sent, be it text or not
	Scopes    smart.Scopes  `json:"scopes"`          // asked for and possible for the client
	Challenge string        `json:"challenge,omitempty"`
	Nonce     string        `json:"nonce,omitempty"`
	Purpose   string        `json:"purpose,omitempty"` // of use, a code of v3-ActReason
	Launch    string        `json:"launch,omitempty"`  // handle
	User      string        `json:"user,omitempty"`    // who has to sign in: whom the launch is for
	Context   smart.Context `json:"context"`           // of the launch, then as chosen
	LoginHint string        `json:"loginHint,omitempty"`
	Ask       bool          `json:"ask,omitempty"` // for consent, whatever was allowed before
	// Fresh means that the user has to sign in anew, SignedIn that a sign-in
	// must not be older.
	Fresh    bool      `json:"fresh,omitempty"`
	SignedIn time.Time `json:"signedIn,omitzero"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires"`
	Answered time.Time `json:"answered,omitzero"`

	version int64
}

// Errors of requests that a browser comes back to.
var (
	ErrRequest  = errors.New("identity: the request is unknown, has expired or belongs to another browser")
	ErrAnswered = errors.New("identity: the request was answered already")
)

// StartRequest keeps a request for 10 minutes and returns the value of the cookie
// that it is bound to. It sets ID, Browser, Created and Expires.
func (s *Service) StartRequest(ctx context.Context, r *Request) (cookie string, err error) {
	cookie = newSecret(browserPrefix)
	r.ID, r.Browser, r.Created, r.version = newID(), hashed(cookie), s.now(), 0
	r.Expires = r.Created.Add(RequestFor)
	return cookie, s.SaveRequest(ctx, r)
}

// ReadRequest returns a request to the browser that has its cookie; ErrRequest.
// Answered tells whether it was answered.
func (s *Service) ReadRequest(ctx context.Context, id, cookie string) (*Request, error) {
	if id == "" || len(id) > 64 || !strings.HasPrefix(cookie, browserPrefix) {
		return nil, ErrRequest
	}
	r := &Request{ID: id}
	version, err := s.read(ctx, kindRequest, id, r)
	if errors.Is(err, ErrNotFound) {
		return nil, ErrRequest
	}
	if err != nil {
		return nil, err
	}
	r.version = version
	if subtle.ConstantTimeCompare([]byte(hashed(cookie)), []byte(r.Browser)) != 1 || !s.now().Before(r.Expires) || s.ahead(r.Created) {
		return nil, ErrRequest
	}
	return r, nil
}

// SaveRequest writes a request that was read; ErrConflict when it has changed
// since.
func (s *Service) SaveRequest(ctx context.Context, r *Request) error {
	var w changes
	r.put(&w)
	if err := s.write(ctx, &w); err != nil {
		return err
	}
	r.version++
	return nil
}

// DenyRequest answers a request without a grant; ErrAnswered when it was
// answered already.
func (s *Service) DenyRequest(ctx context.Context, r *Request) error {
	r.Answered = s.now()
	err := s.SaveRequest(ctx, r)
	if errors.Is(err, ErrConflict) {
		return ErrAnswered
	}
	return err
}

func (r *Request) put(w *changes) {
	w.put(kindRequest, r.ID, r.version, r, r.Expires)
}

// FormToken is what a form of the request's pages holds, so that no other page
// can send it: only whoever can read the page knows it.
func (r *Request) FormToken(cookie string) string { return hashed("form\n" + r.ID + "\n" + cookie) }

// SignOutToken is the same for the form that ends the session of a cookie.
func SignOutToken(cookie string) string { return hashed("sign-out\n" + cookie) }
