package clinic

import (
	"strings"
	"time"

	"github.com/inglehealth/ingle/service/pages"
)

// head is who a patient is, at a glance.
type head struct {
	Name, Age, Sex, Born string
	Also                 []string // other names, and the same in another script
	Deceased             string   // when, or "deceased"; "" for the living
	Inactive             bool     // the record is not in use
	Numbers              []numbered
	Flags                []string
	Contacts             []numbered
}

// numbered is an identifier, or a way to reach somebody.
type numbered struct{ Name, Value string }

const (
	maxNumbers  = 3
	maxContacts = 8
)

func headOf(p pages.Element, now time.Time) head {
	h := head{Name: p.At("name").Name(), Sex: p.Text("gender"), Inactive: p.False("active"), Born: pages.Date(p.Text("birthDate"))}
	if h.Name == "" {
		h.Name = "Patient without a name"
	}
	if died := p.Text("deceasedDateTime"); died != "" {
		h.Deceased = "deceased " + pages.Date(died)
		if t, ok := pages.Time(died); ok {
			h.Age = pages.Age(p.Text("birthDate"), t)
		}
	} else {
		if p.True("deceasedBoolean") {
			h.Deceased = "deceased"
		}
		h.Age = pages.Age(p.Text("birthDate"), now.UTC())
	}
	h.Also = p.At("name").OtherNames()
	h.Also = h.Also[:min(len(h.Also), maxNumbers)]
	for _, id := range p.List("identifier") {
		if id.Text("value") == "" || id.Text("use") == "old" {
			continue
		}
		n := numbered{id.At("type").Concept(), id.Text("value")}
		if id.At("type").Has("http://terminology.hl7.org/CodeSystem/v2-0203", "MR") {
			h.Numbers = append([]numbered{{"MRN", n.Value}}, h.Numbers...)
		} else {
			h.Numbers = append(h.Numbers, n)
		}
	}
	h.Numbers = h.Numbers[:min(len(h.Numbers), maxNumbers)]
	h.Contacts = contactsOf(p)
	return h
}

// contactsOf are how to reach a patient, and who else to ask.
func contactsOf(p pages.Element) []numbered {
	var all []numbered
	for _, t := range p.List("telecom") {
		if t.Text("value") != "" && t.Text("use") != "old" {
			all = append(all, numbered{strings.TrimSpace(t.Text("use") + " " + t.Text("system")), t.Text("value")})
		}
	}
	for _, a := range p.List("address") {
		if text := addressOf(a); text != "" && a.Text("use") != "old" {
			all = append(all, numbered{strings.TrimSpace(a.Text("use") + " address"), text})
		}
	}
	for _, c := range p.List("contact") {
		if name := c.At("name").HumanName(); name != "" {
			all = append(all, numbered{"contact", strings.TrimSuffix(strings.Join([]string{name, c.At("relationship").Concept(), c.Text("telecom", "value")}, ", "), ", ")})
		}
	}
	for _, g := range p.List("generalPractitioner") {
		all = append(all, numbered{"general practitioner", g.Reference()})
	}
	for _, c := range p.List("communication") {
		if c.True("preferred") || len(p.List("communication")) == 1 {
			all = append(all, numbered{"language", c.At("language").Concept()})
		}
	}
	return all[:min(len(all), maxContacts)]
}

func addressOf(a pages.Element) string {
	if text := a.Text("text"); text != "" {
		return text
	}
	var parts []string
	for _, line := range a.List("line") {
		parts = append(parts, line.Text())
	}
	for _, part := range []string{a.Text("city"), strings.TrimSpace(a.Text("state") + " " + a.Text("postalCode")), a.Text("country")} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

func encounterName(e pages.Element) string {
	for _, text := range []string{e.At("type").Concept(), listed(e, "type"), e.At("class").Concept(), listed(e, "class")} {
		if text != "" {
			return text
		}
	}
	return "Encounter"
}

// listed is the first concept of a list of them.
func listed(e pages.Element, name string) string {
	for _, one := range e.List(name) {
		if text := one.Concept(); text != "" {
			return text
		}
	}
	return ""
}
