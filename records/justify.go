package records

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// Bounds of what an event says it was allowed by.
const (
	maxReasons  = 40    // scopes and rules of roles
	maxCounted  = 1_000 // Consents
	askedAtOnce = 100   // patients
	maxKnown    = 20_000
	justifyTime = 10 * time.Second
)

// justified is Access that can say by what it allows something; access.Rules is one.
type justified interface {
	explained
	Reasons(t fhir.Type, i smart.Interactions) []string
	Refusing(t fhir.Type, i smart.Interactions) []string
	Counting(consents []access.Consent, types []fhir.Type, i smart.Interactions, at int64) []access.Consent
	Governs() bool
	Consented(t fhir.Type) search.Expr
}

// permitting are the interactions of scopes that permit kinds of events.
var permitting = map[audit.Kind]smart.Interactions{
	audit.Read: smart.Read, audit.VRead: smart.Read, audit.Search: smart.Search, audit.History: smart.Read | smart.Search,
	audit.Create: smart.Create, audit.Update: smart.Update, audit.Patch: smart.Update, audit.Delete: smart.Delete,
	audit.Export: seeing,
}

// doing are the interactions of which one lets an action be.
var doing = map[audit.Action]smart.Interactions{
	audit.Reads: seeing, audit.Creates: smart.Create, audit.Updates: smart.Update, audit.Deletes: smart.Delete,
}

// Justify adds to an event of the session by what it was allowed: the scopes and the
// rules of roles that allow what was done with each type, and the Consents of the
// patients that counted. asked is the type that was asked for, "" for none. Of what was
// refused it says whether scopes or roles do not allow it. It is done when who asked
// has gone, too; when it fails, the event says so.
func (s *Session) Justify(ctx context.Context, e *audit.Event, asked fhir.Type) {
	reasons, ok := s.access.(justified)
	if !ok {
		return
	}
	done := doneBy(e)
	if own := permitting[e.Kind]; asked != "" && own != 0 {
		done[asked] = own
	}
	types := make([]fhir.Type, 0, len(done))
	for t := range done {
		types = append(types, t)
	}
	slices.Sort(types)
	for _, t := range types {
		i := done[t]
		switch {
		case e.Outcome() == 0:
			e.Why = reason(e.Why, reasons.Reasons(t, i))
		case slices.Contains(e.Why, InsufficientScope) && t == asked && !s.access.May(t, i):
			e.Why = reason(e.Why, reasons.Refusing(t, i))
		}
	}
	if len(types) == 0 || len(e.Patients) == 0 || !reasons.Governs() {
		return
	}
	if err := s.count(ctx, reasons, e, types, done); err != nil {
		s.door.log.Error("the consents that counted for an event of the audit log cannot be read", "error", err)
		e.Why = append(e.Why, "consents that could not be read")
	}
}

// InsufficientScope is what an event is refused for whose scopes or roles do not allow
// the interaction with the type.
const InsufficientScope = "insufficient_scope"

