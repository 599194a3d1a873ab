package records

import (
	"context"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// disclose leaves, of events that the session may read, what it may know, unless it may
// read the whole log. An event that touched something that consents hide from the
// session is hidden with that. The others do not tell what was hidden from whoever
// asked, and name those Consents alone that the session sees.
func (s *Session) disclose(ctx context.Context, page []audit.Projected) ([]audit.Projected, error) {
	if a, _ := s.audits(); a.All {
		return page, nil
	}
	concealed, err := s.concealed(ctx, page)
	if err != nil {
		return nil, err
	}
	var consents []fhir.Key
	for _, p := range page {
		for _, c := range p.Consents {
			consents = append(consents, keyIn(c.Consent))
		}
	}
	seen := map[fhir.Key]bool{}
	if consents != nil && s.may(consentType, smart.Read) == nil {
		if seen, err = s.seen(ctx, s.door.store, consents); err != nil {
			return nil, err
		}
	}
	var told []audit.Projected
	for _, p := range page {
		if slices.ContainsFunc(tells(p), func(k fhir.Key) bool { return concealed[k] }) {
			continue
		}
		e := *p.Event
		e.Hidden = audit.Hidden{}
		e.Consents = slices.DeleteFunc(slices.Clone(e.Consents), func(c audit.Counted) bool { return !seen[keyIn(c.Consent)] })
		told = append(told, audit.Projected{Event: &e, Patient: p.Patient})
	}
	return told, nil
}

func keyIn(reference string) fhir.Key {
	t, id, _ := strings.Cut(reference, "/")
	id, _, _ = strings.Cut(id, "/")
	return fhir.Key{Type: fhir.Type(t), ID: fhir.ID(id)}
}

// tells are the resources of which an event tells whoever sees the part of one patient.
func tells(p audit.Projected) []fhir.Key {
	keys := []fhir.Key{keyIn(p.Target)}
	list := p.Entities
	if p.Patient >= 0 {
		list = append(list[:len(list):len(list)], p.Event.Patients[p.Patient].Entities...)
	}
	for i := range list {
		keys = append(keys, keyIn(list[i].Key))
	}
	return keys
}

// concealed are the resources of which events tell that consents hide from the session.
func (s *Session) concealed(ctx context.Context, page []audit.Projected) (map[fhir.Key]bool, error) {
	reasons, ok := s.access.(justified)
	if !ok {
		return nil, nil
	}
	types, byType := s.door.types(), map[fhir.Type]search.IDs{}
	for _, p := range page {
		for _, k := range tells(p) {
			if k.ID.Valid() && slices.Contains(types, k.Type) {
				byType[k.Type] = append(byType[k.Type], string(k.ID))
			}
		}
	}
	concealed := map[fhir.Key]bool{}
	for t, ids := range byType {
		x := reasons.Consented(t)
		if x == nil {
			continue
		}
		x = search.At(x, s.door.now().UnixMicro())
		slices.Sort(ids)
		for some := range slices.Chunk(slices.Compact(ids), referencesAtOnce) {
			if err := s.door.failing(ctx, t, some, x, concealed); err != nil {
				return nil, err
			}
		}
	}
	return concealed, nil
}

// failing adds those of some resources of a type of which an expression does not hold; of
// one that is deleted, as it was before.
func (d *Door) failing(ctx context.Context, t fhir.Type, ids search.IDs, x search.Expr, to map[fhir.Key]bool) error {
	found, err := d.store.Search(ctx, &search.Query{Types: []string{string(t)}, Filter: search.And{ids, search.Not{X: x}}, Count: len(ids), Heads: true})
	if err != nil {
		return err
	}
	for _, one := range found.Records {
		to[one.Key] = true
	}
	keys := make([]fhir.Key, len(ids))
	for i, id := range ids {
		keys[i] = fhir.Key{Type: t, ID: fhir.ID(id)}
	}
	versions, err := d.store.Versions(ctx, keys)
	if err != nil {
		return err
	}
	for key, v := range versions {
		if !v.Deleted {
			continue
		}
		passes, err := d.passes(ctx, d.store, store.Record{Key: key, Version: v.Version, Deleted: true}, x)
		if err != nil {
			return err
		}
		if !passes {
			to[key] = true
		}
	}
	return nil
}
