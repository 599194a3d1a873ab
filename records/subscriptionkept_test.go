package records_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// apps are sessions of apps, each as its token says.
type apps struct{}

func (apps) Stand(ctx context.Context, door *records.Door, s records.Standing) (*records.Session, error) {
	if s.Client == "" {
		return door.Session(records.Principal{}, nil), nil
	}
	rules, err := door.Rules(ctx, access.Grant{Scopes: s.Scopes, Patient: s.Patient, Subscriber: s.Subscriber()})
	if err != nil { // as when the door closes meanwhile
		return nil, err
	}
	return door.Session(records.Principal{ID: s.User, Client: s.Client, Standing: s}, rules), nil
}

// of is the session of an app of a user for a patient.
func (h *house) of(t *testing.T, client, user, patient string, scopes ...string) *records.Session {
	t.Helper()
	return must(apps{}.Stand(t.Context(), h.Door, records.Standing{Client: client, User: user, Patient: patient, Scopes: smart.Scopes(scopes)}))(t)
}

func (db database) withApps(t *testing.T) *house {
	return db.telling(t, func(c *records.Config, s *records.SubscriptionConfig) { c.Policy.Reindex, s.Sessions = true, apps{} })
}

// create makes a Subscription, and returns its id.
func (h *house) create(t *testing.T, s *records.Session, criteria string, filters ...string) (string, error) {
	t.Helper()
	res, err := s.Create(t.Context(), "Subscription", body("%s", strings.Replace(subscriptionOf("x", criteria, filters...), `"id":"x",`, "", 1)), records.CreateOptions{})
	return string(res.Key.ID), err
}

// TestAnAppOfAPatientKeepsASubscriptionAboutThatPatient has it told of its patient alone,
// and tries every way by which others could see, change or hear it.
func TestAnAppOfAPatientKeepsASubscriptionAboutThatPatient(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		h := db.withApps(t)
		for _, id := range []string{"a", "b"} {
			h.put(t, "Patient/"+id, `{"resourceType":"Patient","id":%q}`, id)
		}
		mine := h.of(t, "app", "ann", "a", "patient/*.rs", "patient/Subscription.crud")
		write := func(s *records.Session, id, content string) error {
			_, err := s.Update(t.Context(), key("Subscription/"+id), body("%s", content), records.UpdateOptions{})
			return err
		}
		first := must(h.create(t, mine, "Observation?patient=Patient/a"))(t)
		topic := must(h.create(t, mine, recordTopic, "?patient=Patient/a"))(t)
		h.await(t, first, "active")
		h.await(t, topic, "active")
		if err := write(mine, first, subscriptionOf(first, "Observation?patient=Patient/a&code:text=c")); err != nil {
			t.Errorf("its own is not changed: %v", err)
		}
		h.await(t, first, "active")
		for _, criteria := range []string{"Observation", "Observation?patient=Patient/b", "Observation?patient=Patient/a,Patient/b", "Observation?code=x", "Patient?active=true"} {
			if _, err := h.create(t, mine, criteria); fault.KindOf(err) != fault.Unprocessable || !strings.Contains(err.Error(), "patient=Patient/a") {
				t.Errorf("%s: %v", criteria, err)
			}
		}
		observation := `{"resourceType":"Observation","id":%q,"status":"final","code":{"text":"c"},"subject":{"reference":"Patient/%s"}}`
		h.put(t, "Observation/1", observation, "1", "a")
		h.put(t, "Observation/2", observation, "2", "b")
		h.put(t, "Observation/1", strings.Replace(observation, "final", "amended", 1), "1", "a")
		h.hears(t, first, "handshake", "handshake", "1:create:Observation/1", "2:update:Observation/1")
		h.hears(t, topic, "handshake", "1:create:Observation/1", "2:update:Observation/1")

		if err := write(h.of(t, "other", "", "", "system/*.cruds"), "systems", subscriptionOf("systems", "Observation")); err != nil {
			t.Fatal(err)
		}
		all := map[string]*records.Session{
			"of another patient": h.of(t, "app", "ann", "b", "patient/*.cruds"),
			"of another user":    h.of(t, "app", "ben", "a", "patient/*.cruds"),
			"of another app":     h.of(t, "other", "ann", "a", "patient/*.cruds"),
			"without the scope":  h.of(t, "app", "ann", "a", "patient/Observation.rs"),
		}
		for name, s := range all {
			if _, err := s.Read(t.Context(), key("Subscription/"+first), records.ReadOptions{}); err == nil {
				t.Errorf("%s: it is read", name)
			}
			if err := write(s, first, subscriptionOf(first, "Observation?patient=Patient/b")); err == nil {
				t.Errorf("%s: it is overwritten", name)
			}
			if _, err := s.Delete(t.Context(), key("Subscription/"+first), records.DeleteOptions{}); err == nil {
				if _, err := mine.Read(t.Context(), key("Subscription/"+first), records.ReadOptions{}); err != nil {
					t.Errorf("%s: it is deleted: %v", name, err)
				}
			}
			if _, err := h.log.Mine(t.Context(), s, fhir.ID(first)); err == nil {
				t.Errorf("%s: its events are told", name)
			}
			if history, err := s.History(t.Context(), records.HistoryRequest{Type: "Subscription", ID: fhir.ID(first)}); err == nil && len(history.Entries) > 0 {
				t.Errorf("%s: its history is told: %v", name, history.Entries)
			}
		}
		for name, want := range map[string]string{"of another patient": "", "of another user": "", "of another app": "", "mine": first + " " + topic + " "} {
			s := all[name]
			if name == "mine" {
				s = mine
			}
			for _, query := range [][]search.Pair{nil, {{Name: "status", Value: "active"}}, {{Name: "_id", Value: first + "," + topic + ",systems"}}} {
				found, err := s.Search(t.Context(), records.SearchRequest{Type: "Subscription", Pairs: query})
				if err != nil {
					t.Fatal(err)
				}
				ids := ""
				for _, e := range found.Entries {
					ids += string(e.Key.ID) + " "
				}
				if ids != want {
					t.Errorf("%s: %v finds %q, not %q", name, query, ids, want)
				}
			}
		}
		// What a walk over the index makes is the same.
		must(0, h.Session(records.Principal{}, nil).RequestReindex(t.Context(), []fhir.Type{"Subscription"}))(t)
		await(t, func() bool { left, err := h.Incomplete(t.Context()); return err == nil && len(left) == 0 })
		if found := must(mine.Search(t.Context(), records.SearchRequest{Type: "Subscription"}))(t); len(found.Entries) != 2 {
			t.Errorf("after a walk over the index %d are there", len(found.Entries))
		}
		// Who takes one over has it alone.
		if err := write(h.of(t, "other", "", "", "system/*.cruds"), first, subscriptionOf(first, "Observation?patient=Patient/a")); err != nil {
			t.Fatal(err)
		}
		if _, err := mine.Read(t.Context(), key("Subscription/"+first), records.ReadOptions{}); err == nil {
			t.Error("one that another app took over is read")
		}
	})
}

