package records

import (
	"context"
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/engine/terminology"
	"github.com/inglehealth/ingle/spec/fhir"
)

// terms tells the search parser of value sets and code systems as a session
// sees them. It lives as long as one parse, so it holds its context.
type terms struct {
	ctx     context.Context
	s       *Session
	source  *termSource
	service *terminology.Service
}

func (s *Session) terms(ctx context.Context, rel *release) terms {
	source := s.termSource(rel)
	return terms{ctx, s, source, terminology.NewService(rel.terms, source)}
}

var _ search.Terminology = terms{}

// Codes implements search.Terminology.
func (t terms) Codes(valueSet string, limit int) (*search.CodeList, error) {
	if id, ok := strings.CutPrefix(valueSet, "ValueSet/"); ok {
		var err error
		if valueSet, err = t.canonical(fhir.Key{Type: "ValueSet", ID: fhir.ID(id)}); err != nil {
			return nil, err
		}
	}
	k := listKey{t.source.rel.defs.Release, valueSet, limit}
	return t.s.door.lists.codes(t.ctx, k, t.source, func() (*search.CodeList, error) {
		codes, err := t.service.Codes(t.ctx, valueSet, limit)
		if err != nil {
			return nil, err
		}
		codings := make([]search.Coding, len(codes))
		for i, c := range codes {
			codings[i] = search.Coding{System: c.System, Code: c.Code}
		}
		return search.NewCodeList(codings), nil
	})
}

// canonical is the URL of a stored ValueSet, with its version.
func (t terms) canonical(key fhir.Key) (string, error) {
	record, err := t.s.visible(t.ctx, t.s.door.store, key, seeing)
	if err != nil {
		return "", err
	}
	if record.Deleted {
		return "", gone(record)
	}
	made, err := t.s.door.ready(t.ctx, record)
	if err != nil {
		return "", err
	}
	v := made.ValueSet
	if v == nil || v.URL == "" {
		return "", fmt.Errorf("%s has no url by which its codes can be found", key)
	}
	return strings.TrimSuffix(v.URL+"|"+v.Version, "|"), nil
}

// Below implements search.Terminology.
func (t terms) Below(system, code string, limit int) ([]string, error) {
	return t.service.Below(t.ctx, system, code, limit)
}

// Above implements search.Terminology.
func (t terms) Above(system, code string, limit int) ([]string, error) {
	return t.service.Above(t.ctx, system, code, limit)
}
