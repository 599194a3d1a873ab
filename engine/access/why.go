package access

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// Ground is a reason for which a resource is shown or hidden.
type Ground struct {
	Kind  GroundKind
	Shows bool   // it speaks for showing the resource
	Text  string // a sentence
	// Consent, Path and Time are those of the provision that decided; of a Ground of
	// kind consent only.
	Consent fhir.Key
	Path    string
	Time    int64 // of the decision, in microseconds since the Unix epoch
}

// GroundKind is what a Ground comes from.
type GroundKind string

// Kinds of grounds, in the order in which they are given.
const (
	GroundScope   GroundKind = "scope"
	GroundRole    GroundKind = "role"
	GroundConsent GroundKind = "consent"
	GroundDefault GroundKind = "default"
	GroundLabel   GroundKind = "label"
	GroundGlass   GroundKind = "break-glass"
)

// Question is what is to be explained: the reading of a resource.
type Question struct {
	Key      fhir.Key
	At       int64     // in microseconds since the Unix epoch
	Patients []fhir.ID // to whom the resource belongs
	// Consents are theirs.
	Consents []Consent
	// Holds says whether an expression holds of the resource, at At.
	Holds func(context.Context, search.Expr) (bool, error)
}

// Why says for what reasons the rules show a resource to the asker, or hide it. The
// errors are those of q.Holds.
func (r *Rules) Why(ctx context.Context, q Question) (shown bool, grounds []Ground, err error) {
	e := explaining{r: r, q: q, ctx: ctx}
	scope := e.scopes()
	role := e.roles()
	consent := e.consents()
	shown = e.glasses(scope && role && consent)
	return shown && e.err == nil, e.grounds, e.err
}

// explaining collects grounds.
type explaining struct {
	r       *Rules
	q       Question
	ctx     context.Context //nolint:containedctx // of one call of Why
	grounds []Ground
	err     error // the first of q.Holds
}

func (e *explaining) holds(x search.Expr) bool {
	if x == nil || isAlways(x) {
		return true
	}
	if isNever(x) || e.err != nil {
		return false
	}
	ok, err := e.q.Holds(e.ctx, search.At(x, e.q.At))
	e.err = err
	return ok
}

func (e *explaining) say(kind GroundKind, shows bool, format string, args ...any) {
	e.grounds = append(e.grounds, Ground{Kind: kind, Shows: shows, Text: fmt.Sprintf(format, args...)})
}

func (e *explaining) typeName() string { return string(e.q.Key.Type) }

// scopes says which scopes reach the resource; of those that do not, why.
func (e *explaining) scopes() (shown bool) {
	t := e.typeName()
	for _, s := range e.r.scopes {
		if !applies(s, t, smart.Read) {
			continue
		}
		if e.holds(e.r.byOneScope(s, t)) {
			shown = true
			e.say(GroundScope, true, "The scope %s allows reading %s.", s, e.within(s))
		} else {
			e.say(GroundScope, false, "The scope %s allows reading %s, which this is not.", s, e.within(s))
		}
	}
	if e.r.own == e.q.Key && e.r.own.ID != "" {
		shown = true
		e.say(GroundScope, true, "It is the user's own resource, which fhirUser allows reading.")
	}
	if len(e.grounds) == 0 {
		e.say(GroundScope, false, "No scope allows reading %s.", t)
	}
	return shown
}

// byOneScope is what one scope lets read.
func (r *Rules) byOneScope(s smart.Scope, typeName string) search.Expr {
	x := search.Expr(nil)
	if s.Query != "" {
		var err error
		if x, err = r.dictionary.query(typeName, s.Query); err != nil {
			return never()
		}
	}
	if s.Level == smart.Patient {
		x = both(r.reach(typeName, smart.Read), x)
	}
	return x
}

// within is what a scope reaches, in words.
func (e *explaining) within(s smart.Scope) string {
	t, of := e.typeName(), ""
	if s.Level == smart.Patient {
		switch classes[t] {
		case owned:
			of = " that belongs to Patient/" + e.r.patient
		case about:
			of = " about what belongs to Patient/" + e.r.patient
		case referred:
			of = " to which something of Patient/" + e.r.patient + " refers"
		}
	}
	if s.Query != "" {
		of += " with " + s.Query
	}
	return t + of
}

// reaches are the reaches in words.
var reaches = map[Reach]string{
	ReachAll: "of the whole organization", ReachDepartment: "of patients of the user's department", ReachOwn: "of the user's own patients",
}

