package record

import (
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// conceptsJSON reads CodeSystem.concept, a tree, into a list in which parents
// come before their children. It reads token by token: code systems may have a
// million concepts.
type conceptsJSON struct {
	list  []Concept
	words map[string]string // names of properties and of their types, each once
}

var errConcepts = errors.New("CodeSystem.concept is not a list of concepts")

// UnmarshalJSONFrom reads the list.
func (c *conceptsJSON) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	c.words = map[string]string{}
	return c.concepts(dec, 0)
}

func (c *conceptsJSON) concepts(dec *jsontext.Decoder, level int) error {
	return each(dec, '[', ']', func() error {
		at := len(c.list)
		c.list = append(c.list, Concept{Level: level})
		return each(dec, '{', '}', func() error { return c.member(dec, at, level) })
	})
}

// each reads an array or object, whose items or members read reads.
func each(dec *jsontext.Decoder, begin, end jsontext.Kind, read func() error) error {
	tok, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if tok.Kind() != begin {
		return errConcepts
	}
	for dec.PeekKind() != end {
		if err := read(); err != nil {
			return err
		}
	}
	_, err = dec.ReadToken()
	return err
}

// member reads one member of the concept at a place of the list.
func (c *conceptsJSON) member(dec *jsontext.Decoder, at, level int) error {
	name, err := dec.ReadToken()
	if err != nil {
		return err
	}
	concept := &c.list[at]
	switch name.String() {
	case "code":
		return readText(dec, &concept.Code)
	case "display":
		return readText(dec, &concept.Display)
	case "definition":
		return readText(dec, &concept.Definition)
	case "designation":
		var in []designationJSON
		err := json.UnmarshalDecode(dec, &in)
		concept.Designations = designations(in)
		return err
	case "extension":
		var in extensionsJSON
		err := json.UnmarshalDecode(dec, &in)
		concept.Extensions = in
		return err
	case "property":
		return each(dec, '[', ']', func() error {
			p, err := c.property(dec)
			concept.Properties = append(concept.Properties, p)
			return err
		})
	case "concept":
		return c.concepts(dec, level+1)
	}
	return dec.SkipValue()
}

func readText(dec *jsontext.Decoder, to *string) error {
	tok, err := dec.ReadToken()
	if err != nil {
		return err
	}
	switch tok.Kind() {
	case '"':
		*to = tok.String()
	case 'n':
	default:
		return errConcepts
	}
	return nil
}

func (c *conceptsJSON) property(dec *jsontext.Decoder) (ConceptProperty, error) {
	var p ConceptProperty
	err := each(dec, '{', '}', func() error {
		tok, err := dec.ReadToken()
		if err != nil {
			return err
		}
		name := tok.String()
		v, err := dec.ReadValue()
		if err != nil {
			return err
		}
		switch {
		case name == "code":
			p.Code = c.word(text(v))
		case isValue(name):
			p.Type, p.Value = c.word(name), text(v)
			if name == "valueCoding" {
				p.Coding = new(coding(v))
			}
		}
		return nil
	})
	return p, err
}

func (c *conceptsJSON) word(s string) string {
	if known, ok := c.words[s]; ok {
		return known
	}
	if len(c.words) < 10_000 {
		c.words[s] = s
	}
	return s
}
