package leaktest

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// consent is an active Consent, read.
type consent struct {
	made  string // dateTime
	roots []provision
}

// provision is a rule of a Consent with its exceptions.
type provision struct {
	body       any
	deny, void bool
	uncomputed bool  // a part of it could not be read
	data       []any // that can be read
	nested     []provision
	within     any // whose period has to hold as well
}

// consentsOf are the active consents of a patient about who may see the data, the
// newest first.
func (s *Sight) consentsOf(patient string) []*consent {
	key := ruling{patient}
	if all, ok := s.rulings[key]; ok {
		return all
	}
	var all []*consent
	for v := range s.w.All("Consent") {
		scope := text(v.Body, "scope.coding.code")
		if text(v.Body, "status") == "active" && scope != "adr" && scope != "treatment" && slices.Contains(s.w.patientsOf(v), patient) {
			all = append(all, s.w.readConsent(v.Body))
		}
	}
	slices.SortStableFunc(all, func(a, b *consent) int { return strings.Compare(b.made, a.made) })
	s.rulings[key] = all
	return all
}

// readConsent reads the two shapes of R4: the root rule is the type of the root
// provision, or else the policy rule. With neither only denials hold.
func (w *World) readConsent(body map[string]any) *consent {
	c := &consent{made: text(body, "dateTime")}
	var root any = map[string]any{}
	if all := at(body, "provision"); len(all) > 0 {
		root = all[0]
	}
	rule := text(root, "type")
	if rule == "" {
		switch text(body, "policyRule.coding.code") {
		case "OPTIN":
			rule = "permit"
		case "OPTOUT":
			rule = "deny"
		}
	}
	p := w.readProvision(root, rule == "deny", true)
	if rule == "" {
		p.makeVoid()
	}
	c.roots = append([]provision{p}, w.beside(&p)...)
	return c
}

// beside are the provisions of the root rule's type that are for other actors, labels
// or purposes: by IHE PCF they stand beside it and are no exceptions. What they leave
// open is as the root rule has it.
func (w *World) beside(p *provision) (all []provision) {
	for _, one := range p.nested {
		beyond := func(path string) bool {
			own, of := w.namesAt(one.body, path), w.namesAt(p.body, path)
			return len(of) > 0 && slices.ContainsFunc(own, func(name string) bool { return !slices.Contains(of, name) })
		}
		purposes := codesAt(p.body, "purpose")
		other := len(purposes) > 0 && slices.ContainsFunc(codesAt(one.body, "purpose"), func(code string) bool { return !isPart(code, purposes) })
		if p.void || one.void || one.deny != p.deny || !other && !beyond("actor") && !beyond("securityLabel") {
			continue
		}
		body := map[string]any{}
		for _, name := range []string{"actor", "action", "securityLabel", "class", "code", "dataPeriod"} {
			if value, ok := p.body.(map[string]any)[name]; ok {
				body[name] = value
			}
		}
		maps.Copy(body, one.body.(map[string]any))
		one.body, one.within = body, p.body
		if one.data == nil {
			one.data = p.data
		}
		all = append(all, one)
	}
	return all
}

func (w *World) namesAt(body any, path string) (names []string) {
	for _, one := range at(body, path) {
		names = append(names, w.actorName(one)+text(one, "system")+"|"+text(one, "code"))
	}
	return names
}

// actorName is how an actor of a provision is named: a resource of the server without
// base URL and version.
func (w *World) actorName(actor any) string {
	if name := text(actor, "reference.reference"); name != "" {
		return cmp.Or(w.local(name), name)
	}
	return text(actor, "reference.identifier.system") + "|" + text(actor, "reference.identifier.value")
}

