package identity

import (
	"context"
	"crypto/subtle"
	"errors"
)

// AssertionType is the client_assertion_type of private_key_jwt (RFC 7523 §2.2).
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// ClientProof is what a request says about the client that sends it.
type ClientProof struct {
	ID            string // client_id of the body, or the user of Basic
	Secret        string
	Basic         bool // the secret came in the Authorization header
	AssertionType string
	Assertion     string
	// Refresh is a refresh token that the request sends. It says by itself which
	// public client sends it: SMART's request for new tokens has no client_id
	// (§2.0.15).
	Refresh string
	// Audiences are what an assertion may be for: the token endpoint, and this
	// server's issuer.
	Audiences []string
}

// AuthenticateClient finds out which client sends a request (RFC 6749 §2.3). A
// public client only says its client_id. An assertion is good once, in whatever
// process. A *Refused with InvalidClient or InvalidRequest says what is wrong.
func (s *Service) AuthenticateClient(ctx context.Context, p ClientProof) (*Client, error) {
	if p.Assertion != "" || p.AssertionType != "" {
		return s.authenticateByAssertion(ctx, p)
	}
	if p.ID == "" && p.Refresh != "" && !p.Basic {
		var err error
		if p.ID, err = s.refreshes(ctx, p.Refresh); err != nil {
			return nil, err
		}
	}
	if p.ID == "" {
		return nil, Refuse(InvalidClient, "the request does not say which client sends it: send client_id, or authenticate as you registered")
	}
	c, err := s.Client(ctx, p.ID)
	if errors.Is(err, ErrNoClient) {
		return nil, errClient()
	}
	if err != nil {
		return nil, err
	}
	switch c.Auth {
	case AuthNone:
		if p.Secret != "" {
			return nil, Refuse(InvalidClient, "this client is public: it has no secret to send")
		}
	case AuthBasic, AuthPost:
		if c.Auth == AuthBasic && !p.Basic {
			return nil, Refuse(InvalidClient, "this client authenticates with client_secret_basic: send the secret in the Authorization header")
		}
		if subtle.ConstantTimeCompare([]byte(hashed(p.Secret)), []byte(c.SecretHash)) != 1 {
			return nil, errClient()
		}
	default:
		return nil, Refuse(InvalidClient, "this client authenticates with %s: send client_assertion_type and client_assertion", c.Auth)
	}
	if err := c.usable(); err != nil {
		return nil, err
	}
	return c, nil
}

func errClient() error {
	return Refuse(InvalidClient, "the client is not registered here, or its secret is wrong")
}
