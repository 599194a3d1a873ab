// Package label finds out which resources are sensitive, by their codes and texts,
// and writes that into meta.security.
package label

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
)

// Rules say what makes a resource sensitive.
type Rules struct {
	Rules []Rule `json:"rules"`
}

// Rule gives labels to resources that have one of the codes or words.
type Rule struct {
	Name string `json:"name"`
	// Labels are codes of v3-ActCode: HIV.
	Labels []string `json:"labels"`
	// Confidentiality is a code of v3-Confidentiality, R or V; "" for none. Of
	// several rules the stricter one counts.
	Confidentiality string `json:"confidentiality,omitempty"`
	// Basis is the law, a code of v3-ActCode: 42CFRPart2; "" for none.
	Basis string `json:"basis,omitempty"`
	// Codes are codes by system; one that ends with * stands for all that begin
	// with what is before it.
	Codes map[string][]string `json:"codes,omitempty"`
	// ValueSets are the URLs of value sets whose codes count, too.
	ValueSets []string `json:"valueSets,omitempty"`
	// Words are words, or several in a row, of the texts of notes and documents, in
	// any case.
	Words []string `json:"words,omitempty"`
}

// Coding is a code of a system.
type Coding struct {
	System string `json:"system"`
	Code   string `json:"code"`
}

//go:embed rules.json
var shipped []byte

// Shipped are the rules of a new server.
func Shipped() Rules {
	r, err := Parse(shipped)
	if err != nil {
		panic("label: rules.json: " + err.Error())
	}
	return r
}

// MaxCodes bounds the codes that rules name, and those of one value set.
const MaxCodes = 50_000

const maxRules = 200

// Parse reads rules as JSON. The error is a *fault.Error that says where.
func Parse(text []byte) (Rules, error) {
	var r Rules
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return r, fault.New(fault.Invalid, fault.CodeStructure, "", "the rules of labels cannot be read: %v", err)
	}
	return r, r.check()
}

func (r *Rules) check() error {
	if len(r.Rules) > maxRules {
		return fault.New(fault.Unprocessable, fault.CodeTooCostly, "rules", "there are %d rules, and up to %d are taken", len(r.Rules), maxRules)
	}
	codes := 0
	for i := range r.Rules {
		if path, err := r.Rules[i].check(); err != nil {
			return fault.New(fault.Unprocessable, fault.CodeValue, fmt.Sprintf("rules[%d].%s", i, path), "%v", err)
		}
		for _, some := range r.Rules[i].Codes {
			codes += len(some)
		}
	}
	if codes > MaxCodes {
		return fault.New(fault.Unprocessable, fault.CodeTooCostly, "rules", "there are %d codes, and up to %d are taken: name a value set", codes, MaxCodes)
	}
	return nil
}

func (r *Rule) check() (path string, err error) {
	if r.Name == "" {
		return "name", errors.New("a rule has a name")
	}
	if len(r.Labels) == 0 {
		return "labels", errors.New("a rule gives a label, such as HIV")
	}
	if slices.ContainsFunc(append(slices.Clip(r.Labels), r.Basis), func(c string) bool { return strings.ContainsAny(c, "| \t\n") }) || slices.Contains(r.Labels, "") {
		return "labels", errors.New("labels and basis are codes of v3-ActCode, such as HIV or 42CFRPart2")
	}
	if !slices.Contains([]string{"", "R", "V"}, r.Confidentiality) {
		return "confidentiality", fmt.Errorf("%q is neither R nor V", r.Confidentiality)
	}
	if len(r.Codes)+len(r.ValueSets)+len(r.Words) == 0 {
		return "codes", errors.New("a rule has codes, valueSets or words")
	}
	for system, codes := range r.Codes {
		if system == "" {
			return "codes", errors.New("codes stand under the URL of their system")
		}
		for _, c := range codes {
			if c == "" || strings.Contains(strings.TrimSuffix(c, "*"), "*") || c == "*" {
				return "codes", fmt.Errorf("%q is neither a code nor the beginning of codes followed by *", c)
			}
		}
	}
	for _, w := range r.Words {
		if len(wordsOf(w)) == 0 {
			return "words", fmt.Errorf("%q has no word", w)
		}
	}
	return "", nil
}

// ValueSets are the value sets that rules name, sorted.
func (r *Rules) ValueSets() []string {
	var urls []string
	for i := range r.Rules {
		urls = append(urls, r.Rules[i].ValueSets...)
	}
	slices.Sort(urls)
	return slices.Compact(urls)
}
