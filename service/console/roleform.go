package console

import (
	"slices"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/mask"
	"github.com/inglehealth/ingle/service/pages"
)

// maxRules bounds the rules of a role that a form holds.
const maxRules = 50

// ruleForm is one rule in the form.
type ruleForm struct {
	At       int
	New      bool // the empty one behind the others
	Problem  string
	Letters  []pages.Choice
	Types    pages.Field
	Reach    pages.Field
	Filter   pages.Field
	Purposes pages.Field
	Mask     pages.Field
	Words    string
}

// rolePage is the form of a role.
type rolePage struct {
	pages.Frame
	Role       shownRole
	New        bool
	Fields     []pages.Field
	Operations []pages.Choice
	Rules      []ruleForm
	Back       string
}

func (v *visit) showRole(r access.Role, added bool, problems []pages.Problem) error {
	page := rolePage{Frame: v.frame(r.Name, Path+"/roles", pages.Wide), Role: v.shown(r), New: added, Back: v.Path(Path + "/roles")}
	page.Problems = problems
	if added {
		page.Title = "New role"
		page.Fields = append(page.Fields, pages.Field{ID: "name", Label: "Name", Hint: "Small letters, digits and hyphens, such as research-nurse. It never changes.", Value: r.Name, Error: page.Problem("name"), Complete: "off"})
	}
	page.Fields = append(page.Fields,
		pages.Field{ID: "title", Label: "Title", Hint: "How people read it.", Value: r.Title, Error: page.Problem("title"), Complete: "off"},
		pages.Field{ID: "purposes", Label: "Purposes of use", Hint: "Codes of v3-ActReason, separated by spaces: TREAT, HPAYMT, HOPERAT, HRESCH, BTG. The first is that of whoever says none.", Value: strings.Join(r.Purposes, " "), Error: page.Problem("purposes"), Complete: "off"},
		pages.Field{ID: "unseals", Label: "Sensitive labels that it sees without a consent", Hint: "Codes of v3-ActCode, separated by spaces, such as HIV ETHUD. Empty: none.", Value: strings.Join(r.Unseals, " "), Error: page.Problem("unseals"), Optional: true, Complete: "off"},
	)
	for _, o := range access.Operations() {
		page.Operations = append(page.Operations, pages.Choice{Value: string(o), Name: operationWords[o], Chosen: slices.Contains(r.Operations, o)})
	}
	for i, rule := range r.Rules {
		page.Rules = append(page.Rules, page.rule(i, rule))
	}
	if len(r.Rules) < maxRules {
		empty := page.rule(len(r.Rules), access.RoleRule{Reach: access.ReachAll})
		empty.New, empty.Words = true, ""
		page.Rules = append(page.Rules, empty)
	}
	return v.Write(pages.StatusOf(problems), page.Frame, roleTemplate, page)
}

// rule is the part of the form of one rule.
func (p *rolePage) rule(i int, r access.RoleRule) ruleForm {
	at := strconv.Itoa(i)
	field := func(name, label, hint, value string) pages.Field {
		id := name + "-" + at
		return pages.Field{ID: id, Label: label, Hint: hint, Value: value, Error: p.Problem(id), Optional: name != "types", Complete: "off"}
	}
	f := ruleForm{
		At: i, Problem: p.Problem("interactions-" + at), Words: ruleWords(r),
		Types:    field("types", "Resource types", "Separated by spaces. One word stands for many: owned (the records of patients), about (what is said about records, such as Provenance), referred (what records refer to), directory (people and places), * (every type).", strings.Join(r.Types, " ")),
		Filter:   field("filter", "Only where", "Search parameters of the type, such as category=laboratory.", r.Filter),
		Purposes: field("purposes", "Only for the purposes", "Among those of the role.", strings.Join(r.Purposes, " ")),
		Mask:     field("mask", "Without the elements", "Such as Patient.address.", strings.Join(maskLines(r), " ")),
	}
	f.Types.Optional, f.Types.Open = false, true // the empty rule is left out
	f.Reach = pages.Field{ID: "reach-" + at, Label: "Whose data", Error: p.Problem("reach-" + at), Choices: pages.Choices(string(r.Reach),
		string(access.ReachAll), "Of the whole organization", string(access.ReachDepartment), "Of the user's departments", string(access.ReachOwn), "Of the user's own patients")}
	for _, one := range grantWords {
		f.Letters = append(f.Letters, pages.Choice{Value: one.Letter, Name: one.Word, Chosen: strings.Contains(r.Interactions, one.Letter)})
	}
	return f
}

// formRole is the role as the form has it.
func (v *visit) formRole() access.Role {
	r := access.Role{
		Name: strings.TrimSpace(v.Form.Get("name")), Title: strings.TrimSpace(v.Form.Get("title")),
		Purposes: strings.Fields(v.Form.Get("purposes")), Unseals: strings.Fields(v.Form.Get("unseals")),
	}
	for _, o := range v.Form["operation"] {
		r.Operations = append(r.Operations, access.Operation(o))
	}
	for i := range maxRules {
		at := "-" + strconv.Itoa(i)
		if !v.Form.Has("reach"+at) || v.Form.Has("remove"+at) {
			continue
		}
		rule := access.RoleRule{
			Types: strings.Fields(v.Form.Get("types" + at)), Interactions: strings.Join(v.Form["interactions"+at], ""), Reach: access.Reach(v.Form.Get("reach" + at)),
			Filter: strings.TrimSpace(v.Form.Get("filter" + at)), Purposes: strings.Fields(v.Form.Get("purposes" + at)),
		}
		for _, p := range strings.Fields(v.Form.Get("mask" + at)) {
			rule.Mask = append(rule.Mask, mask.Path(p))
		}
		if len(rule.Types) > 0 || rule.Interactions != "" || rule.Filter != "" {
			r.Rules = append(r.Rules, rule)
		}
	}
	return r
}
