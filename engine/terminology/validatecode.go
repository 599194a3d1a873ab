package terminology

import (
	"context"
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
	return bounded(strings.Join(slices.Compact(list), "; "))
}

// maxCodings bounds the codings of a CodeableConcept that is checked.
const maxCodings = 1000

// ValidateCode checks codes against a value set or a code system. One of a
// CodeableConcept's codes must be in the value set. The error is for what
// cannot be answered: a value set that is not known or malformed.
func (s *Service) ValidateCode(ctx context.Context, r ValidateRequest) (*Validation, error) {
	if len(r.Codings) == 0 || len(r.Codings) == 1 && r.Codings[0].Code == "" {
		return nil, fault.New(fault.Invalid, fault.CodeRequired, "", "say which code: by code (with system), coding or codeableConcept")
	}
	if len(r.Codings) > maxCodings {
		return nil, fault.New(fault.Unprocessable, fault.CodeTooCostly, "", "the codeableConcept has %d codings, and one is checked with up to %d", len(r.Codings), maxCodings)
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
	text := v.parameters["displayLanguage"]
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
	message = bounded(message)
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

// shown is a coding as messages have it.
func shown(g definitions.Coding) string {
	s := canonical(fault.Shorten(g.System), fault.Shorten(g.Version)) + "#" + fault.Shorten(g.Code)
	if g.Display != "" {
		s += " ('" + fault.Shorten(g.Display) + "')"
	}
	return s
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
