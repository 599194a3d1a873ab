package search

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// manyTargets is the number of target types above which a bare id is looked
// for in any type, and a chain has to name the type it follows.
const manyTargets = 20

// reference reads a reference value: an id, Type/id, a URL or a canonical with
// |version. typeName is the modifier, or "".
func (p *parser) reference(param found, typeName, raw string) (Expr, error) {
	text, err := plain(raw)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(text, "#") {
		return nil, errors.New("a reference to a contained resource cannot be searched by")
	}
	if key, version, ok := p.c.local(text); ok {
		if typeName != "" && typeName != string(key.Type) {
			return nil, fmt.Errorf("modifier :%s contradicts the type in the value", typeName)
		}
		return Reference{Param: param.as, Type: string(key.Type), ID: string(key.ID), Version: version}, nil
	}
	switch {
	case fhir.ID(text).Valid():
		return bareID(param, typeName, text), nil
	case strings.Contains(text, "://") || strings.HasPrefix(text, "urn:"):
		url, version := canonicalParts(text)
		if key, _, ok := p.c.local(url); ok && version != "" {
			return Reference{Param: param.as, Type: string(key.Type), ID: string(key.ID), Version: version}, nil
		}
		return Reference{Param: param.as, URL: Bound(url), Version: Bound(version)}, nil
	}
	if before, _, ok := strings.Cut(text, "/"); ok && before != "" {
		return nil, fmt.Errorf("%q is not a resource type%s", fault.Shorten(before), meant(before, p.c.defs.ResourceTypes()))
	}
	return nil, errors.New("a reference is written id, Type/id or as an absolute URL")
}

// bareID searches for an id in the types that the parameter may point to.
func bareID(param found, typeName, id string) Expr {
	if typeName != "" {
		return Reference{Param: param.as, Type: typeName, ID: id}
	}
	if anywhere(param.targets) {
		return Reference{Param: param.as, ID: id}
	}
	var any Or
	for _, target := range param.targets {
		any = append(any, Reference{Param: param.as, Type: target, ID: id})
	}
	return simplify(any)
}

// targetsOf are the types that values of any of some parameters may refer to; nil for any.
func targetsOf(params []*parameter) (all []string) {
	for _, p := range params {
		targets := p.def.Targets
		if only := p.target(); only != "" {
			targets = []string{only}
		}
		if len(targets) == 0 {
			return nil
		}
		for _, t := range targets {
			if !slices.Contains(all, t) {
				all = append(all, t)
			}
		}
	}
	return all
}

// anywhere says whether a parameter may point to too many types to name each.
func anywhere(targets []string) bool {
	return len(targets) == 0 || len(targets) > manyTargets || slices.Contains(targets, System)
}

// canonicalParts splits url|version.
func canonicalParts(text string) (url, version string) {
	if i := strings.LastIndexByte(text, '|'); i > 0 {
		return text[:i], text[i+1:]
	}
	return text, ""
}

// chain reads head.rest=value, head being code or code:Type.
func (p *parser) chain(types []string, head, rest, value string, depth int) (Expr, error) {
	return p.follow(types, head, rest, func(target string) (Expr, error) {
		return p.expr([]string{target}, rest, value, depth+1)
	})
}

// follow makes the chain over a reference, head being code or code:Type, to
// what next says of each type that it may lead to. rest is for messages.
func (p *parser) follow(types []string, head, rest string, next func(target string) (Expr, error)) (Expr, error) {
	code, typeName, typed := strings.Cut(head, ":")
	param, err := p.find(types, code)
	if err != nil {
		return nil, err
	}
	if param.Kind != "reference" {
		return nil, fault.New(fault.Invalid, fault.CodeInvalid, "",
			"search parameter %q is a %s; only a reference can be followed with a full stop", fault.Shorten(code), param.Kind)
	}
	targets := param.targets
	if typed {
		if !p.c.defs.IsResource(typeName) {
			return nil, fault.New(fault.Invalid, fault.CodeInvalid, "", "in %q, %q is not a resource type%s",
				fault.Shorten(head), fault.Shorten(typeName), meant(typeName, p.c.defs.ResourceTypes()))
		}
		targets = []string{typeName}
	}
	if anywhere(targets) {
		return nil, fault.New(fault.Invalid, fault.CodeInvalid, "",
			"search parameter %q may point to too many types to follow; name one, as in %s:Patient.%s", fault.Shorten(code), fault.Shorten(code), fault.Shorten(rest))
	}
	var any Or
	var failed error
	for _, target := range targets {
		x, err := next(target)
		if hasCode(err, fault.CodeTooCostly) {
			return nil, err
		}
		if err != nil {
			// The least hopeless error is the one that explains: a value that
			// one target understands the name of, before an unknown name.
			if failed == nil || !hasCode(err, fault.CodeNotSupported) && hasCode(failed, fault.CodeNotSupported) {
				failed = err
			}
			continue
		}
		any = within(append(any, Chain{Param: param.as, Target: target, X: x}), param.as, target, x)
	}
	if len(any) == 0 {
		return nil, failed
	}
	return simplify(any), nil
}

func hasCode(err error, code fault.Code) bool {
	f, ok := errors.AsType[*fault.Error](err)
	return ok && f.Issues[0].Code == code
}

// has reads what follows _has: Source:param:rest.
func (p *parser) has(types []string, name, value string, depth int) (Expr, error) {
	source, after, _ := strings.Cut(name, ":")
	code, rest, ok := strings.Cut(after, ":")
	if !ok || rest == "" {
		return nil, fault.New(fault.Invalid, fault.CodeInvalid, "",
			"_has is written _has:Type:reference:parameter=value, as in _has:Observation:patient:code=1234-5; %q is not", fault.Shorten("_has:"+name))
	}
	return p.reverse(types, source, code, func() (Expr, error) {
		return p.expr([]string{source}, rest, value, depth+1)
	})
}

// reverse makes the _has over the reference code of type source to what next
// says of the resources that refer.
func (p *parser) reverse(types []string, source, code string, next func() (Expr, error)) (Expr, error) {
	if !p.c.defs.IsResource(source) {
		return nil, fault.New(fault.Invalid, fault.CodeInvalid, "", "in _has, %q is not a resource type%s",
			fault.Shorten(source), meant(source, p.c.defs.ResourceTypes()))
	}
	param, err := p.find([]string{source}, code)
	if err != nil {
		return nil, err
	}
	if param.Kind != "reference" {
		return nil, fault.New(fault.Invalid, fault.CodeInvalid, "",
			"in _has, parameter %q of %s is a %s; it must be a reference", fault.Shorten(code), source, param.Kind)
	}
	if len(types) > 0 && len(param.def.Targets) > 0 && !anyTarget(param.def.Targets, types) {
		return nil, fault.New(fault.Invalid, fault.CodeInvalid, "",
			"in _has, parameter %q of %s does not point to %s but to %s",
			fault.Shorten(code), source, strings.Join(types, " or "), strings.Join(param.def.Targets, ", "))
	}
	x, err := next()
	if err != nil {
		return nil, err
	}
	return Has{Source: source, Param: param.as, X: x}, nil
}

func anyTarget(targets, types []string) bool {
	for _, target := range targets {
		for _, t := range types {
			if target == t || target == System {
				return true
			}
		}
	}
	return false
}
