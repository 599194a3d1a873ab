package validate

import (
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// bundle checks what the text of the specification says of a Bundle beyond
// its invariants: fullUrl is absolute, agrees with the resource, and is there
// except in batches and transactions; a kind of link stands once. R4 §2.36.
func (r *run) bundle(n fhir.Node) {
	relations := map[string]bool{}
	for link := range n.All("link") {
		relation := link.Child("relation").Text()
		if relations[relation] && (relation == "self" || relation == "first" || relation == "last" || relation == "next" || relation == "previous") {
			r.add(fault.ErrorLevel, fault.CodeStructure, link, fmt.Sprintf("the link %q stands here twice", relation))
		}
		relations[relation] = true
	}
	kind := n.Child("type").Text()
	optional := kind == "batch" || kind == "transaction" || strings.HasSuffix(kind, "-response")
	for e := range n.All("entry") {
		url, resource := e.Child("fullUrl"), e.Child("resource")
		if resource.IsZero() {
			continue
		}
		if !url.HasValue() {
			if !optional && url.IsZero() {
				r.add(fault.ErrorLevel, fault.CodeRequired, e, "fullUrl is missing: it tells the entry from others, and only batches and transactions go without")
			}
			continue
		}
		text := url.Text()
		if !strings.Contains(text, ":") {
			r.add(fault.ErrorLevel, fault.CodeValue, url, "must be absolute: "+text)
			continue
		}
		if _, ok := r.root(text); !ok {
			continue
		}
		if id := resource.Child("id"); id.HasValue() {
			if own := resource.Type().Name + "/" + id.Text(); !strings.HasSuffix(text, "/"+own) {
				r.add(fault.ErrorLevel, fault.CodeValue, url, fmt.Sprintf("does not end in %s, which is what the resource says it is", own))
			}
		} else if !optional {
			r.add(fault.ErrorLevel, fault.CodeValue, url, "is the address of a resource on a server, but the resource has no id: "+text)
		}
	}
	if kind == "document" {
		r.document(n)
	}
}
