package mask

import (
	"strings"

	"github.com/inglehealth/ingle/spec/fhir"
)

// container is a resource with the ids of those contained in it that it refers to.
type container struct {
	fhir.Node
	referred map[string]bool
}

// containers are those of some resources that contain others.
func containers(resources []fhir.Node) (all []container) {
	for _, r := range resources {
		if r.Count("contained") > 0 {
			all = append(all, container{r, referred(r)})
		}
	}
	return all
}

// hideContained removes what only elements referred to that are gone: it is theirs, and
// without them it could not be contained (dom-3).
func (c container) hideContained() {
	left := referred(c.Node)
	var gone []fhir.Node
	for n := range c.All("contained") {
		if id := n.Child("id").Text(); c.referred[id] && !left[id] {
			gone = append(gone, n)
		}
	}
	for _, n := range gone {
		n.Remove()
	}
}

// referred are the ids of the contained resources that the elements of a resource refer to,
// themselves or through one that they refer to.
func referred(r fhir.Node) map[string]bool {
	ids := map[string]bool{}
	var open []fhir.Node
	for n := range r.Children() {
		if n.Name() != "contained" {
			open = append(open, n)
		}
	}
	for len(open) > 0 {
		from := open[0]
		open = open[1:]
		for _, id := range pointers(from) {
			if ids[id] {
				continue
			}
			ids[id] = true
			for n := range r.All("contained") {
				if n.Child("id").Text() == id {
					open = append(open, n)
				}
			}
		}
	}
	return ids
}

// pointers are the ids that an element names, as #id: in references, URIs and the images of
// narratives.
func pointers(e fhir.Node) (ids []string) {
	take := func(n fhir.Node) {
		if n.Name() != "reference" && !n.Type().Is("uri") && !n.Type().Is("xhtml") {
			return
		}
		for part := range strings.SplitSeq(n.Text(), `"`) {
			if id, ok := strings.CutPrefix(part, "#"); ok {
				ids = append(ids, id)
			}
		}
	}
	take(e)
	for n := range e.Descendants() {
		take(n)
	}
	return ids
}
