package records

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/inglehealth/ingle/engine/label"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// storedLimits let everything be read again that was once accepted.
var storedLimits = fhir.Limits{MaxBytes: 1<<31 - 1, MaxNodes: 1<<31 - 1}

// draft is a resource on its way into the store. All of its work happens
// outside the write transaction.
type draft struct {
	rel     *release
	tree    *fhir.Tree
	key     fhir.Key
	content blob   // of a Binary, kept outside the row
	source  string // meta.source that policy fills in, or ""
	entries []search.Entry
	needs   []need
	awaited []awaited         // references to versions that are not here yet
	hidden  map[fhir.Key]bool // what it refers to and the session does not see
	beyond  error             // of one with hidden: why the session may not write it
	without error             // the same, were what is hidden not there
	json    []byte            // as last composed
	checked bool
	// A search parameter to be in force: its definition, and those that were
	// stored when that was found to be right.
	defines    bool
	definition definitions.SearchParameter
	beside     []storedParameter
	raw        bool // content came raw: the client gets no JSON back
	labeler    *label.Labeler
	unclear    []fault.Issue // of a Consent, as it is to be written: what cannot be computed
	restated   bool          // a Subscription whose status the server itself changes
}

// need is a resource of this server that the draft refers to.
type need struct {
	key  fhir.Key
	node fhir.Node
}

