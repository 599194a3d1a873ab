package fhirapi

import (
	"encoding/json"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
)

// parameter is one of a Parameters resource. Exactly one field besides Name is
// set.
type parameter struct {
	Name    string      `json:"name"`
	String  string      `json:"valueString,omitempty"`
	Decimal json.Number `json:"valueDecimal,omitempty"`
	Boolean *bool       `json:"valueBoolean,omitempty"`
	Part    []parameter `json:"part,omitempty"`
}

// parameters is the explanation as a Parameters resource.
func (x *explanation) parameters() ([]byte, error) {
	all := []parameter{
		texts("search", x.Address), tree("query", x.Query), texts("sort", x.Sort),
	}
	if x.Restricted {
		if x.Access.Text != "" {
			all = append(all, tree("access", x.Access))
		}
		all = append(all, flag("restricted", true))
	}
	for _, rule := range x.Rules {
		all = append(all, texts("rule", rule))
	}
	if x.Result.Total >= 0 {
		all = append(all, whole("total", x.Result.Total))
	}
	all = append(all, flag("next", x.Result.Next != ""))
	for _, k := range x.Kinds {
		all = append(all, parameter{Name: "found", Part: []parameter{
			texts("type", string(k.Type)), texts("mode", string(k.Mode)), whole("resources", int64(k.Count)),
		}})
	}
	for _, i := range x.Result.Issues {
		all = append(all, texts("note", i.Message))
	}
	times := parameter{Name: "milliseconds"}
	for _, t := range x.Times {
		times.Part = append(times.Part, parameter{Name: t.Name, Decimal: json.Number(t.Milliseconds)})
	}
	all = append(all, times)
	for i := range x.Steps {
		all = append(all, step(&x.Steps[i]))
	}
	return json.Marshal(parametersResource(all))
}

type parametersJSON struct {
	ResourceType string      `json:"resourceType"`
	Parameter    []parameter `json:"parameter,omitempty"`
}

func parametersResource(all []parameter) parametersJSON { return parametersJSON{"Parameters", all} }

func texts(name, text string) parameter { return parameter{Name: name, String: text} }

func flag(name string, is bool) parameter { return parameter{Name: name, Boolean: &is} }

func whole(name string, n int64) parameter {
	text, _ := json.Marshal(n) // an int64 always has one
	return parameter{Name: name, Decimal: json.Number(text)}
}

// tree is a node with its parts below it.
func tree(name string, n search.Node) parameter {
	if len(n.Parts) == 0 {
		return texts(name, n.Text)
	}
	p := parameter{Name: name, Part: []parameter{texts("text", n.Text)}}
	for _, part := range n.Parts {
		p.Part = append(p.Part, tree("part", part))
	}
	return p
}

// step is one search of the store.
func step(s *records.ExplainedStep) parameter {
	p := parameter{Name: "step", Part: []parameter{texts("for", s.Why)}}
	if s.Way != "" {
		p.Part = append(p.Part, texts("way", s.Way))
	}
	for _, c := range s.Criteria {
		one := parameter{Name: "criterion", Part: []parameter{texts("text", words(c.X)), flag("drives", c.Drives)}}
		if c.Candidates >= 0 {
			one.Part = append(one.Part, whole("candidates", c.Candidates), flag("atLeast", c.AtLeast))
		}
		p.Part = append(p.Part, one)
	}
	for _, statement := range s.Statements {
		p.Part = append(p.Part, statementPart(statement))
	}
	return p
}

func statementPart(s records.ExplainedStatement) parameter {
	p := parameter{Name: "statement", Part: []parameter{texts("for", string(s.Purpose)), texts("sql", s.SQL)}}
	for _, a := range arguments(s) {
		p.Part = append(p.Part, texts("argument", a))
	}
	if len(s.Plan) > 0 {
		p.Part = append(p.Part, texts("plan", strings.Join(s.Plan, "\n")))
	}
	p.Part = append(p.Part, whole("returned", s.Returned))
	if s.Touched >= 0 {
		p.Part = append(p.Part, whole("read", s.Touched))
	}
	p.Part = append(p.Part, parameter{Name: "milliseconds", Decimal: json.Number(milliseconds(s.Took))})
	return p
}
