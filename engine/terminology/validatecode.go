package terminology

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// Form is how a code was given; paths in issues follow it.
type Form uint8

// Forms of a code.
const (
	FormCode Form = iota // parameters code, system, systemVersion and display
	FormCoding
	FormConcept // a CodeableConcept
)

// ValidateRequest is ValueSet/$validate-code or CodeSystem/$validate-code (R4
// §4.9.18.2, §4.8.18.2).
type ValidateRequest struct {
	Options
	// The value set is given by URL and Version, or itself. With OfSystem it is
	// the code system that the codes are checked against, by its URL in each
	// coding, or itself.
	OfSystem     bool
	URL, Version string
	ValueSet     *ValueSet
	CodeSystem   *CodeSystem

	Codings []definitions.Coding
	Form    Form
	Concept []byte // the CodeableConcept as JSON, to be repeated in the answer
	// InferSystem finds the system of a code that has none.
	InferSystem bool
	// LenientDisplay makes a wrong display a warning.
	LenientDisplay bool
	// ConcreteOnly refuses codes that only group others.
	ConcreteOnly bool
	// MembershipOnly asks whether the codes are in the value set and no more.
	MembershipOnly bool
}

// Validation says whether a code is valid, and what is known of it.
type Validation struct {
	Result   bool
	Coding   definitions.Coding // as it was understood; Display is the one to show
	Known    bool               // the coding is in the value set, or the only one
	Inactive bool
	Status   string // of the concept
	// Normalized is the code as it is defined, when it was written otherwise.
	Normalized string
	// Unknown is a code system that the request names and CausedBy one that
	// the answer depends on; neither is at hand.
	Unknown, CausedBy []string
	Concept           []byte
	Issues            []fault.Issue
	messages          []string
}

// Message is what matters of the issues, "" when nothing does.
func (v *Validation) Message() string {
	list := slices.Clone(v.messages)
	slices.Sort(list)
	return strings.Join(slices.Compact(list), "; ")
}

// ValidateCode checks codes against a value set or a code system. One of a
// CodeableConcept's codes must be in the value set. The error is for what
// cannot be answered: a value set that is not known or malformed.
func (s *Service) ValidateCode(ctx context.Context, r ValidateRequest) (*Validation, error) {
	if len(r.Codings) == 0 || len(r.Codings) == 1 && r.Codings[0].Code == "" {
		return nil, fault.New(fault.Invalid, fault.CodeRequired, "", "say which code: by code (with system), coding or codeableConcept")
	}
	c := &checking{r: &r, scope: s.scope(ctx, &r.Options), out: &Validation{Concept: r.Concept}}
	if r.OfSystem {
		return c.againstSystem()
	}
	v, err := c.requested(r.URL, r.Version, r.ValueSet)
	if err != nil {
		return nil, err
	}
	if err := c.prepare(v); err != nil {
		return nil, err
	}
	if err := c.speak(v); err != nil {
		return nil, err
	}
	if err := c.circles(v, nil, map[*ValueSet]bool{}); err != nil {
		return nil, err
	}
	return c.againstValueSet(v)
}

// checking is one validation under way.
type checking struct {
	*scope
	r   *ValidateRequest
	out *Validation
	at  int // coding that is being checked
}

// speak takes the languages that the value set asks for when the request asks
// for none.
func (c *checking) speak(v *ValueSet) error {
	if c.r.Languages.Text != "" {
		return nil
	}
	text := v.expansionParameter("displayLanguage")
	if text == "" {
		text = v.Language
	}
	var err error
	c.r.Languages, err = ParseLanguages(text)
	return err
}

// path is where a part of the coding stands; "" names the coding itself.
func (c *checking) path(part string) string {
	switch c.r.Form {
	case FormCode:
		if part == "" {
			return "code"
		}
		return part
	case FormCoding:
		if part == "" {
			return "Coding"
		}
		return "Coding." + part
	}
	base := "CodeableConcept.coding[" + strconv.Itoa(c.at) + "]"
	if part == "" {
		return base
	}
	return base + "." + part
}

