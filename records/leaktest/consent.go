package leaktest

import (
	"slices"
	"strings"
	"time"
)

// consent is an active Consent, read.
type consent struct {
	made string // dateTime
	root provision
}

// provision is a rule of a Consent with its exceptions.
type provision struct {
	body       any
	deny, void bool
	uncomputed bool // a part of it could not be read
	nested     []provision
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
			all = append(all, readConsent(v.Body))
		}
	}
	slices.SortStableFunc(all, func(a, b *consent) int { return strings.Compare(b.made, a.made) })
	s.rulings[key] = all
	return all
}

// readConsent reads the two shapes of R4: the root rule is the type of the root
// provision, or else the policy rule. With neither only denials hold.
func readConsent(body map[string]any) *consent {
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
	c.root = readProvision(root, rule == "deny", true)
	if rule == "" {
		c.root.makeVoid()
	}
	return c
}

func readProvision(body any, deny, root bool) provision {
	p := provision{body: body, deny: deny}
	for _, one := range at(body, "provision") {
		p.nested = append(p.nested, readProvision(one, text(one, "type") == "deny", false))
	}
	for _, code := range at(body, "code") {
		p.uncomputed = p.uncomputed || len(at(code, "coding")) == 0
	}
	// What cannot be computed permits nothing; it forbids if it is the whole
	// decision or about something sensitive.
	if sensitive := slices.ContainsFunc(codings(body, "securityLabel"), isSensitive); p.uncomputed && (!deny || !root && !sensitive) {
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
		return s.permitting(p, d)
	case p.void:
		return decision{}
	case p.deny:
		return decision{deny: true, unsealed: false}
	}
	d.permit = true
	return s.permitting(p, d)
}

// permitting adds that a permission names labels.
func (s *Sight) permitting(p *provision, d decision) decision {
	if !p.deny && !p.void && len(codings(p.body, "securityLabel")) > 0 {
		d.unsealed = true
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
			one := s.ask(&all[i].root, v, writing)
			group = decision{group.permit || one.permit, group.deny || one.deny, group.unsealed || one.unsealed}
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
		return !slices.ContainsFunc(s.w.referred(v.Body, abouts[v.Type]), func(to string) bool {
			target := s.w.Current(to)
			return target != nil && isOwned(target.Type) && !s.consented(target, "rs")
		})
	case !isOwned(v.Type):
		return true
	}
	permit, unsealed := s.p.Purpose == "" || s.pursues(defaultPurposes), false
	for _, patient := range s.w.patientsOf(v) {
		d := s.decide(patient, v, strings.ContainsAny(interactions, "cud"))
		if d.deny && interactions != "c" {
			return false
		}
		permit, unsealed = permit || d.permit, unsealed || d.unsealed
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
	if start := text(p.body, "period.start"); start != "" && s.now.Before(extent(start).lo) {
		return false
	}
	if end := text(p.body, "period.end"); end != "" && !s.now.Before(extent(end).hi) {
		return false
	}
	if actors := at(p.body, "actor"); len(actors) > 0 && !slices.ContainsFunc(actors, func(a any) bool {
		name := text(a, "reference.reference")
		if name == "" {
			name = text(a, "reference.identifier.system") + "|" + text(a, "reference.identifier.value")
		}
		return slices.Contains(s.p.Actors, name)
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
	var purposes []string
	for _, one := range at(p.body, "purpose") {
		purposes = append(purposes, text(one, "code"))
	}
	return len(purposes) == 0 || s.pursues(purposes)
}

// pursues says whether the purpose of use is one of purposes, or part of one.
func (s *Sight) pursues(purposes []string) bool {
	wider := map[string]string{"CAREMGT": "HOPERAT", "ETREAT": "TREAT", "CLMATTCH": "HPAYMT", "FAMRQT": "PATRQT", "BIORCH": "HRESCH"}
	for one := s.p.Purpose; one != ""; one = wider[one] {
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
	if data := at(p.body, "data"); len(data) > 0 && !slices.ContainsFunc(data, func(d any) bool { return s.isData(v, d) }) {
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

// isLabelled says whether a version has a security label, or its encounter. What has
// no confidentiality is N.
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
			if e := s.w.Current(to); e != nil && e.Type == "Encounter" && slices.Contains(codings(e.Body, "meta.security"), label) {
				return true
			}
		}
	}
	return false
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
		if m := s.w.Current(to); m != nil && slices.Contains(codings(m.Body, "code.coding"), code) {
			return true
		}
	}
	return false
}

// isData says whether a version is what Consent.provision.data names: the resource,
// with what it refers to, with what refers to it, or what somebody wrote.
func (s *Sight) isData(v *Version, data any) bool {
	named := text(data, "reference.reference")
	switch text(data, "meaning") {
	case "authoredby":
		return slices.Contains(s.w.referred(v.Body, "performer"), named)
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
