package records

import (
	"context"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/watch/span"
)

// LastNRequest is an Observation/$lastn call (R4 Observation-lastn).
type LastNRequest struct {
	// Pairs hold max (1 without it) and search parameters of Observation: patient
	// or subject, with one value, and category or one that is about a code.
	Pairs    []search.Pair
	Handling Handling
	Release  definitions.Release // whose parameters; "": as Door.ReleaseOf has it
}

// LastN returns the newest max observations of each code, by their effective
// time, newest first, with what _include and _revinclude add. All are on one
// page.
func (s *Session) LastN(ctx context.Context, r LastNRequest) (*SearchResult, error) {
	ctx, pass := span.Start(ctx, "door lastn")
	defer pass.End()
	d := s.door
	if err := s.may("Observation", smart.Search); err != nil {
		return nil, err
	}
	n, criteria, err := lastNCriteria(r.Pairs)
	if err != nil {
		return nil, err
	}
	rel := d.releaseOf(r.Release, "Observation")
	catalog, options := rel.catalog, s.parsing(ctx, rel)
	options.Lenient = s.lenient(r.Handling)
	q, err := catalog.Parse("Observation", criteria, options)
	if err != nil {
		return nil, err
	}
	if err := ownOnly(q); err != nil {
		return nil, err
	}
	code, _ := catalog.Param("Observation", "code")
	when, ok := catalog.Param("Observation", "date")
	if !ok || code.Code == "" {
		return nil, fault.New(fault.NotSupported, fault.CodeNotSupported, "", "the definitions of this server have no search parameters code and date of Observation")
	}
	if err := s.asksMasked(append(q.Params(), code, when)); err != nil {
		return nil, err
	}
	q.Filter, q.Bytes = s.narrow(q.Types, q.Filter), d.pageBytes()
	found, err := s.latest(ctx, q, code, when, n)
	if err != nil {
		return nil, err
	}
	result := &SearchResult{
		Total: int64(len(found)), Self: r.Pairs, Count: len(found), Summary: q.Summary, Elements: q.Elements, Ignored: q.Ignored,
		Issues: ignoredIssues(q.Ignored),
	}
	if q.Summary == search.SummaryCount {
		return result, nil
	}
	for _, record := range found {
		if err := s.append(ctx, result, record, ModeMatch); err != nil {
			return nil, err
		}
	}
	if len(q.Includes) > 0 {
		err = s.include(ctx, d.store, q.Includes, found, result)
	}
	return result, d.fault(err)
}

// lastNCriteria takes max out of the parameters and checks that the others say
// whose observations of what are meant.
func lastNCriteria(pairs []search.Pair) (n int, criteria []search.Pair, err error) {
	n = 1
	maxes, subjects, coded := 0, 0, false
	for _, p := range pairs {
		name, modifier, _ := strings.Cut(p.Name, ":")
		switch name {
		case "max":
			number, err := strconv.ParseUint(p.Value, 10, 31)
			if maxes++; err != nil || number == 0 || maxes > 1 || modifier != "" {
				return 0, nil, fault.New(fault.Invalid, fault.CodeValue, "", "max is how many observations of each code are wanted, a whole number from 1, given once, not %q", fault.Shorten(p.Value))
			}
			n = int(number)
			continue
		case "_sort", "_count", "_total":
			return 0, nil, fault.New(fault.Invalid, fault.CodeNotSupported, "", "$lastn takes no %s: the newest come first, max of each code, all at once", name)
		case "patient", "subject":
			if subjects++; subjects > 1 || strings.Contains(p.Value, ",") || modifier == "identifier" || modifier == "missing" || modifier == "not" {
				return 0, nil, fault.New(fault.Invalid, fault.CodeInvalid, "", "$lastn is about one patient or subject: name one by reference, as in patient=123")
			}
		}
		coded = coded || name == "category" || strings.Contains(name, "code")
		criteria = append(criteria, p)
	}
	if subjects == 0 {
		return 0, nil, fault.New(fault.Invalid, fault.CodeRequired, "", "$lastn needs a patient or subject, as in patient=123")
	}
	if !coded {
		return 0, nil, fault.New(fault.Invalid, fault.CodeRequired, "", "$lastn needs a category or a code, as in category=vital-signs or code=http://loinc.org|8867-4")
	}
	return n, criteria, nil
}
