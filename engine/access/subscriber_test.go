package access_test

import (
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// keep stores a Subscription of somebody.
func (w *world) keep(id fhir.ID, by access.Subscriber) {
	d := search.Document{Key: fhir.Key{Type: "Subscription", ID: id}, Updated: time.Unix(0, 0)}
	for _, code := range by.Codes() {
		d.Entries = append(d.Entries, search.Entry{Param: search.SubscriberParam(), Code: code})
	}
	w.memory.Put(d)
	w.docs = append(w.docs, &d)
}

func TestASubscriptionIsWithinReachOfWhoMadeIt(t *testing.T) {
	w := newWorld(t)
	mine := access.Subscriber{Client: "app", User: "dr", Patient: "p"}
	w.keep("mine", mine)
	w.keep("of-another-patient", access.Subscriber{Client: "app", User: "dr", Patient: "q"})
	w.keep("without-a-patient", access.Subscriber{Client: "app", User: "dr"})
	w.keep("of-another-user", access.Subscriber{Client: "app", User: "du", Patient: "p"})
	w.keep("of-another-app", access.Subscriber{Client: "other", User: "dr", Patient: "p"})
	w.keep("nobodys", access.Subscriber{})
	everything := "Subscription/mine Subscription/of-another-patient Subscription/without-a-patient Subscription/of-another-user Subscription/of-another-app Subscription/nobodys"
	practitioner := shipped(t, "practitioner")
	for _, c := range []struct {
		scopes string
		roles  []access.Role
		want   string
	}{
		{"patient/*.rs", nil, "Subscription/mine"},
		{"patient/Subscription.cruds", nil, "Subscription/mine"},
		{"patient/Observation.rs", nil, ""},
		{"system/Subscription.rs", nil, everything},
		{"user/*.cruds", []access.Role{practitioner}, "Subscription/mine Subscription/of-another-patient Subscription/without-a-patient"},
		{"patient/*.cruds", []access.Role{practitioner}, "Subscription/mine"},
		{"user/*.cruds", []access.Role{shipped(t, "front-desk")}, ""},
	} {
		g := grant(c.scopes)
		g.Asker = access.Asker{Roles: c.roles, Purpose: "TREAT"}
		r := w.o.Rules(g)
		if got := w.reached(r, smart.Read|smart.Search); got != c.want {
			t.Errorf("%s reaches %q, not %q", c.scopes, got, c.want)
		}
	}
	// Who cannot be told from others has none.
	g := grant("patient/*.cruds")
	g.Subscriber = access.Subscriber{}
	if got := w.reached(w.o.Rules(g), smart.Read); got != "" {
		t.Errorf("nobody reaches %q", got)
	}
}
