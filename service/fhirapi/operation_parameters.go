package fhirapi

import (
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
)

// simpleParameters are the parameters of body and URL as they stand in a query.
func (c *call) simpleParameters(in *invocation) ([]search.Pair, error) {
	p, err := c.parametersOf(in)
	if err != nil {
		return nil, err
	}
	return p.simple()
}

// simple gives the parameters as they stand in a query: those of the body, which
// must have simple values, then those of the URL.
func (p parameters) simple() ([]search.Pair, error) {
	var pairs []search.Pair
	for n := range p.root.All("parameter") {
		v := n.Child("value")
		text := v.Text()
		switch v.PropertyName() {
		case "valueCoding":
			text = search.Escape(v.Child("code").Text())
			if system := v.Child("system").Text(); system != "" {
				text = search.Escape(system) + "|" + text
			}
		case "valueReference":
			text = v.Child("reference").Text()
		}
		if text == "" {
			return nil, errParameter(n, "The parameter %s has no value that a query could hold: send a primitive value, a Coding or a Reference.", fault.Shorten(n.Child("name").Text()))
		}
		pairs = append(pairs, search.Pair{Name: n.Child("name").Text(), Value: text})
	}
	return append(pairs, p.pairs...), nil
}

// boolean returns a parameter's value, false without it.
func (p parameters) boolean(name string) (bool, error) {
	switch v := p.text(name); v {
	case "true":
		return true, nil
	case "", "false":
		return false, nil
	default:
		return false, errParameter(p.node(name), "%s is true or false, not %q.", name, fault.Shorten(v))
	}
}