func (w *World) readProvision(body any, deny, root bool) provision {
	here, away := w.withoutStrangers(body)
	p := provision{body: here, deny: deny}
	for _, one := range at(body, "provision") {
		p.nested = append(p.nested, w.readProvision(one, text(one, "type") == "deny", false))
	}
	for _, code := range at(body, "code") {
		p.uncomputed = p.uncomputed || len(at(code, "coding")) == 0
	}
	// No permission is of a single version, and none of those in it is bound to one.
	p.data = slices.DeleteFunc(slices.Clone(at(body, "data")), func(d any) bool {
		return !deny && strings.Contains(text(d, "reference.reference"), "/_history/")
	})
	p.uncomputed = p.uncomputed || len(p.data) < len(at(body, "data"))
	// What cannot be computed permits nothing; it forbids if it is the whole
	// decision, about something sensitive, or of others as well.
	known := !p.uncomputed && len(at(here, "actor")) > 0
	p.uncomputed = p.uncomputed || away
	if sensitive := slices.ContainsFunc(codings(body, "securityLabel"), isSensitive); p.uncomputed && (!deny || !root && !sensitive && !known) {
		p.makeVoid()
	}
	return p
}

// makeVoid leaves of a rule the denials in it.
func (p *provision) makeVoid() {
	p.void = true
	p.nested = slices.DeleteFunc(p.nested, func(one provision) bool { return !one.deny })
}

// decision is what consents say of a version: deny goes before permit, and unsealed
// is a permission that names a sensitive label.
type decision struct{ permit, deny, unsealed bool }

// ask asks a provision. Its exceptions go before it, and a denial among these before
// a permission.
func (s *Sight) ask(p *provision, v *Version, writing bool) (d decision) {
	if !s.concerns(p, writing) || !s.isAbout(p, v) {
		return d
	}
	for i := range p.nested {
		one := s.ask(&p.nested[i], v, writing)
		d = decision{d.permit || one.permit, d.deny || one.deny, d.unsealed || one.unsealed}
	}
	switch {
	case d.deny:
		return decision{deny: true}
	case d.permit:
		return s.permitting(p, v, d)
	case p.void:
		return decision{}
	case p.deny:
		return decision{deny: true, unsealed: false}
	}
	d.permit = true
	return s.permitting(p, v, d)
}

// permitting adds that a permission names a label of the version that is none of
// what is no more confidential than other.
func (s *Sight) permitting(p *provision, v *Version, d decision) decision {
	if !p.deny && !p.void {
		d.unsealed = d.unsealed || slices.ContainsFunc(codings(p.body, "securityLabel"), func(label string) bool {
			level, ok := strings.CutPrefix(label, confidentiality+"|")
			return (!ok || level == "R" || level == "V") && s.isLabelled(v, label)
		})
	}
	return d
}

// decide asks all consents of a patient. The newest that says something decides, of
// several at the same time the one that denies.
func (s *Sight) decide(patient string, v *Version, writing bool) (d decision) {
	all := s.consentsOf(patient)
	for i := 0; i < len(all); {
		var group decision
		for made := all[i].made; i < len(all) && all[i].made == made; i++ {
			var said decision
			for j := range all[i].roots {
				one := s.ask(&all[i].roots[j], v, writing)
				said = decision{said.permit || one.permit, said.deny || one.deny, said.unsealed || one.unsealed}
			}
			if said.deny {
				said = decision{deny: true}
			}
			group = decision{group.permit || said.permit, group.deny || said.deny, group.unsealed || said.unsealed}
		}
		if group.deny {
			group.permit, group.unsealed = false, false
		}
		d.unsealed = d.unsealed || group.unsealed && !d.deny
		if !d.permit && !d.deny {
			d.permit, d.deny = group.permit, group.deny
		}
	}
	return d
}

// defaultPurposes are those for which data is seen where no consent decides, sealed
// the labels that then stay hidden (42 CFR Part 2).
var (
	defaultPurposes = []string{"TREAT", "HPAYMT", "HOPERAT", "PATRQT", "BTG"}
	sealed          = []string{"42CFRPart2", "ETH", "ETHUD", "OPIOIDUD", "SUD"}
)