// issue adds an issue; told says that the message repeats it.
func (c *checking) issue(severity fault.Severity, code fault.Code, path, txType, id, message string, told bool) {
	i := fault.Issue{Severity: severity, Code: code, Path: path, TxType: txType, MessageID: id, Message: message}
	if slices.Contains(c.out.Issues, i) {
		return
	}
	c.out.Issues = append(c.out.Issues, i)
	if told {
		c.out.messages = append(c.out.messages, message)
	}
}

func (c *checking) fail(code fault.Code, path, txType, id, message string) {
	c.issue(fault.ErrorLevel, code, path, txType, id, message, true)
}

// finish says what came of it all.
func (c *checking) finish(root *definitions.Canonical) *Validation {
	var list []reference
	if !c.r.OfSystem {
		list = append(list, reference{"ValueSet", root})
	}
	for _, r := range append(list, c.used.status...) {
		if word := r.warning(root); word != "" {
			c.issue(fault.Information, fault.CodeBusinessRule, "", "status-check", "MSG_"+strings.ToUpper(word),
				"Reference to "+word+" "+r.typ+" "+canonical(r.URL, r.Version), false)
		}
	}
	c.out.Result = !slices.ContainsFunc(c.out.Issues, func(i fault.Issue) bool { return i.Severity == fault.ErrorLevel })
	return c.out
}

// code is a coding as messages have it.
func shown(g definitions.Coding) string {
	s := canonical(g.System, g.Version) + "#" + g.Code
	if g.Display != "" {
		s += " ('" + g.Display + "')"
	}
	return s
}

func (c *checking) againstValueSet(v *ValueSet) (*Validation, error) {
	anyIn, lacking := false, false
	for i, coding := range c.r.Codings {
		c.at = i
		in, err := c.inValueSet(v, coding)
		if err != nil {
			missing, ok := errors.AsType[*fault.Error](err)
			if !ok || missing.Kind != fault.NotFound {
				return nil, err
			}
			// A value set that it includes is missing.
			issue := missing.Issues[0]
			c.fail(issue.Code, "", issue.TxType, issue.MessageID, issue.Message)
			in.lacking = true
		}
		anyIn, lacking = anyIn || in.found, lacking || in.lacking
	}
	if c.r.Form == FormConcept && !anyIn && !lacking {
		c.fail(fault.CodeInvalidCode, "", "not-in-vs", "TX_GENERAL_CC_ERROR_MESSAGE",
			"No valid coding was found for the value set '"+v.canonical()+"'")
	}
	return c.finish(&v.Canonical), nil
}

// verdict is what came of one coding.
type verdict struct {
	found   bool // it is in the value set
	lacking bool // something is missing that would tell
}

func (c *checking) inValueSet(v *ValueSet, g definitions.Coding) (verdict, error) {
	if c.r.Form != FormConcept {
		c.out.Coding, c.out.Known = definitions.Coding{System: g.System, Code: g.Code}, true
	}
	if g.System == "" {
		if c.r.Form == FormCode && c.r.InferSystem {
			system, err := c.infer(v, g.Code)
			if err != nil {
				return verdict{}, err
			}
			g.System, c.out.Coding.System = system, system
		} else {
			c.issue(fault.Warning, fault.CodeInvalid, c.path(""), "invalid-data", "Coding_has_no_system__cannot_validate",
				"Coding has no system. A code with no system has no defined meaning, and it cannot be validated. A system should be provided", true)
		}
		if g.System == "" {
			c.notIn(v, g)
			return verdict{}, nil
		}
	}
	if !strings.Contains(g.System, ":") {
		c.fail(fault.CodeInvalid, c.path("system"), "invalid-data", "Terminology_TX_System_Relative",
			"Coding.system must be an absolute reference, not a local reference")
	}
	parts, err := c.parts(v, g.System, nil)
	if err != nil {
		return verdict{}, err
	}
	given := g.Version
	lacking := c.versions(parts, &g)
	hits, err := c.hits(v, parts, g)
	if err != nil && !errors.As(err, new(*unknownSystem)) {
		return verdict{}, err
	}
	if len(hits) == 0 {
		if lacking {
			c.meanwhile(g, given)
			return verdict{lacking: true}, nil
		}
		return verdict{}, c.absent(v, parts, g)
	}
	hit := c.best(hits, g)
	if c.inactiveOut(v, hit, g) {
		return verdict{}, nil
	}
	if !c.out.Known || c.r.Form != FormConcept {
		c.tell(hit, g)
	}
	c.judge(hit, g)
	return verdict{found: true, lacking: lacking}, nil
}

