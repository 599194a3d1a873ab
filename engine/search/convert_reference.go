package search

import (
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// reference makes reference entries (§3.1.1.4.12). What a reference to a contained
// resource points to is not a resource of the server: it gives an entry that only
// says that there is a value, and the entries of the contained resource are added
// at the end.
func (x *extraction) reference(n fhir.Node) {
	switch t := n.Type(); {
	case t.Name == "Reference":
		if text := n.Child("reference").Text(); text != "" {
			x.addReference(text, false)
		}
		if id := n.Child("identifier"); !id.IsZero() {
			x.addToken(id.Child("system").Text(), id.Child("value").Text(), "")
		}
		if display := n.Child("display").Text(); display != "" && x.out == &x.entries {
			x.addToken("", "", display)
		}
	case t.Name == "CodeableReference":
		if c := n.Child("reference"); !c.IsZero() {
			x.reference(c)
		}
	case t.Kind == definitions.Primitive:
		if n.HasValue() {
			x.addReference(n.Text(), t.Name == "canonical")
		}
	case t.Kind == definitions.Resource:
		if id := n.Child("id").Text(); id != "" {
			x.add(Entry{RefType: t.Name, RefID: id})
		}
	}
}

func (x *extraction) addReference(text string, canonical bool) {
	if id, ok := strings.CutPrefix(text, "#"); ok {
		x.pointInside(id)
		if x.out == &x.entries {
			x.addToken("", "", text)
		}
		return
	}
	version := ""
	if canonical {
		text, version = canonicalParts(text)
	}
	if key, historic, ok := x.c.local(text); ok {
		if version == "" {
			version = historic
		}
		x.add(Entry{RefType: string(key.Type), RefID: string(key.ID), Version: Bound(version)})
		return
	}
	x.add(Entry{URL: Bound(text), Version: Bound(version)})
}

// uri makes uri entries (§3.1.1.4.9). A canonical with a version is found with
// and without it.
func (x *extraction) uri(n fhir.Node) {
	if !n.IsPrimitive() || !n.HasValue() {
		return
	}
	text := n.Text()
	x.add(Entry{URL: Bound(text)})
	if n.Type().Name == "canonical" {
		if url, version := canonicalParts(text); version != "" {
			x.add(Entry{URL: Bound(url)})
		}
	}
}