const (
	actCodes        = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
	confidentiality = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
)

// consented says whether the consents of the patients whose a version is, and the
// defaults, let the principal do one of the interactions.
func (s *Sight) consented(v *Version, interactions string) bool {
	switch {
	case s.p.Exempt:
		return true
	case abouts[v.Type] != "":
		return !s.tellsOfHidden(v, s.consented)
	case !isOwned(v.Type):
		return true
	}
	if v.Type == "Binary" && interactions != "c" && slices.ContainsFunc(s.w.Referrers(v.Reference()), func(from *Version) bool { return s.takesAlong(from, v) }) {
		return false
	}
	return s.consentedItself(v, interactions)
}

// consentedItself is consented of what belongs to patients, whatever goes along with it.
func (s *Sight) consentedItself(v *Version, interactions string) bool {
	patients := s.w.patientsOf(v)
	// Each of the patients has to unseal what is of several.
	permit, unsealed := s.p.Purpose == "" || s.pursues(defaultPurposes), len(patients) > 0
	for _, patient := range patients {
		d := s.decide(patient, v, strings.ContainsAny(interactions, "cud"))
		if d.deny && interactions != "c" {
			return false
		}
		permit, unsealed = permit || d.permit, unsealed && d.unsealed
	}
	if interactions != "c" && !unsealed {
		for _, code := range sealed {
			label := actCodes + "|" + code
			if !slices.Contains(s.p.Unsealed, label) && s.isLabelled(v, label) {
				return false
			}
		}
	}
	return permit
}

// concerns says whether a provision is about who asks, what for, and now.
func (s *Sight) concerns(p *provision, writing bool) bool {
	if !s.isIn(p.body, p.deny) || !s.isIn(p.within, p.deny) {
		return false
	}
	if actors := at(p.body, "actor"); len(actors) > 0 && !slices.ContainsFunc(actors, func(a any) bool {
		return slices.Contains(s.p.Actors, s.w.actorName(a))
	}) {
		return false
	}
	if actions := at(p.body, "action.coding"); len(actions) > 0 && !slices.ContainsFunc(actions, func(a any) bool {
		switch text(a, "code") {
		case "access", "use", "disclose":
			return true
		case "collect", "correct":
			return writing
		}
		return false
	}) {
		return false
	}
	purposes := codesAt(p.body, "purpose")
	return len(purposes) == 0 || s.pursues(purposes)
}

// isIn says whether the period of a provision is now: of a denial, in any time zone.
func (s *Sight) isIn(body any, deny bool) bool {
	start, end := text(body, "period.start"), text(body, "period.end")
	sooner, later := s.now, s.now
	if deny && len(start) <= len(time.DateOnly) {
		later = later.Add(14 * time.Hour)
	}
	if deny && len(end) <= len(time.DateOnly) {
		sooner = sooner.Add(-12 * time.Hour)
	}
	return (start == "" || !later.Before(extent(start).lo)) && (end == "" || sooner.Before(extent(end).hi))
}

// pursues says whether the purpose of use is one of purposes, or part of one.
func (s *Sight) pursues(purposes []string) bool { return isPart(s.p.Purpose, purposes) }

func isPart(purpose string, purposes []string) bool {
	wider := map[string]string{"CAREMGT": "HOPERAT", "ETREAT": "TREAT", "CLMATTCH": "HPAYMT", "FAMRQT": "PATRQT", "BIORCH": "HRESCH"}
	for one := purpose; one != ""; one = wider[one] {
		if slices.Contains(purposes, one) {
			return true
		}
	}
	return false
}

