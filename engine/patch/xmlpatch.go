package patch

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

type xmlPatch struct{ operations []xmlOperation }

type xmlOperation struct {
	op      string
	sel     string
	path    *selector
	pos     string // add: "", before, after, prepend
	ws      string // remove: "", before, after, both
	kind    string // add: "", "@name" or "namespace::prefix"
	attr    xml.Name
	content []*xmlNode
	text    string
}

// ParseXML reads an XML Patch (RFC 5261): add, replace and remove elements in
// a root element of any name. In paths the prefix "f" means FHIR's namespace
// unless the document declares it otherwise. The error is a *fault.Error of
// kind Invalid, or TooLarge.
func ParseXML(document []byte) (Patch, error) {
	if err := checkSize(document); err != nil {
		return nil, err
	}
	doc, err := readXML(document)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, fault.CodeStructure, "", "the patch is not valid XML: %s", err)
	}
	roots := doc.elements()
	if len(roots) != 1 {
		return nil, fault.New(fault.Invalid, fault.CodeStructure, "", "an XML Patch has one root element")
	}
	operations := roots[0].elements()
	if len(operations) == 0 {
		return nil, fault.New(fault.Invalid, fault.CodeRequired, "", "the patch has no operations: add, replace or remove elements are needed")
	}
	if len(operations) > MaxOperations {
		return nil, tooMany(len(operations))
	}
	p := &xmlPatch{operations: make([]xmlOperation, len(operations))}
	for i, e := range operations {
		if p.operations[i], err = readXMLOperation(e); err != nil {
			return nil, malformed(i, "%s", err)
		}
	}
	return p, nil
}

func readXMLOperation(e *xmlNode) (xmlOperation, error) {
	o := xmlOperation{op: e.name.Local}
	if !slices.Contains([]string{"add", "replace", "remove"}, o.op) {
		return o, fmt.Errorf("%q is unknown; an operation is add, replace or remove", fault.Shorten(o.op))
	}
	for _, a := range e.attrs {
		switch {
		case a.Name.Local == "sel":
			o.sel = a.Value
		case a.Name.Local == "pos" && o.op == "add":
			o.pos = a.Value
		case a.Name.Local == "type" && o.op == "add":
			o.kind = a.Value
		case a.Name.Local == "ws" && o.op == "remove":
			o.ws = a.Value
		case a.Name.Local == "id" || a.Name.Space != "":
		default:
			return o, fmt.Errorf("attribute %q does not belong to %s", fault.Shorten(a.Name.Local), o.op)
		}
	}
	if o.sel == "" {
		return o, errors.New(`attribute "sel" is missing`)
	}
	if !slices.Contains([]string{"", "before", "after", "prepend"}, o.pos) {
		return o, fmt.Errorf("pos %q is unknown; it is one of before, after, prepend", fault.Shorten(o.pos))
	}
	if !slices.Contains([]string{"", "before", "after", "both"}, o.ws) {
		return o, fmt.Errorf("ws %q is unknown; it is one of before, after, both", fault.Shorten(o.ws))
	}
	var err error
	if o.path, err = parseSelector(o.sel, e); err != nil {
		return o, err
	}
	if name, ok := strings.CutPrefix(o.kind, "@"); ok {
		p := &selectorParser{src: name, scope: e}
		t, err := p.name(true)
		if err != nil || p.pos < len(name) || t.any {
			return o, fmt.Errorf("type %q is not the name of an attribute", fault.Shorten(o.kind))
		}
		o.attr = t.name
	} else if o.kind != "" && !strings.HasPrefix(o.kind, "namespace::") {
		return o, fmt.Errorf("type %q is unknown; it is \"@name\" or \"namespace::prefix\"", fault.Shorten(o.kind))
	}
	o.content, o.text = e.children, e.value()
	if len(e.elements()) > 0 {
		// Blanks around the elements are the patch's layout, not content.
		o.content = slices.DeleteFunc(slices.Clone(e.children), (*xmlNode).blank)
	}
	return o, nil
}

func (p *xmlPatch) Apply(ctx context.Context, t *fhir.Tree) (*fhir.Tree, error) {
	text, err := t.Root().AppendXML(nil, false)
	if err != nil {
		return nil, err
	}
	doc, err := readXML(text)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, fault.CodeException, "", "the resource cannot be read as XML")
	}
	if err := p.apply(ctx, doc); err != nil {
		return nil, err
	}
	doc.prune()
	var b bytes.Buffer
	for _, c := range doc.children {
		c.write(&b, "")
	}
	patched, err := fhir.ParseXML(t.Definitions(), b.Bytes(), outcomeLimits)
	if err != nil {
		return nil, unfit(err)
	}
	return sameType(t, patched)
}

