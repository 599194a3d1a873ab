package smart

import (
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Transport adds the access token to requests for the FHIR server, and to no
// others. A request that is answered with 401 is sent once more with a renewed
// token, if it can be sent twice; when that is not possible, the 401 is the answer.
type Transport struct {
	Server *Server
	Source *Source
	Next   http.RoundTripper // nil for http.DefaultTransport
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !t.Server.serves(req.URL) {
		return t.next().RoundTrip(req)
	}
	token, err := t.Source.Token(req.Context())
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	resp, err := t.next().RoundTrip(with(token, req))
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	again := req
	if req.Body != nil && req.Body != http.NoBody {
		if req.GetBody == nil {
			return resp, nil
		}
		body, err := req.GetBody()
		if err != nil {
			return resp, nil
		}
		again = req.Clone(req.Context())
		again.Body = body
	}
	if token, err = t.Source.Renew(req.Context(), token); err != nil {
		return resp, nil
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer) // so that the connection can be used again
	_ = resp.Body.Close()
	return t.next().RoundTrip(with(token, again))
}

func (t *Transport) next() http.RoundTripper {
	if t.Next != nil {
		return t.Next
	}
	return http.DefaultTransport
}

func with(token *Token, req *http.Request) *http.Request {
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+token.Access)
	return req
}

// serves says whether an address lies below the FHIR base.
func (s *Server) serves(u *url.URL) bool {
	base, err := url.Parse(strings.TrimSuffix(s.Base, "/"))
	if err != nil || u.Scheme != base.Scheme || !strings.EqualFold(u.Host, base.Host) {
		return false
	}
	return u.Path == base.Path || strings.HasPrefix(u.Path, base.Path+"/")
}
