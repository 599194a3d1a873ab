package smart

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
)

// Finish takes the parameters that the browser brought to the redirect_uri and
// exchanges the code among them for a token. An app finishes an attempt once. The
// answer is believed only if its state is the attempt's (ErrState) and it names
// the attempt's authorization server, if that names itself (ErrIssuer, RFC 9207).
// An *Error is what the server refused with, such as access_denied.
func (c *Client) Finish(ctx context.Context, a *Attempt, answer url.Values) (*Token, error) {
	for name, values := range answer {
		if len(values) > 1 {
			return nil, fmt.Errorf("smart: the answer has %q more than once", name)
		}
	}
	if a.Base != c.Server.Base || a.Client != c.ID {
		return nil, ErrIssuer
	}
	if a.State == "" || subtle.ConstantTimeCompare([]byte(answer.Get("state")), []byte(a.State)) != 1 {
		return nil, ErrState
	}
	if err := c.checkIssuer(answer); err != nil {
		return nil, err
	}
	if code := answer.Get("error"); code != "" {
		return nil, &Error{Code: code, Description: answer.Get("error_description"), URI: answer.Get("error_uri")}
	}
	code := answer.Get("code")
	if code == "" {
		return nil, errors.New("smart: the answer has neither code nor error")
	}
	form := url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {code},
		"redirect_uri":  {c.Redirect},
		"code_verifier": {a.Verifier},
	}
	t, err := c.request(ctx, form, &Token{Scopes: a.Scopes})
	if err != nil {
		return nil, err
	}
	if t.Scopes.Has("openid") && t.IDToken == "" {
		return nil, fmt.Errorf("%w: the server granted openid and sent none", ErrIDToken)
	}
	if t.IDToken != "" {
		t.Identity, err = c.verify(ctx, t.IDToken)
		if err == nil && t.Identity.Nonce != a.Nonce {
			err = fmt.Errorf("%w: its nonce is not the one that was sent", ErrIDToken)
		}
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// checkIssuer is RFC 9207 §2.4. An iss that cannot be compared is refused.
func (c *Client) checkIssuer(answer url.Values) error {
	if !answer.Has("iss") {
		if c.Server.Configuration.NamesIssuer {
			return fmt.Errorf("%w: it has no iss", ErrIssuer)
		}
		return nil
	}
	if iss := answer.Get("iss"); iss == "" || iss != c.Server.Configuration.Issuer {
		return fmt.Errorf("%w: its iss is %q", ErrIssuer, iss)
	}
	return nil
}