// draft reads content as a resource of type t ("" for any).
func (s *Session) draft(ctx context.Context, t fhir.Type, c Content, r Request) (*draft, error) {
	rel, tree, err := s.door.parse(c)
	if err != nil {
		return nil, err
	}
	w := &draft{rel: rel, tree: tree, key: tree.Key()}
	if t != "" && w.key.Type != t {
		return nil, fault.New(fault.Invalid, fault.CodeInvalid, string(w.key.Type),
			"the resource is of type %s, but the URL says %s: send it to %[1]s", w.key.Type, t)
	}
	w.source = s.door.source(tree, r)
	if w.key.Type == "Binary" {
		if err := s.detach(ctx, w); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (d *Door) parse(c Content) (*release, *fhir.Tree, error) {
	rel := d.release(c.Release)
	if rel == nil {
		return nil, nil, fault.New(fault.UnsupportedMedia, fault.CodeNotSupported, "", "FHIR release %s is not loaded here", c.Release)
	}
	if c.Tree != nil {
		return rel, c.Tree, nil
	}
	limits := fhir.Limits{MaxBytes: int(d.policy.MaxBytes), MaxNodes: 1<<31 - 1}
	var tree *fhir.Tree
	var err error
	switch {
	case c.XML != nil:
		tree, err = fhir.ParseXML(rel.defs, c.XML, limits)
	default:
		tree, err = fhir.ParseJSON(rel.defs, c.JSON, limits)
	}
	return rel, tree, err
}

// source says what meta.source policy adds, "" to leave it alone.
func (d *Door) source(t *fhir.Tree, r Request) string {
	switch {
	case d.policy.MetaSource == SourceKeep, r.ID == "" && r.Source == "":
		return ""
	case d.policy.MetaSource == SourceFill && t.Source() != "":
		return ""
	case r.ID == "":
		return r.Source
	}
	return r.Source + "#" + r.ID
}

// renew says of a draft that was prepared by search parameters or labels that are
// no longer in force, or that defines a parameter itself, that it is to be checked
// again.
func (d *Door) renew(w *draft) {
	if !d.current(w) || w.defines {
		w.rel, w.checked = d.release(w.rel.defs.Release), false
	}
}

// current says whether a draft was prepared by what is in force.
func (d *Door) current(w *draft) bool {
	return d.release(w.rel.defs.Release) == w.rel && (w.labeler == nil || w.labeler == d.labels.current())
}

// check validates the draft under its final id, computes its index entries and
// collects what it refers to. i is what makes the new version. Whether a draft that
// refers to what is hidden is within what the session may write only refers says.
func (s *Session) check(ctx context.Context, w *draft, i smart.Interactions) error {
	if err := refuseLog(w.key); err != nil {
		return err
	}
	if err := w.tree.SetID(w.key.ID); err != nil {
		return err
	}
	if w.source != "" {
		if err := w.tree.SetSource(w.source); err != nil {
			return err
		}
	}
	if err := s.door.label(ctx, w); err != nil {
		return err
	}
	if err := s.subscribe(ctx, w); err != nil {
		return err
	}
	if s.door.policy.Validation == ValidateFull {
		if issues := w.rel.rules.Check(ctx, w.tree); len(issues) > 0 {
			return fault.Of(fault.Unprocessable, issues)
		}
	}
	if err := s.door.indexes.admit(ctx, w); err != nil {
		return s.door.fault(err)
	}
	if err := s.checkGroup(ctx, w); err != nil {
		return err
	}
	if err := s.hide(ctx, w); err != nil {
		return err
	}
	if err := s.door.collect(ctx, w); err != nil {
		return err
	}
	entries, err := s.door.extract(ctx, w.rel, w.tree)
	if err != nil {
		return s.door.fault(err)
	}
	if w.key.Type == subscriptionType {
		entries = slices.Concat(entries, s.principal.Standing.subscriptionEntries())
	}
	w.entries, w.checked = entries, true
	if w.hidden == nil {
		return s.mayWrite(ctx, w, i, nil)
	}
	w.beyond, w.without = s.mayWrite(ctx, w, i, nil), s.mayWrite(ctx, w, i, w.hidden)
	return nil
}

// collect fills in w.needs, and refuses references that can never be met. A
// reference to a version that exists needs nothing: it stays readable whatever
// becomes of its resource.
func (d *Door) collect(ctx context.Context, w *draft) error {
	if d.policy.AllowDangling {
		return nil
	}
	w.needs, w.awaited = w.needs[:0], nil
	versioned := false
	var issues []fault.Issue
	if w.key.Type == "Bundle" {
		// What a stored Bundle holds refers within the Bundle first.
		return nil
	}
	for n := range w.tree.Root().References() {
		literal := n.Text()
		if key, version, ok := d.local(w.rel.defs, literal); ok {
			if key != w.key {
				w.needs = append(w.needs, need{key, n})
				versioned = versioned || version != ""
			}
			continue
		}
		if external(literal) {
			continue
		}
		why := "is not a reference: write Type/id with a resource type of FHIR, or an absolute URL"
		if _, _, ok := splitCondition(w.rel.defs, literal); ok {
			why = "is a conditional reference, which only a transaction resolves"
		}
		issues = append(issues, issueAt(n, fault.CodeValue, "%q "+why, literal))
	}
	if len(issues) > 0 {
		return fault.Of(fault.Unprocessable, issues)
	}
	if versioned {
		return d.versions(ctx, w)
	}
	return nil
}

// compose writes id and meta and renders the draft as it is stored and read.
func (d *Door) compose(w *draft, version int64, updated time.Time) error {
	if err := w.tree.Stamp(w.key.ID, version, updated.UTC()); err != nil {
		return err
	}
	buffer := d.buffer()
	defer d.buffers.Put(buffer)
	*buffer = w.tree.Root().AppendJSON((*buffer)[:0])
	w.json = append(w.json[:0], *buffer...)
	if w.content.name != "" {
		w.json = w.content.mark(w.json)
	}
	return nil
}

// buffer is one of d.buffers.
func (d *Door) buffer() *[]byte {
	if b, ok := d.buffers.Get().(*[]byte); ok {
		return b
	}
	return new([]byte)
}

// shed lets go of what took part in making the write of the draft, which is
// much when there are thousands. The nodes of its needs are gone, too.
func (w *draft) shed() {
	if len(w.awaited) > 0 {
		return // they are still to be looked at
	}
	w.tree, w.entries = nil, nil
	for i := range w.needs {
		w.needs[i].node = fhir.Node{}
	}
}

// write composes the draft as the version after current.
func (d *Door) write(w *draft, method string, current store.Record) (store.Write, error) {
	if method == http.MethodPut && w.subsetted() && current.Version > 0 && !current.Deleted && !bytes.Contains(current.Body, []byte(subsetted)) {
		return store.Write{}, fault.New(fault.Unprocessable, fault.CodeBusinessRule, string(w.key.Type)+".meta.tag",
			"the tag %s says that this is a part of %s, which would replace the whole: read it without _summary and _elements, change that, and send it", subsetted, w.key)
	}
	w.unclear = d.problemsOf(w)
	updated := d.now()
	if updated.Before(current.Updated) {
		// Another process's clock was ahead; versions never go back in time.
		updated = current.Updated
	}
	if err := d.compose(w, current.Version+1, updated); err != nil {
		return store.Write{}, err
	}
	return store.Write{
		Key: w.key, Expect: current.Version, Updated: updated, Method: method,
		Release: w.rel.defs.Release, Body: d.store.Pack(w.json, w.entries),
	}, nil
}

// subsetted is the code of the tag that marks what _summary and _elements cut
// (R4 §3.1.1.5.8).
const subsetted = "SUBSETTED"

func (w *draft) subsetted() bool {
	for tag := range w.tree.Root().Child("meta").All("tag") {
		if tag.Child("code").Text() == subsetted {
			return true
		}
	}
	return false
}

// unchanged says whether the draft is what is stored already.
func (d *Door) unchanged(w *draft, current store.Record) (same bool, err error) {
	if d.policy.KeepUnchanged || current.Version == 0 || current.Deleted || current.Release != w.rel.defs.Release {
		return false, nil
	}
	if w.source != "" {
		// The request's id differs each time; it is not a change by itself.
		stored, err := d.tree(current)
		if err != nil {
			return false, err
		}
		if was := stored.Source(); was != "" {
			if err := w.tree.SetSource(was); err != nil {
				return false, err
			}
			// The tree goes on to be written with the new one when it differs.
			defer func() { err = errors.Join(err, w.tree.SetSource(w.source)) }()
		}
	}
	if err := d.compose(w, current.Version, current.Updated); err != nil {
		return false, err
	}
	return bytes.Equal(w.json, current.Body), nil
}