// notIn says that the value set does not have the coding.
func (c *checking) notIn(v *ValueSet, g definitions.Coding) {
	message := "The provided code '" + shown(g) + "' was not found in the value set '" + v.canonical() + "'"
	if c.r.Form == FormConcept {
		c.issue(fault.Information, fault.CodeInvalidCode, c.path("code"), "this-code-not-in-vs", "None_of_the_provided_codes_are_in_the_value_set_one", message, false)
		return
	}
	c.fail(fault.CodeInvalidCode, c.path("code"), "not-in-vs", "None_of_the_provided_codes_are_in_the_value_set_one", message)
}

// infer finds the one system in which the value set has a code.
func (c *checking) infer(v *ValueSet, code string) (string, error) {
	var systems []string
	for _, in := range v.includes {
		f, err := c.memberOf(v, &in, named{code: code, plain: true}, []*ValueSet{v})
		if err != nil && !errors.As(err, new(*unknownSystem)) {
			return "", err
		}
		if f != nil && !f.fragment {
			note(&systems, f.system)
		}
	}
	if len(v.includes) == 0 && v.Expanded {
		if f := c.inExpansion(v, named{code: code, plain: true}); f != nil {
			systems = append(systems, f.system)
		}
	}
	message := "The System URI could not be determined for the code '" + code + "' in the ValueSet '" + v.canonical() + "'"
	switch len(systems) {
	case 1:
		return systems[0], nil
	case 0:
		c.fail(fault.CodeNotFound, c.path("code"), "cannot-infer", "UNABLE_TO_INFER_CODESYSTEM", message)
	default:
		slices.Sort(systems)
		c.fail(fault.CodeNotFound, c.path("code"), "cannot-infer", "Unable_to_resolve_system__value_set_has_multiple_matches",
			message+": value set expansion has multiple matches: ["+strings.Join(systems, ", ")+"]")
	}
	return "", nil
}

// portion is an include, perhaps of a nested value set, that is about a
// system.
type portion struct {
	*resolved
	in *include
}

// parts are the includes that are about a system.
func (c *checking) parts(v *ValueSet, system string, above []*ValueSet) ([]portion, error) {
	if err := enter(v, above); err != nil {
		return nil, err
	}
	above = append(slices.Clip(above), v)
	var out []portion
	for i := range v.includes {
		in := &v.includes[i]
		if in.System != "" && in.System != system {
			continue
		}
		r, err := c.resolve(v, in)
		if err != nil {
			return nil, err
		}
		if in.System != "" {
			out = append(out, portion{r, in})
			continue
		}
		for _, set := range r.sets {
			inner, err := c.parts(set, system, above)
			if err != nil {
				return nil, err
			}
			out = append(out, inner...)
		}
	}
	return out, nil
}

