package portal

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fhir"
)

// choice is what a patient decided about sharing, as a form has it: one Consent whose
// provision has no other part.
type choice struct {
	ID      fhir.ID
	Version string
	Hide    bool
	Who     string   // of "everybody", "research", "app:ID" and references
	Kinds   []string // slugs; none: all of the record
	Topics  []string // slugs; none: whatever it tells of
	// From and Until are days, "" for open.
	From, Until string
	Emergency   bool     // the glass can be broken
	Except      []string // references to whom a denial does not concern

	Types, Labels []string // that no kind and no topic has
	Active        bool     // not ended by anybody
	Made          string
	Plain         bool // it says nothing else, so that the form can change it

	// In words, for pages.
	Title, What, Term, Address string
	Tag                        pages.Tag
}

// Whom a choice concerns, beside single ones.
const (
	everybody = "everybody"
	research  = "research"
	appPrefix = "app:"
)

// Systems of codes.
const (
	actCode       = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
	actReason     = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
	participation = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
	resourceTypes = "http://hl7.org/fhir/resource-types"
	policy        = "https://ingle.health/fhir/policy/patient-choice"
)

type object = map[string]any

func codings(system string, codes []string) []any {
	var all []any
	for _, c := range codes {
		all = append(all, object{"system": system, "code": c})
	}
	return all
}

// provision is the choice as the root rule of a Consent (R4): a denial or a permission
// that is bound by period, actor, labels, purpose and types.
func (c *choice) provision(clients string) object {
	p := object{"type": "permit"}
	if c.Hide {
		p["type"] = "deny"
	}
	period := object{}
	if c.From != "" {
		period["start"] = c.From
	}
	if c.Until != "" {
		period["end"] = c.Until
	}
	if len(period) > 0 {
		p["period"] = period
	}
	client, isApp := strings.CutPrefix(c.Who, appPrefix)
	switch {
	case c.Who == research:
		p["purpose"] = codings(actReason, []string{"HRESCH"})
	case isApp:
		p["actor"] = []any{actor(object{"identifier": object{"system": clients, "value": client}})}
	case c.Who != everybody:
		p["actor"] = []any{actor(object{"reference": c.Who})}
	}
	if labels := slices.Concat(labelsOf(c.Topics), c.Labels); len(labels) > 0 {
		p["securityLabel"] = codings(actCode, labels)
	}
	if types := slices.Concat(typesOf(c.Kinds), c.Types); len(types) > 0 {
		p["class"] = codings(resourceTypes, types)
	}
	var exceptions []any
	if c.Hide && c.Emergency {
		exceptions = append(exceptions, object{"type": "permit", "purpose": codings(actReason, []string{"BTG"})})
	}
	if c.Hide && len(c.Except) > 0 {
		var actors []any
		for _, who := range c.Except {
			actors = append(actors, actor(object{"reference": who}))
		}
		exceptions = append(exceptions, object{"type": "permit", "actor": actors})
	}
	if exceptions != nil {
		p["provision"] = exceptions
	}
	return p
}

func actor(reference object) object {
	return object{"role": object{"coding": codings(participation, []string{"IRCP"})}, "reference": reference}
}

// readChoice reads a Consent as far as a form can have it; clients is the system of the
// ids of apps.
func readChoice(e pages.Element, clients string) choice {
	p := e.At("provision")
	c := choice{
		ID: fhir.ID(e.Text("id")), Version: e.Text("meta", "versionId"), Active: e.Text("status") == "active", Hide: p.Text("type") != "permit", Who: everybody,
		From: p.Text("period", "start"), Until: p.Text("period", "end"), Made: e.Text("dateTime"),
	}
	if p.Text("purpose", "code") == "HRESCH" {
		c.Who = research
	}
	who := p.At("actor", "reference")
	if ref := who.Text("reference"); ref != "" {
		c.Who = ref
	}
	if who.Text("identifier", "system") == clients {
		c.Who = appPrefix + who.Text("identifier", "value")
	}
	c.Kinds, c.Types = kindsOf(codes(p, "class"))
	c.Topics, c.Labels = topicsOf(codes(p, "securityLabel"))
	for _, x := range p.List("provision") {
		c.Emergency = c.Emergency || x.Text("purpose", "code") == "BTG"
		for _, a := range x.List("actor") {
			c.Except = append(c.Except, a.Text("reference", "reference"))
		}
	}
	c.Plain = isDay(c.From) && isDay(c.Until) && reflect.DeepEqual(plain(p.JSON()), plain(c.provision(clients))) && e.Text("scope", "coding", "code") == "patient-privacy"
	return c
}

