package portal

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

var choiceTemplate = pages.Parse(pageFiles, "choice.html", "page/people.html")

// choice shows the form of a choice, new or there already, what it would do, and saves
// or ends it.
func (r *record) choice() error {
	c, err := r.chosen()
	if err != nil {
		return err
	}
	var wrong []pages.Problem
	var before *preview
	if r.R.Method == http.MethodPost {
		do := r.Form.Get("do")
		if do == "end" && c.ID != "" {
			return r.end(c)
		}
		if c.ID != "" && !c.Plain {
			return fault.New(fault.Conflict, fault.CodeBusinessRule, "", "This choice says more than this form can. It can be ended here, but not changed.")
		}
		wrong = r.fill(&c)
		switch {
		case len(wrong) > 0:
		case do == "save":
			if wrong, err = r.save(c); err != nil || len(wrong) == 0 {
				return err
			}
		default:
			if before, err = r.preview(c); err != nil {
				return err
			}
		}
	}
	whom, err := r.whom()
	if err != nil {
		return err
	}
	names, err := r.knownNames()
	if err != nil {
		return err
	}
	r.tell(&c, names)
	title := "New sharing choice"
	if c.ID != "" {
		title = c.Title
	}
	f := r.frame(title, "/sharing", pages.Narrow)
	f.Problems = wrong
	return r.showIn(pages.StatusOf(wrong), f, choiceTemplate, struct {
		choice
		Heading string
		Whom    []someone
		Other   string // of Who, when it is none of whom
		All     bool   // all kinds
		Ticked  func([]string, string) bool
		AllKind []kind
		Topical []topic
		Before  *preview
		Back    string
	}{
		c, title, whom, other(c.Who, names), len(c.Kinds) == 0 && len(c.Types) == 0, slices.Contains[[]string, string], kinds, topics, before, r.at("/sharing"),
	})
}

func other(who string, names map[string]string) string {
	if who == everybody || who == research || names[who] != "" {
		return ""
	}
	return who
}

// chosen is the choice of the address: a new one, or a Consent of the patient.
func (r *record) chosen() (choice, error) {
	id := fhir.ID(r.R.PathValue("consent"))
	if id == "new" {
		c := choice{Hide: true, Active: true, Emergency: true, Who: cmp.Or(r.Query.Get("who"), everybody), Plain: true}
		return c, nil
	}
	none := fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no such choice in this record.")
	if !id.Valid() {
		return choice{}, none
	}
	got, err := r.session.Read(r.R.Context(), fhir.Key{Type: "Consent", ID: id}, records.ReadOptions{})
	if kind := fault.KindOf(err); err != nil && (kind == fault.NotFound || kind == fault.Gone) {
		return choice{}, none
	}
	if err != nil {
		return choice{}, err
	}
	e, err := pages.ParseElement(got.JSON)
	if err == nil && e.Text("patient", "reference") != "Patient/"+string(r.id) {
		return choice{}, none
	}
	return readChoice(e, r.clients()), err
}

// fill takes what a form says.
func (r *record) fill(c *choice) (wrong []pages.Problem) {
	c.Hide, c.Who = r.Form.Get("decision") != "share", cmp.Or(r.Form.Get("who"), everybody)
	c.Kinds, c.Topics = nil, nil
	if r.Form.Get("what") != "all" {
		for _, k := range kinds {
			if slices.Contains(r.Form["kind"], k.Slug) {
				c.Kinds = append(c.Kinds, k.Slug)
			}
		}
		if len(c.Kinds) == 0 {
			wrong = append(wrong, pages.Problem{Field: "kinds", Message: "Choose at least one kind of data, or all of the record."})
		}
	}
	for _, t := range topics {
		if slices.Contains(r.Form["topic"], t.Slug) {
			c.Topics = append(c.Topics, t.Slug)
		}
	}
	c.From, c.Until = strings.TrimSpace(r.Form.Get("from")), strings.TrimSpace(r.Form.Get("until"))
	for _, d := range []struct{ id, day string }{{"from", c.From}, {"until", c.Until}} {
		if _, err := time.Parse(time.DateOnly, d.day); d.day != "" && err != nil {
			wrong = append(wrong, pages.Problem{Field: d.id, Message: "Write the day as 2026-03-31, or leave it empty."})
		}
	}
	if c.From != "" && c.Until != "" && c.Until < c.From {
		wrong = append(wrong, pages.Problem{Field: "until", Message: "The last day is before the first."})
	}
	c.Emergency = r.Form.Get("emergency") != ""
	c.Except = nil
	if c.Hide && !r.own && c.Who != research {
		c.Except = r.acting // who decides it for somebody goes on seeing it, and can end it
	}
	if client, isApp := strings.CutPrefix(c.Who, appPrefix); isApp {
		c.Except = nil
		if client == "" || len(client) > 256 {
			wrong = append(wrong, pages.Problem{Field: "who", Message: "Choose one of the list."})
		}
	} else if typ, id, is := strings.Cut(c.Who, "/"); c.Who != everybody && c.Who != research &&
		!(is && fhir.ID(id).Valid() && slices.Contains([]string{"Practitioner", "PractitionerRole", "Organization", "RelatedPerson", "CareTeam", "Group", "Patient"}, typ)) {
		wrong = append(wrong, pages.Problem{Field: "who", Message: "Choose one of the list."})
	}
	if slices.Contains(c.Except, c.Who) {
		wrong = append(wrong, pages.Problem{Field: "who", Message: "That is you. Choose somebody else."})
	}
	return wrong
}

// save writes the choice as a Consent.
func (r *record) save(c choice) ([]pages.Problem, error) {
	c.Active = true
	text, err := json.Marshal(c.resource(r, r.Now))
	if err != nil {
		return nil, err
	}
	content := records.Content{JSON: text, Release: "R4"}
	if c.ID == "" {
		r.Note(audit.Create, "the patient made a sharing choice")
		_, err = r.session.Create(r.R.Context(), "Consent", content, records.CreateOptions{})
	} else {
		r.Note(audit.Update, "the patient changed a sharing choice")
		o := records.UpdateOptions{}
		o.IfMatch = []string{cmp.Or(r.Form.Get("version"), c.Version)}
		_, err = r.session.Update(r.R.Context(), fhir.Key{Type: "Consent", ID: c.ID}, content, o)
	}
	if fault.KindOf(err) == fault.PreconditionFailed && err != nil {
		return []pages.Problem{{Message: "This choice was changed meanwhile, perhaps in another window. Look at it again, then change it."}}, nil
	}
	if wrong := pages.Problems(err); err != nil && wrong != nil {
		return wrong, nil
	}
	if err != nil {
		return nil, err
	}
	return nil, r.See(r.at("/sharing") + "?done=saved")
}

// end makes a Consent inactive, whoever wrote it.
func (r *record) end(c choice) error {
	r.Note(audit.Patch, "the patient ended a sharing choice")
	key := fhir.Key{Type: "Consent", ID: c.ID}
	patch := records.PatchContent{Format: records.JSONPatch, Body: []byte(`[{"op":"replace","path":"/status","value":"inactive"}]`)}
	if _, err := r.session.Patch(r.R.Context(), key, patch, records.UpdateOptions{}); err != nil {
		return err
	}
	return r.See(r.at("/sharing") + "?done=ended")
}
