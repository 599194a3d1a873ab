package records

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// Hold is a legal hold: what is held is not deleted, expunged or erased, whatever
// policy and rules say. Of a Patient all that the patient owns or owned in any version
// is held, and what tells about that. Changes are possible, since they keep what was.
type Hold struct {
	Key    fhir.Key  `json:"-"` // a Patient, or a single resource
	Reason string    `json:"reason"`
	By     string    `json:"by"` // who set it, for display
	Since  time.Time `json:"since"`
}

// kindHold is the kind of the items that holds are kept as, by their key.
const kindHold = "hold"

// maxHoldReason bounds the reason of a hold or an erasure.
const maxHoldReason = 1000

// SetHold holds a resource that is there, or was. What was deleted before stays
// deleted, and its history is kept from then on. A hold that there is already is a
// Conflict: lift it first. When SetHold returns nothing that is held goes any more.
func (s *Session) SetHold(ctx context.Context, key fhir.Key, reason string) (Hold, error) {
	d := s.door
	if err := s.operate(access.Hold, smart.Update); err != nil {
		return Hold{}, err
	}
	if err := reasoned("a legal hold", reason); err != nil {
		return Hold{}, err
	}
	if _, err := d.store.Read(ctx, key); errors.Is(err, store.ErrNotFound) {
		return Hold{}, notFound(key)
	} else if err != nil {
		return Hold{}, d.fault(err)
	}
	h := Hold{Key: key, Reason: reason, By: s.principal.display(), Since: d.now()}
	body, err := json.Marshal(h)
	if err != nil {
		return Hold{}, err
	}
	err = d.store.WriteItems(ctx, false, store.ItemChange{Item: store.Item{Kind: kindHold, ID: key.String(), Body: body}})
	if errors.Is(err, store.ErrVersion) {
		return Hold{}, fault.New(fault.Conflict, fault.CodeConflict, "", "%s is held already: lift that hold first", key)
	}
	if err != nil {
		return Hold{}, d.fault(err)
	}
	if err := d.beingErased(ctx, key); err != nil {
		return Hold{}, d.fault(errors.Join(err, s.LiftHold(ctx, key)))
	}
	// Deletes that looked for holds before are done, or will look again.
	if err := d.indexes.fence(ctx); err != nil {
		return h, d.fault(err)
	}
	return h, d.fault(d.awaitRemovals(ctx, key))
}

// LiftHold ends the hold of a resource; NotFound when there is none.
func (s *Session) LiftHold(ctx context.Context, key fhir.Key) error {
	if err := s.operate(access.Hold, smart.Update); err != nil {
		return err
	}
	item, err := s.door.store.ReadItem(ctx, kindHold, key.String())
	if err == nil {
		err = s.door.store.WriteItems(ctx, false, store.ItemChange{Item: item, Expect: item.Version, Delete: true})
	}
	if errors.Is(err, store.ErrVersion) || errors.Is(err, store.ErrNotFound) {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "%s is not held", key)
	}
	return s.door.fault(err)
}

// Holds lists up to limit holds behind the one of a key ("" for the first ones), in
// the order of their keys.
func (s *Session) Holds(ctx context.Context, after string, limit int) ([]Hold, error) {
	if err := s.operate(access.Hold, smart.Read); err != nil {
		return nil, err
	}
	holds, err := s.door.holdsAfter(ctx, after, limit)
	return holds, s.door.fault(err)
}

func (d *Door) holdsAfter(ctx context.Context, after string, limit int) ([]Hold, error) {
	items, err := d.store.ListItems(ctx, kindHold, after, limit)
	if err != nil {
		return nil, err
	}
	holds := make([]Hold, len(items))
	for i, item := range items {
		if holds[i], err = holdOf(item); err != nil {
			return nil, err
		}
	}
	return holds, nil
}

func holdOf(item store.Item) (h Hold, err error) {
	if err = json.Unmarshal(item.Body, &h); err != nil {
		return h, fmt.Errorf("records: hold of %s: %w", item.ID, err)
	}
	typ, id, _ := strings.Cut(item.ID, "/")
	h.Key = fhir.Key{Type: fhir.Type(typ), ID: fhir.ID(id)}
	return h, nil
}

// anyHolds says whether anything is held at all.
func (d *Door) anyHolds(ctx context.Context) (bool, error) {
	items, err := d.store.ListItems(ctx, kindHold, "", 1)
	return len(items) > 0, err
}

