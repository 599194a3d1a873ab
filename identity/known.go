package identity

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// A browser in which somebody has signed in keeps proof of that, and what it
// tries for that login is counted by itself (OWASP's device cookies): who guesses
// from a network that its user shares, or from many, locks a login for strangers,
// not for its user.

// KnownFor is how long a browser stays known after a sign-in.
const KnownFor = 180 * 24 * time.Hour

const (
	knownPrefix = "igl_kb_"
	maxKnown    = 10 // logins for which one browser is known: people share them
)

// known says that a browser signed in as a login. It is sealed, and opens
// nothing.
type known struct {
	Login   string    `json:"login"` // its hash
	ID      string    `json:"id"`    // by which attempts are counted
	Expires time.Time `json:"expires"`
}

func (s *Service) knownPurpose() string { return "known browser " + s.config.Issuer }

// Remember returns what a browser keeps in a cookie, to be given as Origin.Known,
// after a user has signed in; before is what it has kept so far.
func (s *Service) Remember(before string, u *User) (string, error) {
	k := known{Login: hashed(loginKey(u.Login)), ID: newID(), Expires: s.now().Add(KnownFor)}
	text, err := json.Marshal(k)
	if err != nil {
		return "", err
	}
	sealed, err := s.config.Secret.seal(s.knownPurpose(), text)
	if err != nil {
		return "", err
	}
	all := []string{knownPrefix + base64.RawURLEncoding.EncodeToString(sealed)}
	s.eachKnown(before, func(token string, other known) {
		if other.Login != k.Login && len(all) < maxKnown {
			all = append(all, token)
		}
	})
	return strings.Join(all, "."), nil
}

// eachKnown calls f with what of a cookie is genuine and has not expired.
func (s *Service) eachKnown(cookie string, f func(token string, k known)) {
	for _, token := range strings.SplitN(cookie, ".", maxKnown+1) {
		encoded, ok := strings.CutPrefix(token, knownPrefix)
		sealed, err := base64.RawURLEncoding.DecodeString(encoded)
		if !ok || err != nil {
			continue
		}
		text, err := s.config.Secret.open(s.knownPurpose(), sealed)
		var k known
		if err == nil && json.Unmarshal(text, &k) == nil && s.fresh(k.Expires, KnownFor) {
			f(token, k)
		}
	}
}

// countsOf are what an attempt for a login counts with: that of the browser where
// that is known, those of its network and of all networks otherwise.
func (s *Service) countsOf(login string, from Origin) (counts []count, isKnown bool) {
	login = hashed(login)
	s.eachKnown(from.Known, func(_ string, k known) {
		if k.Login == login && !isKnown {
			counts, isKnown = []count{{hashed("browser " + k.ID), freeFailures}}, true
		}
	})
	if !isKnown {
		counts = []count{{hashed(login + " from " + network(from.Address).String()), freeFailures}, {login, freeInAll}}
	}
	return counts, isKnown
}