// isAbout says whether a provision is about a version.
func (s *Sight) isAbout(p *provision, v *Version) bool {
	if labels := codings(p.body, "securityLabel"); len(labels) > 0 && !slices.ContainsFunc(labels, func(l string) bool { return s.isLabelled(v, l) }) {
		return false
	}
	if classes := codings(p.body, "class"); len(classes) > 0 && !slices.ContainsFunc(classes, func(c string) bool { return isOfClass(v, c) }) {
		return false
	}
	if codes := codings(p.body, "code.coding"); len(codes) > 0 && !slices.ContainsFunc(codes, func(c string) bool { return s.isCoded(v, c) }) {
		return false
	}
	if data := p.data; len(data) > 0 && !slices.ContainsFunc(data, func(d any) bool { return s.isData(v, d, p.deny) }) {
		return false
	}
	if start, end := text(p.body, "dataPeriod.start"), text(p.body, "dataPeriod.end"); start+end != "" {
		times := careTimes(v)
		within := slices.ContainsFunc(times, func(t span) bool {
			return (end == "" || t.lo.Before(extent(end).hi)) && (start == "" || extent(start).lo.Before(t.hi))
		})
		return within || p.deny && len(times) == 0
	}
	return true
}

// isLabelled says whether a version has a security label, or its encounter, or its
// medication. What has no confidentiality is N.
func (s *Sight) isLabelled(v *Version, label string) bool {
	if label == confidentiality+"|N" {
		return !slices.ContainsFunc(codings(v.Body, "meta.security"), func(l string) bool {
			return slices.Contains([]string{"U", "L", "M", "R", "V"}, strings.TrimPrefix(l, confidentiality+"|"))
		})
	}
	if slices.Contains(codings(v.Body, "meta.security"), label) {
		return true
	}
	for _, path := range []string{"encounter", "context", "context.encounter", "item.encounter"} {
		for _, to := range s.w.referred(v.Body, path) {
			if e := s.beside(v, to); e != nil && e.Type == "Encounter" && slices.Contains(codings(e.Body, "meta.security"), label) {
				return true
			}
		}
	}
	return slices.ContainsFunc(s.w.referred(v.Body, "medicationReference"), func(to string) bool {
		m := s.beside(v, to)
		return m != nil && slices.Contains(codings(m.Body, "meta.security"), label)
	})
}

// isOfClass says whether a version is of a type of resource or of document.
func isOfClass(v *Version, class string) bool {
	if t, ok := strings.CutPrefix(class, "http://hl7.org/fhir/resource-types|"); ok {
		return v.Type == t
	}
	return (v.Type == "DocumentReference" || v.Type == "Composition") && (slices.Contains(codings(v.Body, "type.coding"), class) || slices.Contains(codings(v.Body, "category.coding"), class))
}

// about are the elements that say what a resource is about.
var about = map[string][]string{
	"AllergyIntolerance": {"code"}, "Basic": {"code"}, "CarePlan": {"category"}, "CareTeam": {"category"}, "Composition": {"type", "category"},
	"Condition": {"code", "category"}, "Consent": {"category"}, "Device": {"type"}, "DiagnosticReport": {"code", "category"},
	"DocumentReference": {"type", "category"}, "Encounter": {"type"}, "Flag": {"category"}, "Goal": {"category"}, "Immunization": {"vaccineCode"},
	"List": {"code"}, "MedicationAdministration": {"medicationCodeableConcept"}, "MedicationRequest": {"medicationCodeableConcept", "category"},
	"MedicationStatement": {"medicationCodeableConcept", "category"}, "Observation": {"code", "category"}, "Procedure": {"code", "category"},
	"ServiceRequest": {"code", "category"}, "Specimen": {"type"},
}

func (s *Sight) isCoded(v *Version, code string) bool {
	for _, path := range about[v.Type] {
		if slices.Contains(codings(v.Body, path+".coding"), code) {
			return true
		}
	}
	if v.Type == "Encounter" && slices.Contains(codings(v.Body, "class"), code) {
		return true
	}
	for _, to := range s.w.referred(v.Body, "medicationReference") {
		if m := s.beside(v, to); m != nil && slices.Contains(codings(m.Body, "code.coding"), code) {
			return true
		}
	}
	return false
}

