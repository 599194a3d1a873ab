package search

import (
	"context"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Contained is _contained (§3.1.1.5.6): whether a query finds resources by
// themselves, or by what they contain. A store does not look at it: the door
// asks for Containers and matches what they contain one by one.
type Contained uint8

// Values of _contained. The default is ContainedFalse.
const (
	ContainedFalse Contained = iota
	ContainedTrue
	ContainedBoth
)

// containing is the parameter under which resources are indexed by the types of
// what they contain. No client can ask for it by name.
func containing(typeName string) Param {
	return Param{Type: typeName, Code: "_contains", Kind: definitions.SearchToken}
}

// Containers holds of the resources that contain some of a type among types.
func Containers(types []string) Expr {
	var any Or
	for _, t := range types {
		any = append(any, Token{Param: containing(System), Code: t, AnySystem: true})
	}
	return simplify(any)
}

// contained makes the entries that say what types a resource contains.
func (x *extraction) contained() {
	x.param = containing(x.root.Type().Name)
	for c := x.root.FirstChild(); !c.IsZero(); c = c.NextSibling() {
		if c.Name() == "contained" {
			x.addToken("", c.Type().Name, "")
		}
	}
}

// ContainedDocument is a resource inside another one, as Match sees it. Its
// Key has "#" before the id, since no other resource can refer to it.
type ContainedDocument struct {
	Document
	Node fhir.Node
}

// ExtractContained computes the index entries of the resources of some types
// that t contains, in their order. It fails as Extract does.
func (c *Catalog) ExtractContained(ctx context.Context, t *fhir.Tree, types []string) ([]ContainedDocument, error) {
	var out []ContainedDocument
	for n := range t.Root().All("contained") {
		name := n.Type().Name
		for _, wanted := range types {
			if wanted != name {
				continue
			}
			entries, err := c.extract(ctx, n, way{ids: []string{n.Child("id").Text()}})
			if err != nil {
				return nil, err
			}
			key := fhir.Key{Type: fhir.Type(name), ID: fhir.ID("#" + n.Child("id").Text())}
			out = append(out, ContainedDocument{Document{Key: key, Updated: t.LastUpdated(), Entries: entries}, n})
		}
	}
	return out, nil
}

// contained reads _contained and _containedType.
func (p *parser) contained(pair Pair) error {
	if err := p.once(pair); err != nil {
		return err
	}
	switch pair.Name + "=" + pair.Value {
	case "_contained=false", "_containedType=container":
	case "_contained=true":
		p.q.Contained = ContainedTrue
	case "_contained=both":
		p.q.Contained = ContainedBoth
	case "_containedType=contained":
		p.q.ContainedAlone = true
	default:
		allowed := "true, both or false"
		if pair.Name == "_containedType" {
			allowed = "container or contained"
		}
		return malformed(pair.Name, pair.Value, "it takes %s", allowed)
	}
	return nil
}

// checkContained refuses what cannot be asked of contained resources.
func (p *parser) checkContained() error {
	if p.q.Contained == ContainedFalse {
		p.q.ContainedAlone = false
		return nil
	}
	switch {
	case len(p.q.Types) == 0:
		return fault.New(fault.Invalid, fault.CodeNotSupported, "", "_contained needs the resource type to look for: search /Type, or name types with _type")
	case len(p.q.Includes) > 0:
		return fault.New(fault.Invalid, fault.CodeNotSupported, "", "_include and _revinclude cannot be combined with _contained: "+
			"FHIR does not say whether they would be about what is contained or about what contains it")
	}
	return nil
}
