package auth_test

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// subscribes makes a Subscription with a token of an app, and returns the session and
// the key.
func (p *place) subscribes(c *identity.Client, login, scope, criteria string) (*records.Session, fhir.Key, error) {
	p.t.Helper()
	s, err := p.asks(p.tokens(c, scope, login)["access_token"].(string)).session()
	if err != nil {
		p.t.Fatal(err)
	}
	res, err := s.Create(p.t.Context(), "Subscription", records.Content{JSON: []byte(`{"resourceType":"Subscription","status":"requested","reason":"test","criteria":"` + criteria + `",
		"channel":{"type":"rest-hook","endpoint":"https://app.example/hook","payload":"application/fhir+json"}}`)}, records.CreateOptions{})
	return s, res.Key, err
}

func TestAnAppReachesTheSubscriptionsThatItsUserMadeWithIt(t *testing.T) {
	p := practice(t)
	app, _ := p.register()
	other, _ := p.register()
	const patients = "patient/Patient.rs patient/Subscription.cruds"
	if _, _, err := p.subscribes(app, "ann", patients, "Patient?active=true"); err == nil || !strings.Contains(err.Error(), "patient=Patient/ann") {
		t.Errorf("of everybody: %v", err)
	}
	ann, hers, err := p.subscribes(app, "ann", patients, "Patient?_id=ann")
	if err != nil {
		t.Fatal(err)
	}
	staff, his, err := p.subscribes(app, "noor", "user/*.rs user/Subscription.cruds", "Patient?active=true")
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := p.subscribes(app, "ann", patients, "Patient?_id=ann")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, _, err := p.subscribes(other, "ann", patients, "Patient?_id=ann")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		s    *records.Session
		key  fhir.Key
		sees bool
	}{
		{"ann, hers", ann, hers, true}, {"ann by another token", again, hers, true}, {"ann with another app", elsewhere, hers, false}, {"noor, hers", staff, hers, false},
		{"noor, his", staff, his, true}, {"ann, his", ann, his, false},
	} {
		if _, err := c.s.Read(t.Context(), c.key, records.ReadOptions{}); (err == nil) != c.sees {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if n := ann.Principal().Standing.Patient; n != "ann" {
		t.Errorf("the Subscription is for patient %q", n)
	}
}