// isData says whether a version is what Consent.provision.data names: the resource,
// with what it refers to, with what refers to it, or what somebody wrote.
func (s *Sight) isData(v *Version, data any, deny bool) bool {
	named := s.w.local(text(data, "reference.reference"))
	switch text(data, "meaning") {
	case "authoredby":
		return slices.ContainsFunc(authorElements[v.Type], func(path string) bool {
			path, untold := strings.CutPrefix(path, "?")
			return (deny || !untold) && slices.Contains(s.w.referred(v.Body, path), named)
		})
	case "related":
		if x := s.w.Current(named); x != nil && slices.Contains(s.w.Mentioned(x.Body), v.Reference()) {
			return true
		}
	case "dependents":
		if slices.Contains(s.w.Mentioned(v.Body), named) {
			return true
		}
	}
	return v.Reference() == named
}

// authorElements say whose work a resource is, by type; what is marked by ? no search
// tells, so that it counts for denials alone.
var authorElements = map[string][]string{
	"Claim": {"enterer", "provider"}, "Composition": {"author"}, "Condition": {"asserter", "?recorder"}, "DiagnosticReport": {"performer", "resultsInterpreter"}, "DocumentReference": {"author"},
	"Immunization": {"performer.actor"}, "List": {"source"}, "MedicationRequest": {"requester", "?recorder"}, "Observation": {"performer"},
	"Procedure": {"performer.actor", "?recorder"}, "Specimen": {"collection.collector"},
}

func isSensitive(label string) bool {
	code, ok := strings.CutPrefix(label, actCodes+"|")
	return ok && (slices.Contains(sealed, code) || slices.Contains([]string{"HIV", "PSY", "SDV", "SEX", "STD", "MH"}, code))
}

// codings are the Codings at a path, as system|code.
func codings(node any, path string) (all []string) {
	for _, one := range at(node, path) {
		all = append(all, text(one, "system")+"|"+text(one, "code"))
	}
	return all
}

// span is a stretch of time: from lo until before hi.
type span struct{ lo, hi time.Time }

// extent is the time that a date or time of any precision stands for.
func extent(text string) span {
	for _, form := range []struct {
		layout string
		next   func(time.Time) time.Time
	}{
		{"2006", func(t time.Time) time.Time { return t.AddDate(1, 0, 0) }},
		{"2006-01", func(t time.Time) time.Time { return t.AddDate(0, 1, 0) }},
		{"2006-01-02", func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }},
		{time.RFC3339, func(t time.Time) time.Time { return t.Add(time.Second) }},
	} {
		if t, err := time.Parse(form.layout, text); err == nil {
			if t.Nanosecond() != 0 {
				return span{t, t.Add(time.Millisecond)}
			}
			return span{t, form.next(t)}
		}
	}
	panic("leaktest: " + text + " is no time")
}

// careElements are when the care was given that a resource tells of.
var careElements = map[string][]string{
	"Claim": {"created"}, "Condition": {"onsetDateTime", "abatementDateTime", "recordedDate"}, "DiagnosticReport": {"effectiveDateTime", "effectivePeriod", "issued"},
	"Encounter": {"period", "location.period"}, "Immunization": {"occurrenceDateTime", "reaction.date"}, "Observation": {"effectiveDateTime", "effectivePeriod"},
	"Procedure": {"performedDateTime", "performedPeriod"},
}

func careTimes(v *Version) (all []span) {
	for _, path := range careElements[v.Type] {
		for _, one := range at(v.Body, path) {
			all = append(all, timeOf(one))
		}
	}
	return all
}

// timeOf is the time of a date or a Period, of which an end may be open.
func timeOf(value any) span {
	if s, ok := value.(string); ok {
		return extent(s)
	}
	out := span{time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	if s := text(value, "start"); s != "" {
		out.lo = extent(s).lo
	}
	if s := text(value, "end"); s != "" {
		out.hi = extent(s).hi
	}
	return out
}
