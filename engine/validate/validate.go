// Package validate says what is wrong with a resource.
//
// The parser of spec/fhir has already refused what is no FHIR at all: unknown
// elements, wrong types, malformed values and narratives. What is left is in
// this package: cardinality, required bindings, types of reference targets and
// invariants of the release (Check, on each write), and further warnings,
// extensions and profiles (Validate, for $validate).
//
// R4 §2.7 Validating Resources.
package validate

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/engine/terminology"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Options are what a Validator asks of others; all may be zero.
type Options struct {
	// Terminology answers for bindings; when nil, one of the definitions' own
	// value sets is made.
	Terminology *terminology.Catalog
	// Resolver finds the targets of references outside of the resource for
	// invariants that ask; nil finds none, and such invariants then hold.
	Resolver fhirpath.Resolver
	// Now is the time for now() and today() in invariants of profiles.
	Now func() time.Time
}

// Validator holds the rules of one Definitions, compiled when they are first
// needed. It is safe for concurrent use.
type Validator struct {
	definitions *definitions.Definitions
	terminology *terminology.Catalog
	systems     *terminology.Service // of terminology alone
	resolver    fhirpath.Resolver
	now         func() time.Time
	env         *fhirpath.Env

	properties []atomic.Pointer[propertyPlan] // by PropertyID
	types      sync.Map                       // *definitions.Type -> *typePlan
	rules      sync.Map                       // ruleKey -> *rule
	shapes     sync.Map                       // URL of a profile -> *profileShape
	vitals     func() map[string]string       // LOINC code of a vital sign -> URL of its profile
}

// New makes a validator for resources of d.
func New(d *definitions.Definitions, o Options) *Validator {
	v := &Validator{
		definitions: d, terminology: o.Terminology, resolver: o.Resolver, now: o.Now,
		properties: make([]atomic.Pointer[propertyPlan], d.Properties()),
	}
	if v.terminology == nil {
		v.terminology = terminology.New(d)
	}
	v.systems = terminology.NewService(v.terminology, nil)
	v.env = v.environment(time.Time{})
	v.vitals = sync.OnceValue(v.vitalSigns)
	return v
}

func (v *Validator) environment(now time.Time) *fhirpath.Env {
	terms := Terms(v.systems, terminology.Stamp{Time: now})
	return &fhirpath.Env{Definitions: v.definitions, Resolver: v.resolver, Terminology: terms, Profiles: v, Now: now}
}

// maxIssues bounds the errors of a report, and the rest of it; what follows is counted
// only.
const maxIssues = 100

// Check applies the rules of the release that every stored resource must
// keep, and returns the errors; none when there is nothing wrong. Warnings,
// best practices and profiles are left to Validate.
func (v *Validator) Check(ctx context.Context, t *fhir.Tree) []fault.Issue {
	r := run{v: v, ctx: ctx, env: v.env}
	r.resource(t.Root())
	return r.result()
}

// Validate applies all rules: those of Check, its warnings and best practices,
// the definitions of extensions that are known, answers against their
// Questionnaire, the profiles that the resource and those within it claim in
// meta.profile, those that are imposed on them (guides' own for all resources of a
// type, the release's for vital signs), and those given by canonical URL. A profile
// that is given must be known; of one that is only claimed, and of an unknown
// extension, an information tells that it was not checked.
func (v *Validator) Validate(ctx context.Context, t *fhir.Tree, profiles []string) []fault.Issue {
	return v.With(nil).Validate(ctx, t, profiles)
}

// Sight is a Validator that knows the value sets of one terminology service
// beside those of the packages.
type Sight struct {
	v     *Validator
	terms *terminology.Service
	env   *fhirpath.Env
	// Questionnaires, if set, finds those that answers are checked against.
	Questionnaires Questionnaires
}

