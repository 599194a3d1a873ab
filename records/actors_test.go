package records_test

import (
	"context"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store"
)

// team is CareTeam/t of a status, with Practitioner/dr in it.
func team(status string) records.Content {
	return body(`{"resourceType":"CareTeam","id":"t","status":%q,"participant":[{"member":{"reference":"Practitioner/dr"}}]}`, status)
}

// leaving is a store whose caller goes away when a write is committed.
type leaving struct {
	store.Store
	leave context.CancelFunc
}

func (l *leaving) Write(ctx context.Context, fn func(context.Context, store.Tx) error) error {
	err := l.Store.Write(ctx, fn)
	l.leave()
	return err
}

// The process that writes has made no session of a user, so that it knows of no consent.
func TestWhomConsentsNameIsAskedAnewThoughWhoChangedItHasGone(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		patient(t, s, "p")
		put(t, s, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
		must(s.Update(t.Context(), key("CareTeam/t"), team("active"), records.UpdateOptions{}))(t)
		consents(t, s, "c", "p", denyTeam)
		watched := db.open(t)
		before := must(watched.Epoch(t.Context()))(t)

		ctx, leave := context.WithCancel(t.Context())
		gone := &leaving{db.open(t), leave}
		d := must(records.Open(t.Context(), records.Config{Store: gone, Definitions: definitions.MustBuiltIn(definitions.R4), Base: base}))(t)
		res, err := d.Session(records.Principal{}, nil).Update(ctx, key("CareTeam/t"), team("inactive"), records.UpdateOptions{})
		if ctx.Err() == nil || err != nil || res.Version != 2 {
			t.Errorf("version %d, %v", res.Version, err)
		}
		if must(watched.Epoch(t.Context()))(t) == before {
			t.Error("whose rights are known keeps them")
		}
	})
}

// crossed is a store in which something else happens once, just before a write.
type crossed struct {
	store.Store
	first func()
}

func (c *crossed) meet() {
	if first := c.first; first != nil {
		c.first = nil
		first()
	}
}

func (c *crossed) Write(ctx context.Context, fn func(context.Context, store.Tx) error) error {
	c.meet()
	return c.Store.Write(ctx, fn)
}

func (c *crossed) Import(ctx context.Context, fn func(context.Context, store.Tx) error) error {
	c.meet()
	return c.Store.Import(ctx, fn)
}

func TestAConsentThatNamesATeamFirstWhileThatChangesIsToldOfTheChange(t *testing.T) {
	for name, bulk := range map[string]bool{"written": false, "imported": true} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, db database) {
				s := db.session(t, records.Policy{})
				patient(t, s, "p")
				put(t, s, "Practitioner/dr", `{"resourceType":"Practitioner","id":"dr"}`)
				must(s.Update(t.Context(), key("CareTeam/t"), team("active"), records.UpdateOptions{}))(t)
				watched := db.open(t)
				unnamed := must(watched.Epoch(t.Context()))(t)

				between := &crossed{Store: db.open(t)}
				d := must(records.Open(t.Context(), records.Config{Store: between, Definitions: definitions.MustBuiltIn(definitions.R4), Base: base}))(t)
				var named int64
				change := func() {
					must(d.Session(records.Principal{}, nil).Update(t.Context(), key("CareTeam/t"), team("inactive"), records.UpdateOptions{Request: records.Request{Bulk: bulk}}))(t)
					if err := d.Flush(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				between.first = func() {
					consents(t, s, "c", "p", denyTeam)
					named = must(watched.Epoch(t.Context()))(t)
				}
				change()
				if now := must(watched.Epoch(t.Context()))(t); named == unnamed || now == named {
					t.Errorf("epochs %d, with the consent %d, at last %d: whose rights were known with the consent keeps them", unnamed, named, now)
				}
			})
		})
	}
}