// roles says which rules of the asker's roles allow it.
func (e *explaining) roles() (shown bool) {
	if e.r.asker.Roles == nil {
		return true
	}
	t := e.typeName()
	for _, role := range e.r.asker.Roles {
		found := false
		for i, rule := range role.Rules {
			if !e.r.asker.allows(&rule, t, smart.Read) {
				continue
			}
			found = true
			of := t + " " + reaches[rule.Reach]
			if rule.Filter != "" {
				of += " with " + rule.Filter
			}
			if e.holds(e.r.byRule(rule, t)) {
				shown = true
				e.say(GroundRole, true, "The role %s (rules[%d]) allows reading %s.", role.Name, i, of)
			} else {
				e.say(GroundRole, false, "The role %s (rules[%d]) allows reading %s, which this is not.", role.Name, i, of)
			}
		}
		if !found {
			e.say(GroundRole, false, "The role %s has no rule that allows reading %s for the purpose %s.", role.Name, t, e.r.asker.Purpose)
		}
	}
	return shown
}

// consents says what the patients decided, and the defaults where they did not.
func (e *explaining) consents() (shown bool) {
	r := e.r
	switch {
	case r.book == nil:
		return true
	case r.asker.Exempt:
		e.say(GroundConsent, true, "No consent concerns the asker: it is a patient in the own record, or the administration of the server.")
		return true
	}
	t := e.typeName()
	if e.holds(r.consenting([]string{t}, seeing).beside(r, r.unconsented())) {
		along := "It tells about something"
		if t == binaryType {
			along = "Something refers to it, or tells about something,"
		}
		e.say(GroundConsent, false, "%s that consents or the defaults hide.", along)
		return false
	}
	if classes[t] != owned {
		e.say(GroundDefault, true, "It belongs to no patient who could decide about it.")
		return true
	}
	any := said{}
	of, unsealed := map[fhir.ID][]Consent{}, map[fhir.ID]bool{}
	for _, c := range e.q.Consents {
		of[c.Patient] = append(of[c.Patient], c)
	}
	for _, patient := range sortedPatients(of) {
		one := e.patient(of[patient])
		any = said{shows: any.shows || one.shows, hides: any.hides || one.hides, unseals: any.unseals || one.unseals}
		unsealed[patient] = one.unseals
	}
	any.unseals = any.unseals && !slices.ContainsFunc(e.q.Patients, func(p fhir.ID) bool { return !unsealed[p] })
	return e.weigh(any)
}

// weigh puts what patients said beside the defaults.
func (e *explaining) weigh(any said) (shown bool) {
	r, t := e.r, e.typeName()
	shown = !any.hides
	if !any.hides && !any.shows {
		d := r.book.defaults.permits(&r.asker)
		if r.asker.Self {
			e.say(GroundDefault, true, "The asker is the patient: only a consent that names the app could hide it.")
			return true
		}
		e.say(GroundDefault, d, "No consent decides about it: for the purpose %s data is %s by default.", purposeText(r.asker.Purpose), verb(d))
		shown = d
	} else if !any.hides && !r.book.defaults.permits(&r.asker) {
		e.say(GroundDefault, true, "For the purpose %s data is hidden by default, but where a consent shows it.", r.asker.Purpose)
	}
	for _, l := range r.book.defaults.sealed(&r.asker) {
		if !e.holds(r.o.labelled(t, []string{l})) {
			continue
		}
		_, code, _ := strings.Cut(l, "|")
		if any.unseals {
			e.say(GroundLabel, true, "It has the sensitive label %s, by which a consent shows it.", code)
			continue
		}
		shown = false
		e.say(GroundLabel, false, "It has the sensitive label %s: that is hidden unless a consent shows it by the label, or the role sees it.", code)
	}
	return shown
}

func verb(shows bool) string {
	if shows {
		return "shown"
	}
	return "hidden"
}

func purposeText(p string) string {
	if p == "" {
		return "that nobody gave"
	}
	return p
}

func sortedPatients(of map[fhir.ID][]Consent) []fhir.ID {
	var all []fhir.ID
	for p := range of {
		all = append(all, p)
	}
	slices.Sort(all)
	return all
}

// patient weighs the consents of one patient as policies do: the newest that says
// something prevails, and of those of the same time the one that hides.
func (e *explaining) patient(consents []Consent) said {
	all := slices.Clone(consents)
	slices.SortStableFunc(all, func(a, b Consent) int { return -compare(a.Time, b.Time) })
	var out said
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].Time == all[0].Time {
			n++
		}
		together := said{}
		for i := range all[:n] {
			one := e.consent(&all[i], out)
			together = said{shows: together.shows || one.shows, hides: together.hides || one.hides, unseals: together.unseals || one.unseals}
		}
		together.shows = together.shows && !together.hides
		out = said{
			shows: out.shows || together.shows && !out.hides, hides: out.hides || together.hides && !out.shows,
			unseals: out.unseals || together.unseals && !together.hides && !out.hides,
		}
		all = all[n:]
	}
	return out
}

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// said is what a provision says of the resource, and where it stands that does.
type said struct {
	shows, hides, unseals bool
	path                  string
}