// heldBy is the hold of one of keys; nil when there is none.
func (d *Door) heldBy(ctx context.Context, keys ...fhir.Key) (*Hold, error) {
	for _, key := range keys {
		item, err := d.store.ReadItem(ctx, kindHold, key.String())
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		h, err := holdOf(item)
		return &h, err
	}
	return nil, nil
}

// holding is the hold of a resource, of which r is the current version: its own or that
// of a patient whom one of its versions concerns; nil when there is none.
func (d *Door) holding(ctx context.Context, r store.Record) (*Hold, error) {
	patients, err := d.concerned(ctx, r)
	if err == nil && r.Version > 1 {
		patients, err = d.everConcerned(ctx, r.Key)
	}
	if err != nil {
		return nil, err
	}
	return d.heldBy(ctx, append(patientKeys(patients), r.Key)...)
}

func patientKeys(ids []fhir.ID) []fhir.Key {
	var keys []fhir.Key
	for _, id := range ids {
		keys = append(keys, fhir.Key{Type: patientType, ID: id})
	}
	return keys
}

// unheld refuses the delete of what is held. A commit asks it after it knows which
// state of the index it holds: SetHold counts that up.
func (d *Door) unheld(ctx context.Context, s *Session, keys []fhir.Key) error {
	if len(keys) == 0 {
		return nil
	}
	if any, err := d.anyHolds(ctx); err != nil || !any {
		return err
	}
	for some := range slices.Chunk(keys, referrersRead) {
		current, err := d.store.ReadMany(ctx, some)
		if err != nil {
			return err
		}
		for _, r := range current {
			h, err := d.holding(ctx, r)
			if err != nil {
				return err
			}
			if h != nil {
				return s.held(r.Key, "deleted", h)
			}
		}
	}
	return nil
}

// unheldWhole refuses to remove a resource with its history, or every resource of a
// type (ID "") or of all, when something of that is held.
func (d *Door) unheldWhole(ctx context.Context, s *Session, key fhir.Key) error {
	any, err := d.anyHolds(ctx)
	if err != nil || !any {
		return err
	}
	if key.ID == "" {
		return fault.New(fault.Conflict, fault.CodeBusinessRule, "", "there are legal holds, so that nothing is expunged but single resources that are not held: expunge these, or lift the holds")
	}
	patients, err := d.everConcerned(ctx, key)
	if err != nil {
		return err
	}
	h, err := d.heldBy(ctx, append(patientKeys(patients), key)...)
	if err != nil || h == nil {
		return err
	}
	return s.held(key, "expunged", h)
}

// held says why something does not go. Who set the hold and why is for those to know
// who set such.
func (s *Session) held(key fhir.Key, what string, h *Hold) error {
	if s.operate(access.Hold, smart.Read) != nil {
		return fault.New(fault.Conflict, fault.CodeBusinessRule, "", "%s cannot be %s: it is under a legal hold; ask the privacy officer", key, what)
	}
	of := ""
	if h.Key != key {
		of = " of " + h.Key.String()
	}
	return fault.New(fault.Conflict, fault.CodeBusinessRule, "", "%s cannot be %s: it is under a legal hold%s, set by %s on %s (%s); lift that first",
		key, what, of, h.By, h.Since.Format(time.DateOnly), h.Reason)
}

// operate refuses an operation that the session may not do; i is the interaction
// with Patients that a scope must allow.
func (s *Session) operate(o access.Operation, i smart.Interactions) error {
	return s.operateOn(o, patientType, i)
}

// operateOn is operate where a scope must allow the interaction with another type.
func (s *Session) operateOn(o access.Operation, t fhir.Type, i smart.Interactions) error {
	if err := s.door.admits(i); err != nil {
		return err
	}
	if s.access == nil {
		return nil
	}
	if a, ok := s.access.(interface {
		Operates(o access.Operation, t fhir.Type, i smart.Interactions) bool
	}); ok && a.Operates(o, t, i) {
		return nil
	}
	return fault.New(fault.Forbidden, fault.CodeForbidden, "", "this takes an administrator, or a role that has the operation %q, as privacy officers have, and a scope with user/%s", o, permission(t, i))
}

// display is who acts, for people to read.
func (p Principal) display() string {
	if p.Name != "" {
		return p.Name
	}
	return p.ID
}

func reasoned(what, reason string) error {
	if reason = strings.TrimSpace(reason); reason == "" || len(reason) > maxHoldReason {
		return fault.New(fault.Invalid, fault.CodeRequired, "", "%s has a reason, of up to %d bytes", what, maxHoldReason)
	}
	return nil
}
