package records

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// Why is for what reasons a session is shown a resource, or not.
type Why struct {
	Key     fhir.Key
	Shown   bool
	Grounds []access.Ground
}

// Disclosure is what somebody may be told of a session's access. The zero Disclosure is
// that of who asks about what the session shows: what it hides is as missing.
type Disclosure struct {
	Everything bool
	// Patient is who asks about the own record: nothing is told of what other
	// patients decided.
	Patient fhir.ID
}

// explained is Access that can give its grounds; access.Rules is one.
type explained interface {
	Why(ctx context.Context, q access.Question) (shown bool, grounds []access.Ground, err error)
	InForce(counted bool) []string
	Undecided() *access.Rules
	Admitting(t fhir.Type, i smart.Interactions) []string
}

// Why says why the session may read the current version of a resource, or why not, as
// far as may be told. NotFound when there is none that this may be told of.
func (s *Session) Why(ctx context.Context, key fhir.Key, to Disclosure) (*Why, error) {
	reasons, ok := s.access.(explained)
	if !ok {
		return nil, fault.New(fault.NotSupported, fault.CodeNotSupported, "", "this server asks nobody who they are, so that there are no rules to tell of")
	}
	if (to == Disclosure{}) { // what is hidden takes no longer than what is missing
		if shown, err := s.sees(ctx, s.door.store, key, smart.Read); err != nil || !shown {
			return nil, cmp.Or(s.door.fault(err), notFound(key))
		}
	}
	doc, err := s.document(ctx, key)
	if err != nil {
		return nil, err
	}
	return s.why(ctx, reasons, key, doc, to)
}

// why is Why of a resource that was read.
func (s *Session) why(ctx context.Context, reasons explained, key fhir.Key, doc *search.Document, to Disclosure) (w *Why, err error) {
	w = &Why{Key: key}
	if w.Shown, err = s.sees(ctx, s.door.store, key, smart.Read); err != nil {
		return nil, s.door.fault(err)
	}
	patients := s.door.ownership.Patients(doc)
	if !to.Everything && (to.Patient == "" && !w.Shown || to.Patient != "" && !slices.Contains(patients, to.Patient)) {
		return nil, notFound(key)
	}
	q := access.Question{Key: key, At: s.door.now().UnixMicro(), Patients: patients, Holds: func(ctx context.Context, x search.Expr) (bool, error) {
		ok, err := search.Match(ctx, x, doc, matchSource{door: s.door})
		if errors.Is(err, search.ErrUndecided) {
			err = fault.Wrap(err, fault.Unprocessable, fault.CodeTooCostly, "", "the rules for %s cannot be told: more than %d resources refer to it, or to what it tells about, which is more than are looked through", key, referrersLooked)
		}
		return ok, err
	}}
	others := map[fhir.ID]bool{} // consents of which nothing is told
	for _, patient := range patients {
		consents, err := s.door.consentsOf(ctx, s.door.store, patient)
		if err != nil {
			return nil, s.door.fault(err)
		}
		for _, c := range consents {
			others[c.ID] = !to.Everything && c.Patient != to.Patient
		}
		q.Consents = append(q.Consents, consents...)
	}
	shown := false
	if shown, w.Grounds, err = reasons.Why(ctx, q); err != nil {
		return nil, s.door.fault(err)
	}
	if w.Shown != shown {
		// Of very many different consents the filter counts only some: it hides the rest.
		w.Grounds = append(w.Grounds, access.Ground{Kind: access.GroundConsent, Shows: w.Shown, Text: "The consents of patients are too many, or have just changed: until they are counted in, what they are about is hidden."})
	}
	for i := range w.Grounds {
		if g := &w.Grounds[i]; others[g.Consent.ID] {
			*g = access.Ground{Kind: g.Kind, Shows: g.Shows, Text: "A patient to whom it belongs has decided about it."}
		}
	}
	return w, nil
}

// document is the current version of a resource as the matcher sees it, whoever may
// see it; NotFound.
func (s *Session) document(ctx context.Context, key fhir.Key) (*search.Document, error) {
	if !key.ID.Valid() {
		return nil, notFound(key)
	}
	found, err := s.door.store.ReadMany(ctx, []fhir.Key{key})
	if err != nil {
		return nil, s.door.fault(err)
	}
	if len(found) == 0 || found[0].Deleted {
		return nil, notFound(key)
	}
	doc, err := s.door.document(ctx, found[0])
	return doc, s.door.fault(err)
}

// InForce says in short sentences what the session's access comes of; nothing when
// it is everything. With counted it says how many policies of patients concern the
// session, which is for those alone who may ask what others see.
func (s *Session) InForce(counted bool) []string {
	if reasons, ok := s.access.(explained); ok {
		return reasons.InForce(counted)
	}
	return nil
}

// Admitting are the scopes by which the session may do one of the interactions with a
// type; nothing when it may do everything.
func (s *Session) Admitting(t fhir.Type, i smart.Interactions) []string {
	if reasons, ok := s.access.(explained); ok && t != "" {
		return reasons.Admitting(t, i)
	}
	return nil
}
