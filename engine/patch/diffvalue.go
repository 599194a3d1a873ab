package patch

import (
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// valued adds a part called name that holds v: as a value[x] or a resource
// where there is one for its type, else in further parts, one for each element
// of v. It is what readPatchValue reads.
func (d *differ) valued(parent fhir.Node, name string, v fhir.Node) {
	part := d.part(parent, name)
	if v.IsResource() {
		d.graft(part, "resource", v)
		return
	}
	property := "value" + strings.ToUpper(v.Type().Name[:1]) + v.Type().Name[1:]
	_, open := d.open.Property(property)
	switch {
	case open:
		d.graft(part, property, v)
	case v.Type().Kind == definitions.Primitive: // xhtml
		d.text(part, "valueString", v.Text())
	default:
		for c := range v.Children() {
			d.valued(part, c.Name(), c)
		}
	}
}

func (d *differ) part(parent fhir.Node, name string) fhir.Node {
	p := d.child(parent, "part")
	d.text(p, "name", name)
	return p
}

func (d *differ) child(parent fhir.Node, property string) fhir.Node {
	if d.err != nil {
		return fhir.Node{}
	}
	n, err := parent.Add(property)
	d.err = err
	return n
}

func (d *differ) text(n fhir.Node, property, text string) {
	if d.err == nil {
		_, d.err = n.Set(property, text)
	}
}

func (d *differ) graft(n fhir.Node, property string, v fhir.Node) {
	if d.err == nil {
		_, d.err = n.Graft(property, v)
	}
}
