package terminology

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/inglehealth/ingle/spec/definitions"
)

// object writes one JSON object.
type object struct {
	b    []byte
	some bool
}

func (o *object) open() { o.b, o.some = append(o.b, '{'), false }

func (o *object) close() { o.b, o.some = append(o.b, '}'), true }

func (o *object) name(name string) {
	if o.some {
		o.b = append(o.b, ',')
	}
	o.some = true
	o.b = append(o.b, '"')
	o.b = append(o.b, name...)
	o.b = append(o.b, `":`...)
}

// text writes a string, unless it is empty.
func (o *object) text(name, value string) {
	if value != "" {
		o.name(name)
		o.b = appendText(o.b, value)
	}
}

// raw writes JSON, unless it is empty.
func (o *object) raw(name, json string) {
	if json != "" {
		o.name(name)
		o.b = append(o.b, json...)
	}
}

// truth writes true or false as it was written, or nothing.
func (o *object) truth(name, text string) {
	if text == "true" || text == "false" {
		o.raw(name, text)
	}
}

// yes writes true, or nothing.
func (o *object) yes(name string, value bool) {
	if value {
		o.raw(name, "true")
	}
}

// value writes a value[x], of a type whose JSON name is given; nothing when the
// text is no value of it, as in an extension that is used wrongly.
func (o *object) value(typ, text string) {
	switch typ {
	case "valueBoolean", "valueInteger", "valueDecimal":
		if v := jsontext.Value(text); v.IsValid() && (v.Kind() == '0') == (typ != "valueBoolean") && v.Kind() != '"' {
			o.raw(typ, text)
		}
	case "valueUri", "valueCanonical":
		o.text(typ, strings.Join(strings.Fields(text), "%20"))
	case "valueCode":
		o.text(typ, strings.Join(strings.Fields(text), " "))
	default:
		o.text(typ, text)
	}
}

// list writes an array of n objects, unless n is 0.
func (o *object) list(name string, n int, each func(i int)) {
	if n == 0 {
		return
	}
	o.name(name)
	o.b = append(o.b, '[')
	for i := range n {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		each(i)
	}
	o.b = append(o.b, ']')
	o.some = true
}

func (o *object) coding(name string, c definitions.Coding) {
	if c == (definitions.Coding{}) {
		return
	}
	o.name(name)
	o.open()
	o.text("system", c.System)
	o.text("version", c.Version)
	o.text("code", c.Code)
	o.text("display", c.Display)
	o.close()
}

func appendText(b []byte, s string) []byte {
	out, err := jsontext.AppendQuote(b, strings.ToValidUTF8(s, "\uFFFD"))
	if err != nil {
		panic(err) // it is UTF-8
	}
	return out
}

func (o *object) extensions(list []definitions.Extension) {
	if len(list) == 0 {
		return
	}
	o.name("extension")
	o.b = append(o.b, '[')
	for i := range list {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		o.b = append(o.b, list[i].JSON...)
	}
	o.b = append(o.b, ']')
}
