package searchtest

import (
	"testing"

	"github.com/inglehealth/ingle/spec/fhir"
)

// Contain gives copies of some of the resources: with what they refer to as
// their subject and encounter inside of them, and with the encounter's own subject
// being that, too.
func Contain(t testing.TB, resources []*fhir.Tree, every int) []*fhir.Tree {
	t.Helper()
	byReference := map[string]*fhir.Tree{}
	for _, r := range resources {
		byReference[r.Key().String()] = r
	}
	var out []*fhir.Tree
	for i, r := range resources {
		if i%every != 0 {
			continue
		}
		tree := r.Root().CopyTree()
		if err := tree.SetID("containing-" + tree.ID()); err != nil {
			t.Fatal(err)
		}
		if put := inside(t, tree, byReference, tree.Root(), "encounter"); !put.IsZero() {
			inside(t, tree, byReference, put, "subject")
		}
		if put := inside(t, tree, byReference, tree.Root(), "subject"); put.IsZero() {
			continue
		}
		out = append(out, tree)
	}
	if len(out) == 0 {
		t.Fatal("no resource has anything inside")
	}
	return out
}

// inside puts what an element of from refers to inside of tree, unless it is
// there already, and makes the reference one to that. It is zero when there is
// nothing to put.
func inside(t testing.TB, tree *fhir.Tree, resources map[string]*fhir.Tree, from fhir.Node, element string) fhir.Node {
	t.Helper()
	reference := from.Child(element).Child("reference")
	target := resources[reference.Text()]
	if target == nil {
		return fhir.Node{}
	}
	id := string(target.ID())
	var put fhir.Node
	for n := range tree.Root().All("contained") {
		if n.Child("id").Text() == id {
			put = n
		}
	}
	var err error
	if put.IsZero() {
		put, err = tree.Root().Graft("contained", target.Root())
	}
	if err == nil {
		err = from.Child(element).Child("reference").SetText("#" + id)
	}
	if err != nil {
		t.Fatal(err)
	}
	return put
}