func (p *xmlPatch) apply(ctx context.Context, doc *xmlNode) error {
	if len(doc.elements()) == 0 {
		return fault.New(fault.Unprocessable, fault.CodeProcessing, "", "there is no document to patch")
	}
	added := 0
	for i, o := range p.operations {
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, c := range o.content {
			added += c.size()
		}
		err := o.run(doc)
		if err == nil && added > maxCopied {
			err = errors.New("the patch adds too much")
		}
		if err != nil {
			return operationError(i, o.op, fmt.Sprintf("%q", o.sel), "", "%s", err)
		}
	}
	return nil
}

func (o xmlOperation) run(doc *xmlNode) error {
	found := o.path.find(doc)
	if len(found) != 1 {
		return fmt.Errorf("the path finds %d nodes; it must find one", len(found))
	}
	n := found[0]
	if o.path.attr != nil {
		return o.onAttribute(n)
	}
	switch o.op {
	case "add":
		return o.add(n)
	case "remove":
		return o.remove(n)
	}
	return o.replace(n)
}

func (o xmlOperation) onAttribute(n *xmlNode) error {
	i := slices.IndexFunc(n.attrs, func(a xml.Attr) bool { return o.path.attr.matches(a.Name) })
	if i < 0 {
		return fmt.Errorf("there is no attribute %q", o.path.attr.prefixed)
	}
	switch o.op {
	case "add":
		return errors.New(`nothing is added to an attribute; name the element and give type="@name"`)
	case "remove":
		n.attrs, n.emptied = slices.Delete(n.attrs, i, i+1), true
	case "replace":
		n.attrs[i].Value = o.text
	}
	return nil
}

func (o xmlOperation) add(n *xmlNode) error {
	switch {
	case strings.HasPrefix(o.kind, "namespace::"):
		// Names are kept resolved and written with default declarations, so
		// a declaration alone changes nothing.
		return nil
	case o.kind != "":
		if n.kind != xmlElement {
			return errors.New("only an element has attributes")
		}
		if n.attr(o.attr) >= 0 {
			return fmt.Errorf("attribute %q is there already; replace it instead", o.attr.Local)
		}
		n.attrs = append(n.attrs, xml.Attr{Name: o.attr, Value: o.text})
		return nil
	}
	into, at := n, len(n.children)
	switch o.pos {
	case "prepend":
		at = 0
	case "before":
		into, at = n.parent, slices.Index(n.parent.children, n)
	case "after":
		into, at = n.parent, slices.Index(n.parent.children, n)+1
	}
	if into.kind != xmlElement || into.parent == nil {
		return errors.New("nodes can be added to an element, or beside a node in one")
	}
	into.insert(at, o.content)
	return nil
}

func (n *xmlNode) insert(at int, content []*xmlNode) {
	var copies []*xmlNode
	for _, c := range content {
		c = c.clone()
		c.parent = n
		copies = append(copies, c)
	}
	n.children = slices.Insert(n.children, at, copies...)
}

func (o xmlOperation) remove(n *xmlNode) error {
	p := n.parent
	if p.parent == nil && n.kind == xmlElement {
		return errors.New("the root element cannot be removed")
	}
	i := slices.Index(p.children, n)
	from, to := i, i+1
	if o.ws == "before" || o.ws == "both" {
		if i == 0 || !p.children[i-1].blank() {
			return errors.New("there is no white space before it to remove")
		}
		from--
	}
	if o.ws == "after" || o.ws == "both" {
		if i+1 == len(p.children) || !p.children[i+1].blank() {
			return errors.New("there is no white space after it to remove")
		}
		to++
	}
	p.children, p.emptied = slices.Delete(p.children, from, to), true
	return nil
}

func (o xmlOperation) replace(n *xmlNode) error {
	p := n.parent
	i := slices.Index(p.children, n)
	content := o.content
	if n.kind == xmlElement {
		if len(content) != 1 || content[0].kind != xmlElement {
			return errors.New("an element is replaced by exactly one element")
		}
	} else if n.kind == xmlText {
		content = []*xmlNode{{kind: xmlText, text: o.text}}
	} else if len(content) != 1 || content[0].kind != n.kind {
		return errors.New("a comment or processing instruction is replaced by one of its kind")
	}
	p.children = slices.Delete(p.children, i, i+1)
	p.insert(i, content)
	return nil
}