func reason(all, more []string) []string {
	for _, one := range more {
		if len(all) < maxReasons && !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all
}

// doneBy are the types that an event touched, with what was done.
func doneBy(e *audit.Event) map[fhir.Type]smart.Interactions {
	done := map[fhir.Type]smart.Interactions{}
	add := func(list []audit.Entity) {
		for i := range list {
			t, _, _ := strings.Cut(list[i].Key, "/")
			done[fhir.Type(t)] |= doing[list[i].Action]
		}
	}
	add(e.Entities)
	for i := range e.Patients {
		add(e.Patients[i].Entities)
	}
	return done
}

// count adds the Consents that counted.
func (s *Session) count(ctx context.Context, reasons justified, e *audit.Event, types []fhir.Type, done map[fhir.Type]smart.Interactions) error {
	var i smart.Interactions
	for _, one := range done {
		i |= one
	}
	at := s.at
	if at == 0 {
		at = s.door.now().UnixMicro()
	}
	trail, by := audit.TrailOf(ctx), time.Now().Add(justifyTime)
	for some := range slices.Chunk(e.Patients, askedAtOnce) {
		ids := make([]fhir.ID, len(some))
		for n := range some {
			ids[n] = fhir.ID(strings.TrimPrefix(some[n].Key, "Patient/"))
		}
		of, rest := s.door.rememberedConsents(trail, ids)
		if rest != nil {
			asking, cancel := context.WithDeadline(context.WithoutCancel(ctx), by)
			err := rest.ask(asking, of)
			cancel()
			if err != nil {
				return s.door.fault(err)
			}
		}
		for n := range ids {
			for _, c := range reasons.Counting(of[n].consents, types, i, at) {
				if len(e.Consents) == maxCounted {
					return nil
				}
				key := fhir.Key{Type: consentType, ID: c.ID}
				e.Consents = append(e.Consents, audit.Counted{Patient: some[n].Key, Consent: key.String(), Version: of[n].versions[c.ID]})
			}
		}
	}
	return nil
}

// versionedConsents are the Consents of a patient, with their versions.
type versionedConsents struct {
	consents []access.Consent
	versions map[fhir.ID]int64
}

// knownConsents are those of a patient, as of a mark of what governs the patient.
type knownConsents struct {
	mark store.PolicyMark
	versionedConsents
}

// consentsOfAll are the Consents of patients, of each in its place, as far as they are in
// force or have been.
func (d *Door) consentsOfAll(ctx context.Context, patients []fhir.ID) ([]versionedConsents, error) {
	of, rest := d.rememberedConsents(audit.TrailOf(ctx), patients)
	if rest == nil {
		return of, nil
	}
	return of, rest.ask(ctx, of)
}

// unremembered are patients whose Consents are to be asked for.
type unremembered struct {
	door     *Door
	patients []fhir.ID       // all
	known    []knownConsents // of each
	unmarked []fhir.ID
}

// rememberedConsents are the Consents of patients, of each in its place, but for the rest, nil for none.
// What a version says is remembered, and which ones a patient has as long as the mark of
// the patient is the same: the one that was noted when what the request is about was
// read, or the one of now.
func (d *Door) rememberedConsents(trail *audit.Trail, patients []fhir.ID) (of []versionedConsents, rest *unremembered) {
	of = make([]versionedConsents, len(patients))
	for n, id := range patients {
		one, ok := d.consented.Get(id)
		if ok && trail.Marked(one.mark) {
			of[n] = one.versionedConsents
			continue
		}
		if !id.Valid() {
			continue
		}
		if rest == nil {
			rest = &unremembered{d, patients, make([]knownConsents, len(patients)), nil}
		}
		rest.known[n], rest.unmarked = one, append(rest.unmarked, id)
	}
	return of, rest
}

// ask asks the store for the Consents, which it puts in their places.
func (u *unremembered) ask(ctx context.Context, of []versionedConsents) error {
	d, patients := u.door, u.patients
	// The marks are read before what they vouch for.
	marks, err := d.store.PolicyMarks(ctx, u.unmarked, d.now().UnixMicro())
	if err != nil {
		return err
	}
	var unknown []fhir.ID
	for n, id := range patients {
		mark := marks[id]
		switch {
		case mark == store.PolicyMark{}: // nobody is there, or nothing was asked
		case u.known[n].mark == mark:
			of[n] = u.known[n].versionedConsents
		case mark.State == 0:
			d.consented.PutSized(id, 1, knownConsents{mark: mark})
		default:
			unknown = append(unknown, id)
		}
	}
	if unknown == nil {
		return nil
	}
	asked, err := d.askConsents(ctx, unknown)
	if err != nil {
		return err
	}
	for n, id := range patients {
		if slices.Contains(unknown, id) {
			of[n] = asked[id]
			d.consented.PutSized(id, 1+len(of[n].consents), knownConsents{marks[id], of[n]})
		}
	}
	return nil
}

// askConsents asks the store for the Consents of patients.
func (d *Door) askConsents(ctx context.Context, patients []fhir.ID) (map[fhir.ID]versionedConsents, error) {
	any := make(search.Or, len(patients))
	for i, id := range patients {
		any[i] = d.ownership.Owner(string(consentType), string(id))
	}
	q := &search.Query{Types: []string{string(consentType)}, Filter: any, Count: d.policy.MaxCount, Heads: true}
	of := map[fhir.ID]versionedConsents{}
	for {
		page, err := d.store.Search(ctx, q)
		if err != nil {
			return nil, err
		}
		if err := d.readConsents(ctx, page.Records, of); err != nil {
			return nil, err
		}
		if q.After = page.Next; q.After == "" {
			return of, nil
		}
	}
}

// readConsents adds what records say, which have no bodies.
func (d *Door) readConsents(ctx context.Context, heads []store.Record, of map[fhir.ID]versionedConsents) error {
	add := func(c access.Consent, version int64) {
		v := of[c.Patient]
		if v.versions == nil {
			v.versions = map[fhir.ID]int64{}
		}
		v.consents, v.versions[c.ID] = append(v.consents, c), version
		of[c.Patient] = v
	}
	var unknown []fhir.Key
	for _, head := range heads {
		if c, ok := d.known.Get(writtenAs(head)); ok {
			add(c, head.Version)
		} else {
			unknown = append(unknown, head.Key)
		}
	}
	if unknown == nil {
		return nil
	}
	records, err := d.store.ReadMany(ctx, unknown)
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.Deleted {
			continue
		}
		c, err := d.consent(r)
		if err != nil {
			return err
		}
		d.known.Put(writtenAs(r), c)
		add(c, r.Version)
	}
	return nil
}

// Hiding says what hides a resource from the session, for the audit log: the
// provisions of Consents, the roles, the scopes, in short words.
func (s *Session) Hiding(ctx context.Context, key fhir.Key) (audit.Hidden, error) {
	h := audit.Hidden{Key: key.String()}
	reasons, ok := s.access.(explained)
	if !ok {
		return h, nil
	}
	doc, err := s.hiddenDocument(ctx, key)
	if doc == nil || err != nil {
		return h, err
	}
	for _, patient := range s.door.ownership.Patients(doc) {
		h.Patients = append(h.Patients, fhir.Key{Type: patientType, ID: patient}.String())
	}
	w, err := s.why(ctx, reasons, key, doc, Disclosure{Everything: true})
	if err != nil {
		return h, err
	}
	for _, g := range w.Grounds {
		by := string(g.Kind)
		if g.Consent.ID != "" {
			by = g.Consent.String()
		}
		if !g.Shows && len(h.By) < maxReasons && !slices.Contains(h.By, by) {
			h.By = append(h.By, by)
		}
	}
	return h, nil
}

// hiddenDocument is what hid of the resource under a key: it may have been deleted since,
// and is as it was before then, or expunged, and is nil then.
func (s *Session) hiddenDocument(ctx context.Context, key fhir.Key) (*search.Document, error) {
	current, err := s.door.store.Read(ctx, key)
	deleted := current.Deleted
	if err == nil {
		current, err = beforeDelete(ctx, s.door.store, current)
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, s.door.fault(err)
	}
	doc, err := s.door.document(ctx, current)
	if err != nil {
		return nil, s.door.fault(err)
	}
	doc.Former = deleted
	return doc, nil
}
