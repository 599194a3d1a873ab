package access

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/smart"
)

// Subscriber is whose a Subscription is: of an app with a user, or of a script. What
// scopes of level patient reach is that of the patient in context alone.
type Subscriber struct {
	Client, User, Key string
	Patient           string // in context; "" for none
}

// Codes are those under which search.Subscriber indexes a Subscription: with and
// without the patient. Nobody's has none.
func (s Subscriber) Codes() (codes []string) {
	if s.Client == "" && s.User == "" && s.Key == "" {
		return nil
	}
	codes = append(codes, s.code("user", ""))
	if s.Patient != "" {
		codes = append(codes, s.code("patient", s.Patient))
	}
	return codes
}

// code is short, and says nothing of who it is.
func (s Subscriber) code(level, patient string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{level, s.Client, s.User, s.Key, patient}, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Bound says whether the grant reaches Subscriptions by scopes of level patient alone,
// so that what it asks to be told must be about the patient in context.
func (r *Rules) Bound() (patient string, ok bool) {
	return r.patient, !slices.ContainsFunc(r.scopes, func(s smart.Scope) bool {
		return s.Level != smart.Patient && applies(s, "Subscription", smart.Create|smart.Update)
	})
}

// kept holds of the Subscriptions of whoever asks, and with a patient of those that
// were made with that one in context.
func (r *Rules) kept(patient bool) search.Expr {
	s := r.grant.Subscriber
	s.Patient = ""
	level := "user"
	if patient {
		level, s.Patient = "patient", r.patient
	}
	if s.Codes() == nil {
		return never()
	}
	return search.Token{Param: search.SubscriberParam(), AnySystem: true, Code: s.code(level, s.Patient)}
}
