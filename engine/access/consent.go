package access

import (
	"fmt"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Consent is what a FHIR Consent says about who may see the data of a patient.
type Consent struct {
	ID      fhir.ID
	Patient fhir.ID // "" when it names none of this server
	Time    int64   // of the decision, in microseconds since the Unix epoch; the newer one prevails
	// Problems are the parts that cannot be computed, and those that concern nobody,
	// each with its path and what becomes of it.
	Problems []string
	rule     *rule // nil: it decides nothing
}

// Decides says whether the consent decides anything now or at another time.
func (c *Consent) Decides() bool { return c.rule != nil }

// maxDepth bounds how deep provisions nest, maxRules how many a consent has.
const (
	maxDepth = 8
	maxRules = 1_000
)

// rule is a provision, in a form that is the same for all that mean the same.
type rule struct {
	Deny     bool     `json:"deny,omitempty"`
	Void     bool     `json:"void,omitempty"`    // of itself it decides nothing
	Actors   []string `json:"actors,omitempty"`  // "Practitioner/a", or "system|value" of an identifier
	Actions  []string `json:"actions,omitempty"` // codes
	Purposes []string `json:"purposes,omitempty"`
	Labels   []string `json:"labels,omitempty"`  // system|code
	Classes  []string `json:"classes,omitempty"` // system|code
	Codes    []string `json:"codes,omitempty"`   // system|code
	Data     []datum  `json:"data,omitempty"`
	Lo       *int64   `json:"lo,omitempty"` // of dataPeriod
	Hi       *int64   `json:"hi,omitempty"`
	Rules    []rule   `json:"rules,omitempty"`
	from     int64    // of period
	until    int64
	path     string // of the provision in its Consent
}

// datum is a resource that a provision names, with what of it is meant.
type datum struct {
	Meaning string `json:"meaning"`
	Key     string `json:"key"`
}

// ReadConsent reads a Consent of any release, stored at a server with a FHIR base URL; "":
// absolute references lead elsewhere. What is not active, and what is not about privacy or
// research, decides nothing.
//
// The root rule comes from the type of the root provision, as IHE PCF has it, from
// policyRule, as R4 has it, or from decision, as R5 has it. Where there is none, or
// one that says nothing computable, only the denials of the nested provisions hold.
// A part that cannot be computed makes a permission void. A denial with such a part
// holds without it when it is the root rule or names a sensitive label, and else is
// void, too: then the default decides, and Problems say so. An actor at another server
// is such a part, but for a denial of others as well, which holds of these. Problems also name actors as
// which nobody asks here, which changes nothing of the rest.
func ReadConsent(root fhir.Node, base string) Consent {
	r := reading{server: base}
	c := Consent{ID: fhir.ID(root.Child("id").Text()), Time: search.MinTime}
	for _, name := range []string{"patient", "subject"} {
		if key, _, ok := r.local(root.Find(name, "reference").Text()); ok && key.Type == patientType {
			c.Patient = key.ID
		}
	}
	stored, isStored := search.ParseTime(root.Find("meta", "lastUpdated").Text())
	for _, name := range []string{"dateTime", "date"} {
		if t, ok := search.ParseTime(root.Child(name).Text()); ok {
			c.Time = t.Lo
			break
		}
	}
	if isStored && (c.Time == search.MinTime || c.Time > stored.Lo) {
		c.Time = stored.Lo // nobody has decided what is to come: it would prevail over all that is decided until then
	}
	if root.Child("status").Text() != "active" || !concernsAccess(root) {
		return c
	}
	if c.Patient == "" {
		r.problem(root, "it names no Patient of this server, so that it decides nothing")
		c.Problems = r.problems
		return c
	}
	c.rule = r.root(root)
	c.Problems = append(r.problems, r.idle...)
	return c
}

// concernsAccess says whether a consent is about privacy or research; what has no
// scope that is known is taken for one.
func concernsAccess(root fhir.Node) bool {
	known := false
	for coding := range root.Child("scope").All("coding") {
		switch coding.Child("code").Text() {
		case "patient-privacy", "research":
			return true
		case "adr", "treatment":
			known = true
		}
	}
	return !known
}

// reading collects what a consent says that cannot be computed.
type reading struct {
	server   string // its FHIR base URL, or ""
	problems []string
	idle     []string // problems of parts that can be computed and concern nobody
	rules    int
}

// local reads a literal reference to a resource of this server, or to a version of it.
func (r *reading) local(literal string) (key fhir.Key, version string, ok bool) {
	return fhir.LocalReference(literal, strings.TrimRight(r.server, "/"))
}

func (r *reading) problem(n fhir.Node, format string, args ...any) {
	r.problems = append(r.problems, n.Path()+": "+fmt.Sprintf(format, args...))
}

// decision is what a root rule is.
type decision uint8

const (
	undecided decision = iota
	permits
	denies
)

func (r *reading) root(root fhir.Node) *rule {
	base := r.base(root)
	provision := root.Child("provision")
	if code := root.Child("decision").Text(); code != "" { // R5: the provisions are its exceptions
		out := rule{Deny: base == denies, from: search.MinTime, until: search.MaxTime, path: root.Child("decision").Path()}
		r.r5(root, &out, base == denies, 1)
		return &out
	}
	out := r.rule(provision, base == denies, true, 0)
	if base == undecided {
		out.void()
	}
	if out.Void && len(out.Rules) == 0 {
		return nil
	}
	return out.beside()
}

// beside takes provisions of the root rule's type, but for other actors, purposes or
// labels, out of it: they are no exceptions to it, as IHE PCF has them (permit normal
// data for treatment, restricted data to who breaks the glass). What such a provision
// leaves open is as the root rule has it.
func (r *rule) beside() *rule {
	all := rule{Void: true, from: search.MinTime, until: search.MaxTime, path: r.path, Rules: []rule{*r}}
	for _, one := range r.Rules {
		if r.Void || one.Void || one.Deny != r.Deny || !one.isBeside(r) {
			continue
		}
		for _, list := range []struct{ own, root *[]string }{
			{&one.Actors, &r.Actors}, {&one.Actions, &r.Actions}, {&one.Labels, &r.Labels}, {&one.Classes, &r.Classes}, {&one.Codes, &r.Codes},
		} {
			if *list.own == nil {
				*list.own = *list.root
			}
		}
		if one.Data == nil {
			one.Data = r.Data
		}
		if one.Lo == nil {
			one.Lo, one.Hi = r.Lo, r.Hi
		}
		one.from, one.until = max(one.from, r.from), min(one.until, r.until)
		all.Rules = append(all.Rules, one)
	}
	if len(all.Rules) == 1 {
		return r
	}
	return &all
}

// isBeside says whether a provision in the root rule is for what that is not for.
func (r *rule) isBeside(root *rule) bool {
	beyond := func(own, of []string) bool {
		return len(of) > 0 && slices.ContainsFunc(own, func(one string) bool { return !slices.Contains(of, one) })
	}
	return beyond(r.Actors, root.Actors) || beyond(r.Labels, root.Labels) || len(root.Purposes) > 0 &&
		slices.ContainsFunc(r.Purposes, func(p string) bool { return !(&Asker{Purpose: p}).pursues(root.Purposes) })
}

// void makes a rule decide nothing: of those in it the denials hold.
func (r *rule) void() {
	r.Void = true
	r.Rules = slices.DeleteFunc(r.Rules, func(one rule) bool { return !one.Deny })
}

// base finds the root rule.
func (r *reading) base(root fhir.Node) decision {
	for _, n := range []fhir.Node{root.Child("decision"), root.Find("provision", "type")} {
		switch n.Text() {
		case "permit":
			return permits
		case "deny":
			return denies
		case "":
		default:
			r.problem(n, "%q is neither permit nor deny", n.Text())
		}
	}
	for coding := range root.Child("policyRule").All("coding") {
		switch coding.Child("code").Text() {
		case "OPTIN", "OPTINR", "hipaa-auth", "hipaa-npp", "hipaa-restrictions", "va-10-0484":
			return permits
		case "OPTOUT", "OPTOUTE":
			return denies
		}
	}
	r.problem(root, "there is neither a type of the provision nor a policyRule that can be computed (OPTIN, OPTINR, OPTOUT, OPTOUTE): only denials among nested provisions hold, the rest follows the default")
	return undecided
}

// r5 reads provisions that are exceptions, of each other in turn.
func (r *reading) r5(n fhir.Node, out *rule, deny bool, depth int) {
	for p := range n.All("provision") {
		one, ok := r.criteria(p, !deny, false, depth)
		r.r5(p, &one, !deny, depth+1)
		if !ok {
			one.void()
		}
		if !one.Void || len(one.Rules) > 0 {
			out.Rules = append(out.Rules, one)
		}
	}
}

// rule reads a provision of R4 with those in it. It is void when it cannot be
// computed.
func (r *reading) rule(p fhir.Node, deny, root bool, depth int) rule {
	out, ok := r.criteria(p, deny, root, depth)
	if p.IsZero() {
		return out
	}
	for n := range p.All("provision") {
		var nested bool
		switch t := n.Child("type").Text(); t {
		case "permit":
		case "deny":
			nested = true
		case "":
			nested = !deny
			r.problem(n, "it has no type, so that it is taken for an exception to the rule around it")
		default:
			r.problem(n.Child("type"), "%q is neither permit nor deny: the provision is void", t)
			continue
		}
		if one := r.rule(n, nested, false, depth+1); !one.Void || len(one.Rules) > 0 {
			out.Rules = append(out.Rules, one)
		}
	}
	if !ok {
		out.void()
	}
	return out
}

// criteria reads a provision without those in it.
func (r *reading) criteria(p fhir.Node, deny, root bool, depth int) (rule, bool) {
	out := rule{Deny: deny, from: search.MinTime, until: search.MaxTime, path: "Consent.policyRule"}
	if p.IsZero() {
		return out, true
	}
	out.path = p.Path()
	if r.rules++; r.rules > maxRules || depth > maxDepth {
		r.problem(p, "there are more than %d provisions, or they nest more than %d deep", maxRules, maxDepth)
		return out, deny
	}
	before := len(r.problems)
	out.from, out.until = r.counts(p.Child("period"), deny)
	if data := p.Child("dataPeriod"); !data.IsZero() {
		if lo, hi := r.period(data); lo != search.MinTime || hi != search.MaxTime {
			out.Lo, out.Hi = &lo, &hi
		}
	}
	var elsewhere int
	out.Actors, elsewhere = r.actors(p)
	for n := range p.All("action") {
		for coding := range n.All("coding") {
			out.Actions = append(out.Actions, coding.Child("code").Text())
		}
		if n.Child("coding").IsZero() {
			r.problem(n, "an action needs a code")
		}
	}
	for n := range p.All("purpose") {
		out.Purposes = append(out.Purposes, n.Child("code").Text())
	}
	out.Labels, out.Classes = r.codings(p, "securityLabel"), append(r.codings(p, "class"), append(r.codings(p, "resourceType"), r.codings(p, "documentType")...)...)
	for n := range p.All("code") {
		codes := r.codings(n, "coding")
		if codes == nil {
			r.problem(n, "a text alone cannot be computed")
		}
		out.Codes = append(out.Codes, codes...)
	}
	for n := range p.All("data") {
		r.data(&out, n)
	}
	if n := p.Child("expression"); !n.IsZero() {
		r.problem(n, "an expression cannot be computed")
	}
	if n := p.Child("modifierExtension"); !n.IsZero() {
		r.problem(n, "the modifier extension %q is not understood", n.Child("url").Text())
	}
	out.order()
	if len(r.problems) == before {
		return out, true
	}
	ofOthers := out.Actors != nil && len(r.problems) == before+elsewhere
	return out, deny && (root || ofOthers || slices.ContainsFunc(out.Labels, isSensitive))
}

// actorTypes are the types of the references among Asker.Actors.
var actorTypes = []fhir.Type{"CareTeam", "Group", "Organization", patientType, "Person", "Practitioner", "PractitionerRole", "RelatedPerson"}

// actors are the names of a provision's actors; of those at other servers it says how many
// there are.
func (r *reading) actors(p fhir.Node) (actors []string, elsewhere int) {
	for n := range p.All("actor") {
		ref := n.Child("reference")
		text, value := ref.Child("reference").Text(), ref.Find("identifier", "value").Text()
		key, _, here := r.local(text)
		switch {
		case here:
			actors = append(actors, key.String())
			if !slices.Contains(actorTypes, key.Type) {
				r.idle = append(r.idle, n.Path()+": "+fmt.Sprintf("nobody asks as a %s here, so that it concerns nobody; an app is named by the identifier with the system BASE/auth/clients and its client id", key.Type))
			}
		case text != "" && !strings.HasPrefix(text, "#"):
			r.problem(n, "%q is no resource of this server, so that nobody here is known to be meant: it takes a reference such as Practitioner/1, or an identifier", text)
			elsewhere++
		case value != "":
			actors = append(actors, ref.Find("identifier", "system").Text()+"|"+value)
		default:
			r.problem(n, "it names nobody: it takes a reference or an identifier")
		}
	}
	return actors, elsewhere
}

func (r *reading) codings(p fhir.Node, name string) (all []string) {
	for n := range p.All(name) {
		code := n.Child("code").Text()
		if code == "" {
			r.problem(n, "a coding needs a code")
			continue
		}
		all = append(all, n.Child("system").Text()+"|"+code)
	}
	return all
}

func (r *reading) data(out *rule, n fhir.Node) {
	key, version, ok := r.local(n.Find("reference", "reference").Text())
	if !ok {
		r.problem(n, "it takes a reference to a resource of this server, such as Observation/1")
		return
	}
	if version != "" && !out.Deny {
		r.problem(n, "it takes a resource, not one of its versions: %s", key)
		return
	}
	meaning := n.Child("meaning").Text()
	if !slices.Contains([]string{"instance", "related", "dependents", "authoredby"}, meaning) {
		r.problem(n, "its meaning is none of instance, related, dependents and authoredby")
		return
	}
	out.Data = append(out.Data, datum{meaning, key.String()})
}

// period reads a Period, of which an end may be open. The end of a day is the day's
// last moment.
func (r *reading) period(n fhir.Node) (lo, hi int64) {
	lo, hi = search.MinTime, search.MaxTime
	if n.IsZero() {
		return lo, hi
	}
	if s := n.Child("start"); s.HasValue() {
		if t, ok := search.ParseTime(s.Text()); ok {
			lo = t.Lo
		} else {
			r.problem(s, "%q is no time", s.Text())
		}
	}
	if s := n.Child("end"); s.HasValue() {
		if t, ok := search.ParseTime(s.Text()); ok {
			hi = t.Hi
		} else {
			r.problem(s, "%q is no time", s.Text())
		}
	}
	return lo, hi
}

// By how much a day begins sooner, and ends later, somewhere on earth than in UTC.
const eastmost, westmost = 14 * 3600 * 1_000_000, 12 * 3600 * 1_000_000 // microseconds

// counts reads the period in which a rule counts. A day has no time zone: a denial
// counts as long as it is that day anywhere, a permission as long as it is in UTC.
func (r *reading) counts(n fhir.Node, deny bool) (from, until int64) {
	from, until = r.period(n)
	if !deny {
		return from, until
	}
	isDay := func(end string) bool {
		text := n.Child(end).Text()
		return text != "" && !strings.Contains(text, "T")
	}
	if isDay("start") && from != search.MinTime {
		from -= eastmost
	}
	if isDay("end") && until != search.MaxTime {
		until += westmost
	}
	return from, until
}

// order makes rules that mean the same equal.
func (r *rule) order() {
	for _, list := range []*[]string{&r.Actors, &r.Actions, &r.Purposes, &r.Labels, &r.Classes, &r.Codes} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	slices.SortFunc(r.Data, func(a, b datum) int { return strings.Compare(a.Key+a.Meaning, b.Key+b.Meaning) })
	r.Data = slices.Compact(r.Data)
}

// patientType is the type whose resources have consents.
const patientType = "Patient"
