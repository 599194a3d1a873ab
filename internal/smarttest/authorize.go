package smarttest

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/inglehealth/ingle/spec/smart"
)

func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	for name, values := range q {
		if len(values) != 1 {
			http.Error(w, name+" is repeated", http.StatusBadRequest)
			return
		}
	}
	c := s.clients[q.Get("client_id")]
	if c == nil || !slices.Contains(c.Redirects, q.Get("redirect_uri")) || c.waiting {
		http.Error(w, "unknown client or redirect_uri, or one that waits for approval", http.StatusBadRequest)
		return
	}
	back := url.Values{"state": {q.Get("state")}, "iss": {s.URL}}
	if wrong := s.checkRequest(q); wrong != "" {
		back.Set("error", "invalid_request")
		back.Set("error_description", wrong)
	} else {
		code := newSecret()
		asked, _ := smart.ParseScopes(q.Get("scope")) // checkRequest has
		if s.Grants != nil {
			asked = asked.Within(s.Grants)
		}
		s.codes[code] = &grant{
			client: c.ID, redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge"),
			nonce: q.Get("nonce"), scopes: asked,
		}
		back.Set("code", code)
	}
	if s.Redirect != nil {
		s.Redirect(back)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound) //nolint:gosec // it is registered, exactly so
}

// checkRequest says what is wrong with an authorization request.
func (s *Server) checkRequest(q url.Values) string {
	scopes, err := smart.ParseScopes(q.Get("scope"))
	switch {
	case q.Get("tenant") != "a":
		return "the query of the endpoint is lost"
	case q.Get("response_type") != "code":
		return "response_type is not code"
	case len(q.Get("state")) < 22:
		return "state has less than 122 bits"
	case q.Get("aud") != s.Base:
		return "aud is not the FHIR server"
	case q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43:
		return "no PKCE with S256"
	case err != nil || len(scopes) == 0:
		return "no scope"
	case scopes.Has(smart.Launch) != q.Has("launch"):
		return "launch goes with the scope launch"
	case q.Has("launch") && q.Get("launch") != "launch-1":
		return "unknown launch"
	}
	return ""
}
