package records

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// UnclearConsent is a Consent of which parts cannot be computed, so that they follow
// the defaults until somebody has looked at it.
type UnclearConsent struct {
	Key     fhir.Key
	Version int64
	Updated time.Time
	Patient fhir.ID // "" when it names none of this server
	// Problems say where what cannot be computed stands, and what becomes of it.
	Problems []fault.Issue
}

// kindUnclear is the kind of the items of Consents that wait for a review, or had one,
// by their ids. The item is there before the Consent is, so that none is missed; what
// is there now decides whether it waits.
const kindUnclear = "unclear-consent"

// unclearItem is what is kept of one.
type unclearItem struct {
	Noted    time.Time `json:"noted"`              // when it was last written
	Reviewed int64     `json:"reviewed,omitempty"` // the version that was reviewed
	By       string    `json:"by,omitempty"`
	At       time.Time `json:"at,omitzero"`
	Comment  string    `json:"comment,omitempty"`
}

// Bounds of the list.
const (
	maxUnclear = 200   // listed at a time
	unclearHop = 1_000 // items that one list looks at
	// unclearAge is how long an item is kept at least: the write that it was made for
	// may still be under way.
	unclearAge = time.Hour
)

// problemsOf are the parts of a draft, a Consent, that cannot be computed, as warnings.
func (d *Door) problemsOf(w *draft) []fault.Issue {
	if w.key.Type != consentType {
		return nil
	}
	c := access.ReadConsent(w.tree.Root(), d.base)
	return problems(&c)
}

func problems(c *access.Consent) (issues []fault.Issue) {
	for _, problem := range c.Problems {
		path, text, _ := strings.Cut(problem, ": ")
		issues = append(issues, fault.Issue{Severity: fault.Warning, Code: fault.CodeValue, Path: path, Message: text})
	}
	return issues
}

// noteUnclear puts Consents that are about to be written on the list.
func (d *Door) noteUnclear(ctx context.Context, drafts []*draft) error {
	var changes []store.ItemChange
	for _, w := range drafts {
		if w.unclear == nil {
			continue
		}
		change, err := d.unclearChange(ctx, w.key.ID)
		if err != nil {
			return err
		}
		changes = append(changes, change)
	}
	if changes == nil {
		return nil
	}
	return d.store.WriteItems(ctx, false, changes...)
}

// unclearChange notes a Consent, and leaves what was said of it before.
func (d *Door) unclearChange(ctx context.Context, id fhir.ID) (store.ItemChange, error) {
	var u unclearItem
	old, err := d.store.ReadItem(ctx, kindUnclear, string(id))
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return store.ItemChange{}, err
	default:
		if err := json.Unmarshal(old.Body, &u); err != nil {
			return store.ItemChange{}, fmt.Errorf("records: %s %s: %w", kindUnclear, id, err)
		}
	}
	u.Noted = d.now()
	body, err := json.Marshal(u)
	return store.ItemChange{Item: store.Item{Kind: kindUnclear, ID: string(id), Body: body}, Expect: store.Any}, err
}

// UnclearConsents lists Consents that wait for a review, in the order of their ids,
// behind one of them ("" for the first ones), and says where to go on, "" when there
// are no more. It may list none and go on.
func (s *Session) UnclearConsents(ctx context.Context, after string) (list []UnclearConsent, next string, err error) {
	if err := s.operateOn(access.Consents, consentType, smart.Read); err != nil {
		return nil, "", err
	}
	d := s.door
	for seen := 0; seen < unclearHop && len(list) < maxUnclear; seen += maxUnclear {
		items, err := d.store.ListItems(ctx, kindUnclear, after, maxUnclear)
		if err != nil {
			return nil, "", d.fault(err)
		}
		some, err := d.waiting(ctx, items)
		if err != nil {
			return nil, "", d.fault(err)
		}
		list = append(list, some...)
		if len(items) < maxUnclear {
			return list, "", nil
		}
		after = items[len(items)-1].ID
	}
	return list, after, nil
}

// waiting are those of items whose Consents are unclear now and were not reviewed as
// they are. Items of which nothing is left to say are removed.
func (d *Door) waiting(ctx context.Context, items []store.Item) (list []UnclearConsent, err error) {
	keys := make([]fhir.Key, len(items))
	for i, item := range items {
		keys[i] = fhir.Key{Type: consentType, ID: fhir.ID(item.ID)}
	}
	current, err := d.store.ReadMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	by := make(map[fhir.Key]store.Record, len(current))
	for _, r := range current {
		by[r.Key] = r
	}
	for i, item := range items {
		var u unclearItem
		if err := json.Unmarshal(item.Body, &u); err != nil {
			return nil, fmt.Errorf("records: %s %s: %w", kindUnclear, item.ID, err)
		}
		one := UnclearConsent{Key: keys[i]}
		if r, ok := by[keys[i]]; ok && !r.Deleted {
			c, err := d.consent(r)
			if err != nil {
				return nil, err
			}
			one.Version, one.Updated, one.Patient, one.Problems = r.Version, r.Updated, c.Patient, problems(&c)
			d.touch(ctx, r)
		}
		switch {
		case one.Problems == nil:
			if d.now().Sub(u.Noted) < unclearAge {
				continue
			}
			err := d.store.WriteItems(ctx, false, store.ItemChange{Item: item, Expect: item.Version, Delete: true})
			if err != nil && !errors.Is(err, store.ErrVersion) { // it was written meanwhile
				return nil, err
			}
		case u.Reviewed != one.Version:
			list = append(list, one)
		}
	}
	return list, nil
}

// ReviewConsent takes a Consent as it is now off the list; a later version that is
// unclear comes back. NotFound when it is not there, or clear.
func (s *Session) ReviewConsent(ctx context.Context, id fhir.ID, comment string) error {
	if err := s.operateOn(access.Consents, consentType, smart.Update); err != nil {
		return err
	}
	if err := reasoned("a review", comment); err != nil {
		return err
	}
	d := s.door
	item, err := d.store.ReadItem(ctx, kindUnclear, string(id))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return d.fault(err)
	}
	var waits []UnclearConsent
	if err == nil {
		if waits, err = d.waiting(ctx, []store.Item{item}); err != nil {
			return d.fault(err)
		}
	}
	if len(waits) == 0 {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "Consent/%s does not wait for a review", id)
	}
	body, err := json.Marshal(unclearItem{Noted: d.now(), Reviewed: waits[0].Version, By: s.principal.display(), At: d.now(), Comment: comment})
	if err != nil {
		return err
	}
	item.Body = body
	err = d.store.WriteItems(ctx, false, store.ItemChange{Item: item, Expect: item.Version})
	if errors.Is(err, store.ErrVersion) {
		return fault.New(fault.Conflict, fault.CodeConflict, "", "Consent/%s was written or reviewed meanwhile: look at it again", id)
	}
	return d.fault(err)
}

// forgetUnclear removes what is kept of Consents among resources that go for good.
func (d *Door) forgetUnclear(ctx context.Context, keys []fhir.Key) error {
	var changes []store.ItemChange
	for _, key := range keys {
		if key.Type == consentType {
			changes = append(changes, store.ItemChange{Item: store.Item{Kind: kindUnclear, ID: string(key.ID)}, Expect: store.Any, Delete: true})
		}
	}
	if changes == nil {
		return nil
	}
	return d.store.WriteItems(ctx, false, changes...)
}
