package records

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// loadAnswers holds the answers to the conditional references of a group.
type loadAnswers struct {
	mu sync.Mutex
	of map[string]loadAnswer
}

type loadAnswer struct {
	key fhir.Key
	err error
}

// resolve replaces the conditional references of a draft.
func (g *LoadGroup) resolve(ctx context.Context, w *draft) error {
	if w.key.Type == "Bundle" {
		return nil
	}
	d := g.s.door
	var issues []fault.Issue
	for n := range w.tree.Root().References() {
		literal := n.Text()
		if !strings.Contains(literal, "?") {
			continue
		}
		typ, criteria, ok := splitCondition(w.rel.defs, d.below(literal))
		if !ok {
			continue
		}
		answer := g.answer(ctx, typ, criteria, literal)
		if answer.err != nil {
			if d.policy.AllowDangling && fault.KindOf(answer.err) == fault.PreconditionFailed {
				continue // it stays as written
			}
			e, ok := errors.AsType[*fault.Error](inside(answer.err, n.Path(), n.Path()))
			if !ok {
				return answer.err
			}
			issues = append(issues, e.Issues...)
			continue
		}
		if err := n.SetText(answer.key.String()); err != nil {
			return err
		}
	}
	if issues != nil {
		return fault.Of(fault.Unprocessable, issues)
	}
	return nil
}

// answer finds what a conditional reference means, once for the group.
func (g *LoadGroup) answer(ctx context.Context, typ fhir.Type, criteria, literal string) loadAnswer {
	a := &g.answers
	a.mu.Lock()
	answer, known := a.of[literal]
	a.mu.Unlock()
	if known {
		return answer
	}
	answer.key, answer.err = g.match(ctx, typ, criteria, literal)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of == nil {
		a.of = map[string]loadAnswer{}
	}
	a.of[literal] = answer
	return answer
}

func (g *LoadGroup) match(ctx context.Context, typ fhir.Type, criteria, literal string) (fhir.Key, error) {
	s := g.s
	cond, err := s.criteria(ctx, typ, criteria)
	if err != nil {
		return fhir.Key{}, err
	}
	// The groups before may hold the answer.
	if err := g.turn(ctx); err != nil {
		return fhir.Key{}, err
	}
	return s.settled(ctx, true, func() (fhir.Key, error) { return cond.reference(ctx, s.door.store, literal, nil, nil) })
}
