package records

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/inglehealth/ingle/engine/validate"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/watch/span"
)

// ValidateRequest is a $validate call (R4 §3.3.2, Resource-validate).
type ValidateRequest struct {
	Type     fhir.Type
	ID       fhir.ID  // instance level: for mode update and delete, or to validate what is stored
	Content  *Content // nil: the stored resource
	Mode     string   // "", create, update, delete, profile
	Profiles []string
}

// Validate returns every issue found, worst first; none means valid. An
// unreadable resource gives issues, too. The error is for requests that
// cannot be answered.
func (s *Session) Validate(ctx context.Context, r ValidateRequest) ([]fault.Issue, error) {
	ctx, pass := span.Start(ctx, "door validate")
	defer pass.End()
	key := fhir.Key{Type: r.Type, ID: r.ID}
	switch r.Mode {
	case "", "create", "update", "profile":
	case "delete":
		return s.validateDelete(ctx, key)
	default:
		return nil, fault.New(fault.Invalid, fault.CodeValue, "", "mode %q is none of create, update, delete and profile", r.Mode)
	}
	w, err := s.subject(ctx, r)
	if err != nil {
		// What the parser refuses is the answer; that there is nothing stored is not.
		e, ok := errors.AsType[*fault.Error](err)
		if r.Content == nil || !ok || e.Kind == fault.Internal {
			return nil, err
		}
		return e.Issues, nil
	}
	var issues []fault.Issue
	if r.Mode == "update" {
		if err := sameID(w, r.ID); err != nil {
			if r.ID == "" {
				return nil, fault.New(fault.Invalid, fault.CodeRequired, "", "mode update is asked of an instance: Patient/1/$validate")
			}
			issues = append(issues, issuesOf(err)...)
		}
	}
	sight := w.rel.rules.With(s.terminology(w.rel))
	sight.Questionnaires = s.questionnaires(w.rel)
	issues = append(issues, sight.Validate(ctx, w.tree, r.Profiles)...)
	if r.Mode == "create" || r.Mode == "update" {
		found, err := s.validateReferences(ctx, w)
		if err != nil {
			return nil, err
		}
		issues = append(issues, found...)
		if err := s.door.indexes.admit(ctx, w); err != nil {
			if issuesOf(err) == nil {
				return nil, s.door.fault(err)
			}
			issues = append(issues, issuesOf(err)...)
		}
	}
	slices.SortStableFunc(issues, func(a, b fault.Issue) int { return cmp.Compare(rank(a.Severity), rank(b.Severity)) })
	return issues, nil
}

// questionnaires finds the stored Questionnaires that the session may see.
func (s *Session) questionnaires(rel *release) validate.Questionnaires {
	return func(ctx context.Context, canonical string) (fhir.Node, error) {
		tree, err := s.byURL(ctx, rel, "Questionnaire", canonical)
		if err != nil || tree == nil {
			return fhir.Node{}, err
		}
		return tree.Root(), nil
	}
}

// subject is the resource to validate.
func (s *Session) subject(ctx context.Context, r ValidateRequest) (*draft, error) {
	if r.Content != nil {
		rel, tree, err := s.door.parse(*r.Content)
		if err != nil {
			return nil, err
		}
		w := &draft{rel: rel, tree: tree, key: tree.Key()}
		if r.Type != "" && w.key.Type != r.Type {
			return nil, fault.New(fault.Invalid, fault.CodeInvalid, string(w.key.Type), "the resource is of type %s, but the URL says %s", w.key.Type, r.Type)
		}
		return w, nil
	}
	if r.ID == "" {
		return nil, fault.New(fault.Invalid, fault.CodeRequired, "", "there is no resource to validate: send one, or ask an instance")
	}
	record, err := s.visible(ctx, s.door.store, fhir.Key{Type: r.Type, ID: r.ID}, smart.Read)
	if err != nil {
		return nil, err
	}
	if record.Deleted {
		return nil, gone(record)
	}
	tree, err := s.whole(ctx, record)
	if err != nil {
		return nil, err
	}
	return &draft{rel: s.door.release(record.Release), tree: tree, key: record.Key}, nil
}

// validateDelete says what would keep a resource from being deleted.
func (s *Session) validateDelete(ctx context.Context, key fhir.Key) ([]fault.Issue, error) {
	if key.ID == "" {
		return nil, fault.New(fault.Invalid, fault.CodeRequired, "", "mode delete is asked of an instance: Patient/1/$validate")
	}
	record, err := s.visible(ctx, s.door.store, key, smart.Delete)
	if err != nil {
		return nil, err
	}
	if record.Deleted {
		return nil, gone(record)
	}
	err = s.unreferred(ctx, s.door.store, key, nil)
	if fault.KindOf(err) == fault.Conflict && err != nil {
		return issuesOf(err), nil
	}
	return nil, s.door.fault(err)
}

// validateReferences says which references lead nowhere.
func (s *Session) validateReferences(ctx context.Context, w *draft) ([]fault.Issue, error) {
	if err := s.hide(ctx, w); err != nil {
		return nil, err
	}
	if err := s.door.collect(ctx, w); err != nil {
		return issuesOf(err), nil
	}
	keys := needsOf(nil, w)
	if len(keys) == 0 {
		return nil, nil
	}
	versions, err := s.door.store.Versions(ctx, keys)
	if err != nil {
		return nil, s.door.fault(err)
	}
	var issues []fault.Issue
	for _, n := range w.needs {
		if v, ok := versions[n.key]; !ok || v.Deleted || w.hidden[n.key] {
			issues = append(issues, issueAt(n.node, fault.CodeNotFound, "%s", fmt.Sprintf("%s does not exist here", n.key)))
		}
	}
	return issues, nil
}

func issuesOf(err error) []fault.Issue {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return e.Issues
	}
	return nil
}

// rank orders severities, the worst first.
func rank(s fault.Severity) int {
	return slices.Index([]fault.Severity{fault.Fatal, fault.ErrorLevel, fault.Warning, fault.Information}, s)
}