// With gives the validator the sight of a terminology service; nil leaves it
// its own.
func (v *Validator) With(terms *terminology.Service) *Sight {
	s := &Sight{v: v, terms: terms, env: v.env}
	var now time.Time
	if v.now != nil {
		now = v.now()
		s.env = v.environment(now)
	}
	if terms != nil {
		env := *s.env
		env.Terminology, env.Profiles = Terms(terms, terminology.Stamp{Time: now}), s
		s.env = &env
	}
	return s
}

// Validate is Validator.Validate with the sight of the terminology service.
func (s *Sight) Validate(ctx context.Context, t *fhir.Tree, profiles []string) []fault.Issue {
	r := run{v: s.v, ctx: ctx, env: s.env, terms: s.terms, questionnaires: s.Questionnaires, full: true}
	r.resource(t.Root())
	for _, url := range profiles {
		r.conform(t.Root(), url, true)
	}
	return r.result()
}

// Conforms says whether an element is valid against a profile, or against a
// type given by its canonical; ok is false when it is not known. It makes the
// validator a fhirpath.Conformer.
func (v *Validator) Conforms(ctx context.Context, n fhir.Node, profile string) (conforms, ok bool, err error) {
	return (&Sight{v: v, env: v.env}).Conforms(ctx, n, profile)
}

// Conforms is Validator.Conforms with the sight of the terminology service.
func (s *Sight) Conforms(ctx context.Context, n fhir.Node, profile string) (conforms, ok bool, err error) {
	v := s.v
	if t := v.definitions.TypeOf(profile); t != nil {
		return n.Type().Is(t.Name), true, nil
	}
	known, err := v.profile(profile)
	if known == nil || err != nil {
		return false, false, err
	}
	r := run{v: v, ctx: ctx, env: s.env, terms: s.terms, quiet: true}
	r.shape(n, known.root)
	return !r.failed, true, nil
}

// run is one validation.
type run struct {
	v              *Validator
	ctx            context.Context
	env            *fhirpath.Env
	terms          *terminology.Service // to ask for members of value sets; nil asks those compiled
	questionnaires Questionnaires
	full           bool // warnings and extensions, too
	quiet          bool // only whether something fails matters
	mild           bool // errors are warnings
	failed         bool
	depth          int // of profiles that lead to profiles
	issues         []fault.Issue
	errors, others int
	more           int
	// known are the entries of the Bundles seen by fullUrl, and contained
	// resources by id where they are many.
	known map[fhir.Node]map[string]fhir.Node
	// elements are those seen that have an id.
	elements map[elementID]fhir.Node
	// absent are code systems with versions, as system|version, that are not at hand.
	absent map[string]bool
}

// done says that nothing more need be found out.
func (r *run) done() bool { return r.quiet && r.failed }

func (r *run) add(severity fault.Severity, code fault.Code, n fhir.Node, message string) {
	if r.mild && severity == fault.ErrorLevel {
		severity = fault.Warning
	}
	if severity == fault.ErrorLevel {
		r.failed = true
	}
	if r.quiet {
		return
	}
	count := &r.others
	if severity == fault.ErrorLevel {
		count = &r.errors
	}
	if *count >= maxIssues {
		r.more++
		return
	}
	*count++
	line, column := n.Position()
	r.issues = append(r.issues, fault.Issue{Severity: severity, Code: code, Path: n.Path(), Message: message, Line: line, Column: column})
}

// result gives the issues once each: an extension is checked for itself and
// where a profile names it.
func (r *run) result() []fault.Issue {
	if len(r.issues) == 0 {
		return nil
	}
	seen := make(map[fault.Issue]bool, len(r.issues))
	r.issues = slices.DeleteFunc(r.issues, func(i fault.Issue) bool {
		again := seen[i]
		seen[i] = true
		return again
	})
	if r.more > 0 {
		r.issues = append(r.issues, fault.Issue{
			Severity: fault.Information, Code: fault.CodeInformation, Message: moreMessage(r.more),
		})
	}
	return r.issues
}