// isDay says whether a date is one that the form can have: a day, or none.
func isDay(text string) bool {
	_, err := time.Parse(time.DateOnly, text)
	return text == "" || err == nil
}

// codes are those of a list of Codings.
func codes(p pages.Element, name string) (all []string) {
	for _, one := range p.List(name) {
		all = append(all, one.Text("code"))
	}
	return all
}

// plain makes JSON that means the same equal: what is repeated, in order, and without
// displays.
func plain(v any) any {
	switch v := v.(type) {
	case object:
		out := object{}
		for name, one := range v {
			if name != "display" && name != "id" {
				out[name] = plain(one)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, one := range v {
			out[i] = plain(one)
		}
		slices.SortFunc(out, func(a, b any) int { return strings.Compare(sortable(a), sortable(b)) })
		return out
	}
	return v
}

func sortable(v any) string {
	o, _ := v.(object)
	code, _ := o["code"].(string)
	kind, _ := o["purpose"].([]any)
	if len(kind) > 0 {
		code = "purpose"
	}
	return code
}

// resource is the Consent of the choice, of which before is the former version, if
// there is one.
func (c *choice) resource(r *record, now time.Time) object {
	who := object{"reference": "Patient/" + string(r.id)}
	out := object{
		"resourceType": "Consent", "status": "active", "patient": who, "dateTime": now.UTC().Format(time.RFC3339),
		"scope":     object{"coding": codings("http://terminology.hl7.org/CodeSystem/consentscope", []string{"patient-privacy"})},
		"category":  []any{object{"coding": codings("http://loinc.org", []string{"59284-0"})}},
		"policy":    []any{object{"uri": policy}},
		"performer": []any{who},
		"provision": c.provision(r.clients()),
	}
	if !r.own && len(r.acting) > 0 {
		out["performer"] = []any{object{"reference": r.acting[0]}}
	}
	if c.ID != "" {
		out["id"] = string(c.ID)
	}
	if !c.Active {
		out["status"] = "inactive"
	}
	return out
}

// clients is the system of the ids of apps, by which consents name them.
func (r *record) clients() string { return r.URL("/auth/clients") }

// tell says the choice in words.
func (r *record) tell(c *choice, names map[string]string) {
	who := names[c.Who]
	client, isApp := strings.CutPrefix(c.Who, appPrefix)
	switch {
	case c.Who == everybody:
		who = "everybody else"
	case c.Who == research:
		who = "research"
	case who == "" && isApp:
		who = "the app " + client
	case who == "":
		if who = r.display(c.Who); who == "" {
			who = c.Who
		}
	}
	c.Title = "Shared with " + who
	if c.Hide {
		c.Title = "Hidden from " + who
	}
	c.What = pages.Sentence(kindWords(c.Kinds, c.Types, c.Topics, c.Labels))
	c.Term = termWords(c.From, c.Until)
	c.Address = r.at("/sharing/" + string(c.ID))
	today := r.Now.UTC().Format(time.DateOnly)
	switch {
	case !c.Active:
		c.Tag = pages.Tag{Text: "ended"}
	case c.Until != "" && c.Until < today:
		c.Tag = pages.Tag{Text: "over"}
	case c.From > today:
		c.Tag = pages.Tag{Kind: "info", Text: "not yet"}
	default:
		c.Tag = pages.Tag{Kind: "good", Text: "holds"}
	}
}

// Holds says whether the choice concerns anything now.
func (c *choice) Holds() bool { return c.Tag.Text == "holds" || c.Tag.Text == "not yet" }

func termWords(from, until string) string {
	switch {
	case from != "" && until != "":
		return "From " + pages.Date(from) + " until " + pages.Date(until) + "."
	case from != "":
		return "From " + pages.Date(from) + ", until you end it."
	case until != "":
		return "Until " + pages.Date(until) + "."
	}
	return "Until you end it."
}