// TestAUserKeepsSoManySubscriptionsAlone fills what one user may have with one app.
func TestAUserKeepsSoManySubscriptionsAlone(t *testing.T) {
	h := newDatabase(t, "sqlite").withApps(t)
	h.put(t, "Patient/a", `{"resourceType":"Patient","id":"a"}`)
	session := func(user string) *records.Session { return h.of(t, "app", user, "a", "patient/*.cruds") }
	last := ""
	for range 100 {
		last = must(h.create(t, session("ann"), "Observation?patient=Patient/a"))(t)
	}
	if _, err := h.create(t, session("ann"), "Observation?patient=Patient/a"); fault.KindOf(err) != fault.Unprocessable || !strings.Contains(err.Error(), "you have 100") {
		t.Errorf("one more: %v", err)
	}
	if _, err := session("ann").Update(t.Context(), key("Subscription/"+last), body("%s", subscriptionOf(last, "Observation?patient=Patient/a&status=final")), records.UpdateOptions{}); err != nil {
		t.Errorf("one that is there: %v", err)
	}
	if _, err := h.create(t, session("ben"), "Observation?patient=Patient/a"); err != nil {
		t.Errorf("another user's: %v", err)
	}
}

// TestEventsAreToldByTheTokenThatAsks has a token of the same app, with fewer scopes than
// the Subscription was made with.
func TestEventsAreToldByTheTokenThatAsks(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		h := db.withApps(t)
		wide := h.of(t, "app", "", "", "system/*.cruds")
		must(wide.Update(t.Context(), key("Subscription/s"), body("%s", subscriptionOf("s", "Patient")), records.UpdateOptions{}))(t)
		h.await(t, "s", "active")
		h.put(t, "Patient/f", `{"resourceType":"Patient","id":"f","gender":"female"}`)
		h.put(t, "Patient/m", `{"resourceType":"Patient","id":"m","gender":"male"}`)
		h.hears(t, "s", "handshake", "1:create:Patient/f", "2:create:Patient/m")
		narrow := h.of(t, "app", "", "", "system/Subscription.rs", "system/Patient.rs?gender=female")
		for s, want := range map[*records.Session]string{wide: "1 2 ", narrow: "1 "} {
			for _, content := range []notify.Content{notify.Empty, notify.IDOnly, notify.FullResource} {
				m, last, err := h.log.MessageFor(t.Context(), s, "s", notify.QueryEvent, content, "", 1, 2, 10)
				if err != nil || last != 2 {
					t.Fatal(last, err)
				}
				got := ""
				for _, e := range m.Events {
					got += fmt.Sprint(e.Number, " ")
				}
				if got != want || want == "1 " && strings.Contains(string(m.Body), "Patient/m") {
					t.Errorf("%s: events %q, not %q: %s", content, got, want, m.Body)
				}
			}
		}
	})
}
