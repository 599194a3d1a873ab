package records

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// redacted stands where a reference to something erased stood.
const redacted = "erased"

// rewrite makes a version of a resource of others without what it refers to of the
// patient, and removes the versions before, which say the same. A Provenance that
// tells of nothing else goes whole, and so does a Binary.
func (e *erasure) rewrite(ctx context.Context, r store.Record) error {
	d := e.d
	for range attempts {
		current, err := d.store.Read(ctx, r.Key)
		if errors.Is(err, store.ErrNotFound) || err == nil && current.Deleted {
			return nil
		}
		if err != nil {
			return err
		}
		if current.Key.Type == "Binary" {
			return e.expunge(ctx, []fhir.Key{current.Key})
		}
		tree, empty, err := e.redact(ctx, current)
		if err != nil {
			return err
		}
		switch {
		case tree == nil:
			name(&e.Left, r.Key)
			return nil
		case empty:
			if held, err := e.heldNow(ctx, r.Key); err != nil || held {
				return err
			}
			return e.expunge(ctx, []fhir.Key{r.Key})
		}
		if err := e.announce(ctx, r.Key); err != nil {
			return err
		}
		err = e.replace(ctx, current, tree)
		if errors.Is(err, store.ErrVersion) {
			continue
		}
		if err != nil {
			return err
		}
		e.Rewritten++
		name(&e.Changed, r.Key)
		return e.forget(ctx)
	}
	return store.ErrVersion
}

// redact takes out of a resource what it refers to of the patient; empty says that
// it is a Provenance without a target then. Nil when it refers to nothing such.
func (e *erasure) redact(ctx context.Context, current store.Record) (tree *fhir.Tree, empty bool, err error) {
	if tree, err = e.d.tree(current); err != nil {
		return nil, false, err
	}
	gone := map[fhir.Key]bool{}
	for _, key := range e.d.referredTo(tree) {
		if gone[key], err = e.owns(ctx, key); err != nil {
			return nil, false, err
		}
	}
	var nodes []fhir.Node
	for n := range tree.Root().Pointers() {
		if key, _, ok := e.d.pointed(tree.Definitions(), n); ok && gone[key] {
			nodes = append(nodes, n)
		}
	}
	if nodes == nil {
		return nil, false, nil
	}
	targets := tree.Root().Count("target")
	for _, n := range nodes {
		of := n.Parent()
		if of.Name() == "target" {
			targets--
		}
		if err := obliterate(n); err != nil {
			return nil, false, err
		}
	}
	// A narrative may name the patient.
	tree.Root().RemoveAll("text")
	return tree, current.Key.Type == "Provenance" && targets == 0, nil
}

// obliterate takes a pointer out of a tree, with what else names whatever it points to.
func obliterate(n fhir.Node) error {
	of, says := n.Parent(), ""
	switch {
	case of.Type().Is("Reference"):
		of.RemoveAll("identifier")
		says = "display"
	case of.Type().Is("Attachment"):
		says = "title"
	default: // an extension, an answer, an input
		cut(n)
		return nil
	}
	n.Remove()
	of.RemoveAll(says)
	_, err := of.Set(says, redacted)
	return err
}

// cut removes a node, and what is above it that cannot be without.
func cut(n fhir.Node) {
	of, name, least := n.Parent(), n.Name(), n.Element().Min
	n.Remove()
	switch {
	case of.IsZero() || of.IsResource():
	case of.Count(name) < least, of.FirstChild().IsZero(),
		of.Type().Name == "Extension" && of.Child("value").IsZero() && of.Child("extension").IsZero():
		cut(of)
	}
}