// hits are the places where the value set has the coding, the latest version
// first.
func (c *checking) hits(v *ValueSet, parts []portion, g definitions.Coding) ([]*found, error) {
	versions := []string{""}
	for _, p := range parts {
		if p.sys != nil && p.sys.Version != "" && (g.Version == "" || matchVersion(g.Version, p.sys.Version)) {
			note(&versions, p.sys.Version)
		}
	}
	slices.SortFunc(versions, func(a, b string) int { return compareVersions(b, a) })
	if len(versions) > 1 { // "" comes last, and means whichever
		versions = versions[:len(versions)-1]
	}
	var out []*found
	var untold error
	for _, version := range versions {
		f, err := c.member(v, named{system: g.System, version: version, code: g.Code}, nil)
		if errors.As(err, new(*unknownSystem)) {
			untold = err
			continue
		}
		if err != nil {
			return nil, err
		}
		if f != nil {
			out = append(out, f)
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	return nil, untold
}

// best is the place whose name for the concept is the one given, else the
// first.
func (c *checking) best(hits []*found, g definitions.Coding) *found {
	for _, h := range hits {
		if g.Display != "" && h.sys != nil && !h.fragment && slices.ContainsFunc(h.item().names(), func(n name) bool { return sameDisplay(n.Value, g.Display) }) {
			return h
		}
	}
	return hits[0]
}

func (f *found) item() *item {
	it := &item{sys: f.sys, index: f.index, system: f.system, code: f.code, concept: f.concept, of: f.of}
	if f.sys != nil {
		it.version = f.sys.Version
	}
	if f.fragment {
		it.sys = nil
	}
	return it
}

// tell fills in what is known of a code.
func (c *checking) tell(f *found, g definitions.Coding) {
	c.out.Known = true
	c.out.Coding = definitions.Coding{System: g.System, Code: g.Code}
	it := f.item()
	c.out.Coding.Version = g.Version
	if f.sys != nil {
		c.out.Coding.Version = f.sys.Version
	}
	names := it.names()
	if at := c.r.Languages.choose(names); at >= 0 {
		c.out.Coding.Display = names[at].Value
	}
}

// judge says what there is to say of a code that the value set has.
func (c *checking) judge(f *found, g definitions.Coding) {
	if f.fragment {
		c.issue(fault.Warning, fault.CodeInvalidCode, c.path("code"), "invalid-code", "UNKNOWN_CODE_IN_FRAGMENT",
			"Unknown Code '"+g.Code+"' in the CodeSystem '"+f.sys.URL+"' version '"+f.sys.Version+
				"' - note that the code system is labeled as a fragment, so the code may be valid in some other fragment", false)
		return
	}
	if c.r.MembershipOnly {
		return
	}
	if f.sys != nil && f.code != g.Code {
		c.out.Normalized = f.code
		c.issue(fault.Information, fault.CodeBusinessRule, c.path("code"), "code-rule", "CODE_CASE_DIFFERENCE",
			"The code '"+g.Code+"' differs from the correct code '"+f.code+"' by case. Although the code system '"+canonical(f.sys.URL, f.sys.Version)+
				"' is case insensitive, implementers are strongly encouraged to use the correct case anyway", false)
	}
	c.state(f, g)
	if c.r.ConcreteOnly && f.sys != nil && f.sys.abstract(f.index) {
		c.fail(fault.CodeBusinessRule, c.path("code"), "code-rule", "ABSTRACT_CODE_NOT_ALLOWED",
			"Code '"+g.System+"#"+g.Code+"' is abstract, and not allowed in this context")
	}
	if f.concept != nil && f.of != nil && (extensionValue(f.concept.Extensions, asExtension[4]) == "true" || extensionValue(f.concept.Extensions, standardsStatus) == "deprecated") {
		c.issue(fault.Warning, fault.CodeBusinessRule, c.path("code"), "code-comment", "CONCEPT_DEPRECATED_IN_VALUESET",
			"The presence of the concept '"+g.Code+"' in the system '"+g.System+"' in the value set "+f.of.canonical()+
				" is marked with a status of deprecated and its use should be reviewed", false)
	}
	c.display(f, g)
}

// state warns of a concept that is not to be used any more.
func (c *checking) state(f *found, g definitions.Coding) {
	if f.sys == nil {
		return
	}
	status := f.sys.status(f.index)
	switch {
	case f.sys.inactive(f.index):
		c.out.Inactive = true
		word := "inactive"
		if status != "" && status != "inactive" {
			word = status + " and inactive"
			c.out.Status = status
		}
		c.issue(fault.Warning, fault.CodeBusinessRule, c.path(""), "code-comment", "INACTIVE_CONCEPT_FOUND",
			"The concept '"+g.Code+"' has a status of "+word+" and its use should be reviewed", true)
	case status == "deprecated" || status == "withdrawn":
		c.issue(fault.Warning, fault.CodeBusinessRule, c.path(""), "code-comment", "DEPRECATED_CONCEPT_FOUND",
			"The concept '"+g.Code+"' has a status of "+status+" and its use should be reviewed", false)
	}
}

// inactiveOut refuses an inactive code where only active ones are wanted.
func (c *checking) inactiveOut(v *ValueSet, f *found, g definitions.Coding) bool {
	active := c.r.ActiveOnly || v.Inactive == "false" || f.of != nil && f.of.Inactive == "false"
	if !active || f.sys == nil || f.fragment || !f.sys.inactive(f.index) {
		return false
	}
	if c.r.Form != FormConcept {
		c.tell(f, g)
	}
	c.state(f, g)
	c.out.Status = ""
	c.fail(fault.CodeBusinessRule, c.path("code"), "code-rule", "STATUS_CODE_WARNING_CODE", "The concept '"+g.Code+"' is valid but is not active")
	c.notIn(v, g)
	return true
}

// absent says what is wrong with a code that the value set does not have.
func (c *checking) absent(v *ValueSet, parts []portion, g definitions.Coding) error {
	c.notIn(v, g)
	if c.r.MembershipOnly {
		return nil
	}
	return c.ofSystem(parts, g)
}

// meanwhile tells of a code what another version of its system than the one
// that is missing says: the one given, or the usual one.
func (c *checking) meanwhile(g definitions.Coding, given string) {
	if c.r.Form == FormConcept {
		return
	}
	sys, err := c.codeSystem(g.System, given)
	if given == "" || err != nil {
		if sys, err = c.codeSystem(g.System, c.version(g.System, "").asked); err != nil {
			return
		}
	}
	c.out.Coding.Version = sys.Version
	if i, _, ok := sys.find(g.Code); ok {
		c.tell(&found{sys: sys, index: i, system: g.System, code: g.Code}, g)
	}
}

// ofSystem says whether the code is one of its system at all.
func (c *checking) ofSystem(parts []portion, g definitions.Coding) error {
	version := g.Version
	for _, p := range parts {
		if version == "" && p.sys != nil {
			version = p.sys.Version
		}
	}
	for _, p := range parts { // the latest of them
		if g.Version == "" && p.sys != nil && compareVersions(p.sys.Version, version) > 0 {
			version = p.sys.Version
		}
	}
	if len(parts) == 0 {
		version = c.version(g.System, version).asked
	}
	sys, err := c.codeSystem(g.System, version)
	if missing, ok := errors.AsType[*unknownSystem](err); ok {
		if grammar := grammars[g.System]; grammar != nil && g.Version == "" {
			if grammar(g.Code) == No {
				c.fail(fault.CodeInvalidCode, c.path("code"), "invalid-code", "Unknown_Code_in_Version", "Unknown code '"+g.Code+"' in the CodeSystem '"+g.System+"'")
			}
			return nil
		}
		c.lack(missing, g)
		if missing.supplement == "" {
			note(&c.out.Unknown, g.System)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if c.r.Form != FormConcept {
		c.out.Coding.Version = sys.Version
	}
	i, _, ok := sys.find(g.Code)
	if ok {
		if c.r.Form != FormConcept {
			c.tell(&found{sys: sys, index: i, system: g.System, code: g.Code}, g)
		}
		return nil
	}
	if !sys.complete() {
		c.judge(&found{sys: sys, fragment: true}, g)
		return nil
	}
	c.fail(fault.CodeInvalidCode, c.path("code"), "invalid-code", "Unknown_Code_in_Version",
		"Unknown code '"+g.Code+"' in the CodeSystem '"+sys.URL+"' version '"+sys.Version+"'")
	return nil
}

// lack says that a code system is missing.
func (c *checking) lack(missing *unknownSystem, g definitions.Coding) {
	if missing.supplement != "" {
		c.fail(fault.CodeInvalid, c.path("system"), "invalid-data", "CODESYSTEM_CS_NO_SUPPLEMENT",
			"CodeSystem "+missing.supplement+" is a supplement, so can't be used as a value in Coding.system")
		return
	}
	c.fail(fault.CodeNotFound, c.path("system"), "not-found", missing.id(""), missing.message("so the code cannot be validated"))
}