// consent says what one consent says, given what newer ones said.
func (e *explaining) consent(c *Consent, newer said) said {
	if c.rule == nil {
		return said{}
	}
	now, ok := c.rule.at(e.q.At, false)
	if !ok {
		return said{}
	}
	if now, ok = now.concerning(&e.r.asker, false); !ok {
		return said{}
	}
	out := e.rule(&now)
	if !out.shows && !out.hides {
		return out
	}
	does := "permits"
	if out.hides {
		does = "denies"
	}
	g := Ground{Kind: GroundConsent, Shows: out.shows, Consent: fhir.Key{Type: "Consent", ID: c.ID}, Path: out.path, Time: c.Time}
	g.Text = fmt.Sprintf("%s%s %s it: %s.", g.Consent, day(c.Time), does, out.path)
	if newer.shows || newer.hides {
		g.Text = fmt.Sprintf("%s%s %s it at %s, but a newer consent prevails.", g.Consent, day(c.Time), does, out.path)
	}
	e.grounds = append(e.grounds, g)
	return out
}

func day(t int64) string {
	if t == search.MinTime {
		return ", which has no date,"
	}
	return " of " + time.UnixMicro(t).UTC().Format("2 January 2006")
}

// rule is verdict's rule for one resource.
func (e *explaining) rule(r *rule) said {
	if !e.holds(e.r.o.criteria(r, e.typeName())) {
		return said{}
	}
	in := said{}
	var showing, hiding string // where it stands
	for i := range r.Rules {
		one := e.rule(&r.Rules[i])
		if one.shows && showing == "" {
			showing = one.path
		}
		if one.hides && hiding == "" {
			hiding = one.path
		}
		in = said{shows: in.shows || one.shows, hides: in.hides || one.hides, unseals: in.unseals || one.unseals}
	}
	in.shows = in.shows && !in.hides
	out := said{shows: in.shows, hides: in.hides, unseals: in.unseals && !in.hides}
	switch {
	case r.Void:
	case r.Deny:
		out.hides = in.hides || !in.shows
	default:
		out.shows = !in.hides
		if labels := unsealing(r.Labels); labels != nil {
			out.unseals = out.shows && e.holds(e.r.o.labelled(e.typeName(), labels))
		}
	}
	switch {
	case out.hides && in.hides:
		out.path = hiding
	case out.shows && in.shows:
		out.path = showing
	case out.hides || out.shows:
		out.path = r.path
	}
	return out
}

// InForce says in short sentences what the rules come of. Of consents it says, with
// counted alone, how many policies concern the asker: whom somebody hides something from
// is not to learn that.
func (r *Rules) InForce(counted bool) []string {
	var all []string
	scopes := make([]string, len(r.scopes))
	for i, s := range r.scopes {
		scopes[i] = s.String()
	}
	text := "Scopes: " + strings.Join(scopes, " ") + "."
	if r.patient != "" {
		text += " The patient in context is Patient/" + r.patient + "."
	}
	all = append(all, text)
	if r.asker.Roles != nil {
		names := make([]string, len(r.asker.Roles))
		for i, role := range r.asker.Roles {
			names[i] = role.Name
		}
		all = append(all, "Roles: "+strings.Join(names, ", ")+".")
	}
	switch {
	case r.book == nil:
	case r.asker.Exempt:
		all = append(all, "No consent concerns the asker.")
	case r.asker.Self:
		all = append(all, "The asker is the patient: only consents that name the app count.")
	default:
		those := "what patients decided counts for"
		if counted {
			concerning, _ := r.policies[0].kinds.All()
			n, _ := slices.BinarySearch(concerning, r.policies[0].last+1)
			those = fmt.Sprintf("%d policies of patients concern", n)
		}
		shown := r.book.defaults.permits(&r.asker)
		all = append(all, fmt.Sprintf("Consents: %s the asker, whose purpose is %s. Where none decides, data is %s.", those, purposeText(r.asker.Purpose), verb(shown)))
	}
	for _, g := range r.broken {
		all = append(all, fmt.Sprintf("The glass is broken for %s/%s: the purpose there is %s.", patientType, g.patient, BreakGlass))
	}
	return all
}

// Undecided are the Rules as they would be had no patient decided anything: what may be
// told to whoever they are for. Where no such decision counts they are the same.
func (r *Rules) Undecided() *Rules {
	if r.book == nil || r.asker.Exempt {
		return r
	}
	return r.o.RulesUnder(NewBook(r.book.defaults), r.grant)
}