// owns says whether a resource is the patient, or the patient's alone.
func (e *erasure) owns(ctx context.Context, key fhir.Key) (bool, error) {
	if key.Type == patientType {
		return key.ID == e.patient, nil
	}
	r, err := e.d.store.Read(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return e.only(ctx, r)
}

// replace writes a tree as the version after current, unchecked: it was stored so
// before.
func (e *erasure) replace(ctx context.Context, current store.Record, tree *fhir.Tree) error {
	d := e.d
	w := &draft{rel: d.release(current.Release), tree: tree, key: current.Key, checked: true}
	var err error
	if w.entries, err = d.indexed(ctx, current, w.rel, tree); err != nil {
		return err
	}
	write, err := d.write(w, http.MethodPatch, current)
	if err != nil {
		return err
	}
	if err := d.noteUnclear(ctx, []*draft{w}); err != nil {
		return err
	}
	u := &unit{s: d.Session(Principal{ID: eraseJob}, nil), writes: []store.Write{write}}
	_, err = d.commit(ctx, u)
	return err
}

// announce saves that the former versions of a resource are to go.
func (e *erasure) announce(ctx context.Context, key fhir.Key) error {
	if slices.Contains(e.Forget, key) {
		return nil
	}
	e.Forget = append(e.Forget, key)
	return e.work.Save(ctx, e.erasureProgress)
}

// forget removes the versions that are not current of what was announced, but for
// what is held.
func (e *erasure) forget(ctx context.Context) error {
	for len(e.Forget) > 0 {
		held, err := e.heldNow(ctx, e.Forget[0])
		if err != nil {
			return err
		}
		if !held {
			n, err := e.d.store.Expunge(ctx, store.Expunge{Keys: e.Forget[:1], OldVersions: true, KeepTexts: true})
			if err != nil {
				return err
			}
			e.Versions += n
		}
		e.Forget = e.Forget[1:]
	}
	return nil
}

// heldNow says whether a resource of others is held, and names it.
func (e *erasure) heldNow(ctx context.Context, key fhir.Key) (bool, error) {
	any, err := e.d.anyHolds(ctx)
	if err != nil || !any {
		return false, err
	}
	patients, err := e.d.everConcerned(ctx, key)
	if err != nil {
		return false, err
	}
	h, err := e.d.heldBy(ctx, append(patientKeys(patients), key)...)
	if h != nil {
		name(&e.Left, key)
	}
	return h != nil, err
}

// history goes through all versions that were ever written, for those of the
// patient that no index finds: deleted ones, and those of resources that are
// somebody else's now.
func (e *erasure) history(ctx context.Context) error {
	for {
		versions, err := e.d.store.Changes(ctx, e.After, eraseBatch, true)
		if err != nil {
			return err
		}
		for _, v := range versions {
			if !v.Deleted && mentions(v.Body, e.patient) {
				if err := e.version(ctx, v); err != nil {
					return fmt.Errorf("version %d of %s: %w", v.Version, v.Key, err)
				}
			}
			e.After = v.Seq
		}
		if err := e.work.Save(ctx, e.erasureProgress); err != nil {
			return err
		}
		if len(versions) < eraseBatch {
			return nil
		}
	}
}

// version erases what is left of a version that names the patient.
func (e *erasure) version(ctx context.Context, v store.Record) error {
	tree, err := e.d.tree(v)
	if err != nil {
		return err
	}
	refers := false
	for _, key := range e.d.referredTo(tree) {
		refers = refers || key == fhir.Key{Type: patientType, ID: e.patient}
	}
	if v.Key == (fhir.Key{Type: patientType, ID: e.patient}) {
		refers = true
	}
	current, err := e.d.store.Read(ctx, v.Key)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := e.d.store.ReadVersion(ctx, v.Key, v.Version); errors.Is(err, store.ErrNotFound) {
		return nil // gone on the way here
	} else if err != nil {
		return err
	}
	switch {
	case !refers:
		name(&e.Left, v.Key)
		return nil
	case current.Key.Type == "Bundle" && !current.Deleted: // a document of its own
		name(&e.Left, v.Key)
		return nil
	case current.Deleted:
		if held, err := e.heldNow(ctx, v.Key); err != nil || held {
			return err
		}
		if err := e.leaves(v); err != nil {
			return err
		}
		if err := e.expunge(ctx, []fhir.Key{v.Key}); err != nil {
			return err
		}
		return e.orphans(ctx)
	}
	if mine, err := e.only(ctx, current); err != nil {
		return err
	} else if mine { // written meanwhile
		return e.batch(ctx, []store.Record{current})
	}
	if current.Version == v.Version {
		return e.rewrite(ctx, current)
	}
	if err := e.announce(ctx, v.Key); err != nil {
		return err
	}
	return e.forget(ctx)
}
