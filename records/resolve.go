package records

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// resolve finds what the conditional references of all entries mean: the one
// resource that matches, be it in the store or in the transaction itself
// (R4 §3.1.0.11.2.1).
func (p *plan) resolve(ctx context.Context) error {
	asked := p.asked(ctx)
	if len(asked) == 0 {
		return nil
	}
	answers := make([]fhir.Key, len(asked))
	errs := make([]error, len(asked))
	own := ownEntries{p: p, byType: map[fhir.Type][]*search.Document{}}
	if err := parallel(ctx, len(asked), func(i int) {
		answers[i], errs[i] = p.match(ctx, asked[i].literal, &own)
	}); err != nil {
		return err
	}
	p.references = make(map[string]fhir.Key, len(asked))
	var failed failures
	for i, a := range asked {
		if errs[i] != nil {
			failed.add(inside(p.t.s.door.fault(errs[i]), a.node.Path(), a.node.Path()))
			continue
		}
		p.references[a.literal] = answers[i]
	}
	return failed.err()
}

// question is a conditional reference and where it stands first.
type question struct {
	literal string
	node    fhir.Node
}

// asked are the distinct conditional references of all writing entries.
func (p *plan) asked(ctx context.Context) []question {
	found := make([][]question, len(p.steps))
	_ = parallel(ctx, len(p.steps), func(i int) {
		st := p.steps[i]
		if !st.entry.writes() || st.resource.IsZero() || st.method == "PATCH" {
			return
		}
		for n := range st.resource.References() {
			literal := n.Text()
			if !strings.Contains(literal, "?") {
				continue
			}
			if _, _, ok := splitCondition(p.t.rel.defs, p.t.s.door.below(literal)); ok {
				found[i] = append(found[i], question{literal, n})
			}
		}
	})
	var all []question
	seen := map[string]bool{}
	for _, qs := range found {
		for _, q := range qs {
			if !seen[q.literal] {
				seen[q.literal] = true
				all = append(all, q)
			}
		}
	}
	return all
}

// below makes a URL below the server's base relative.
func (d *Door) below(literal string) string {
	if d.base == "" {
		return literal
	}
	return strings.TrimPrefix(literal, d.base+"/")
}

// match finds the one resource that a conditional reference means.
func (p *plan) match(ctx context.Context, literal string, own *ownEntries) (fhir.Key, error) {
	s := p.t.s
	typ, criteria, _ := splitCondition(p.t.rel.defs, s.door.below(literal))
	cond, err := s.criteria(ctx, typ, criteria)
	if err != nil {
		return fhir.Key{}, err
	}
	return s.settled(ctx, p.t.o.Bulk, func() (fhir.Key, error) { return cond.reference(ctx, s.door.store, literal, p, own) })
}

// criteria is the condition of a conditional reference.
func (s *Session) criteria(ctx context.Context, typ fhir.Type, text string) (*condition, error) {
	pairs, err := ParseCriteria(text)
	if err != nil {
		return nil, err
	}
	return s.condition(ctx, typ, pairs)
}

// settled asks again when a condition finds nothing during a bulk load: what
// was imported before is only read after a Flush.
func (s *Session) settled(ctx context.Context, bulk bool, find func() (fhir.Key, error)) (fhir.Key, error) {
	key, err := find()
	if !bulk || fault.KindOf(err) != fault.PreconditionFailed {
		return key, err
	}
	if err := s.door.store.Flush(ctx); err != nil {
		return key, err
	}
	return find()
}

// reference finds the only match of a conditional reference. What the plan p
// (nil for none) writes counts as it will be.
func (c *condition) reference(ctx context.Context, r store.Reader, literal string, p *plan, own *ownEntries) (fhir.Key, error) {
	const enough = 20
	found, err := c.all(ctx, r, enough)
	if err != nil {
		return fhir.Key{}, err
	}
	keys := make([]fhir.Key, 0, len(found))
	for _, f := range found {
		if p == nil || p.byKey[f.Key] == nil || p.byKey[f.Key].matched {
			keys = append(keys, f.Key)
		}
	}
	if p != nil {
		docs, err := own.of(ctx, c.typ)
		if err != nil {
			return fhir.Key{}, err
		}
		for _, doc := range docs {
			ok, err := search.Match(ctx, c.query.Filter, doc, matchSource{door: c.s.door})
			if err := unlessUndecided(err); err != nil {
				return fhir.Key{}, err
			}
			if ok {
				keys = append(keys, doc.Key)
			}
		}
	}
	switch len(keys) {
	case 1:
		return keys[0], nil
	case 0:
		return fhir.Key{}, fault.New(fault.PreconditionFailed, fault.CodeNotFound, "", "no %s matches the conditional reference %q: create it first, or in the same transaction", c.typ, literal)
	}
	return fhir.Key{}, fault.New(fault.PreconditionFailed, fault.CodeMultiple, "", "several %s resources match the conditional reference %q, %s and %s among them", c.typ, literal, keys[0], keys[1])
}

// ownEntries are the index entries of what a plan creates, by type, computed
// when a conditional reference first asks for the type.
type ownEntries struct {
	p      *plan
	mu     sync.Mutex
	byType map[fhir.Type][]*search.Document
}

func (o *ownEntries) of(ctx context.Context, t fhir.Type) ([]*search.Document, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if docs, ok := o.byType[t]; ok {
		return docs, nil
	}
	docs := []*search.Document{}
	for _, st := range o.p.steps {
		if !st.entry.writes() || st.key.Type != t || st.matched || st.twin != nil || st.method == "DELETE" || st.method == "PATCH" {
			continue
		}
		tree := st.resource.CopyTree()
		if err := tree.SetID(st.key.ID); err != nil {
			return nil, err
		}
		entries, err := o.p.t.s.door.extract(ctx, o.p.t.rel, tree)
		if err != nil {
			return nil, err
		}
		docs = append(docs, &search.Document{Key: st.key, Updated: o.p.t.s.door.now(), Entries: entries})
	}
	o.byType[t] = docs
	return docs, nil
}

// link replaces the conditional references and the fullUrls of other entries
// in a resource by what they mean; what already says it stays as written.
func (p *plan) link(st *step, tree *fhir.Tree) error {
	root := tree.Root()
	if st.key.Type == "Bundle" {
		return nil
	}
	base := fullBase(p.t.rel, st.entry)
	var issues []fault.Issue
	for n := range root.References() {
		literal := n.Text()
		if strings.HasPrefix(literal, "#") {
			continue
		}
		if key, ok := p.references[literal]; ok {
			if err := n.SetText(key.String()); err != nil {
				return err
			}
			continue
		}
		target := p.named(literal)
		if target == nil && base != "" {
			target = p.named(base + literal)
		}
		if target != nil {
			if text, ok := p.literal(target, literal); ok {
				if err := n.SetText(text); err != nil {
					return err
				}
			}
			continue
		}
		if p.t.s.door.policy.AllowDangling {
			continue
		}
		if strings.HasPrefix(literal, "urn:uuid:") || strings.HasPrefix(literal, "urn:oid:") {
			issues = append(issues, issueAt(n, fault.CodeNotFound, "%s is the fullUrl of no entry that creates or updates a resource in this transaction", literal))
		}
	}
	if issues != nil {
		return fault.Of(fault.Unprocessable, issues)
	}
	if len(p.t.names) == 0 {
		return nil
	}
	// The url of a Questionnaire, ValueSet and the like is its name, by which
	// canonicals mean it: those are not replaced, and so neither is the name.
	name := root.Child("url").Text()
	return root.RewriteLinks(func(link string) (string, bool) {
		target := p.named(link)
		if target == nil || target == st && link == name {
			return "", false
		}
		return p.literal(target, link)
	})
}

// named returns the step of the entry whose fullUrl a link is, perhaps with a
// version or a fragment.
func (p *plan) named(link string) *step {
	if e := p.t.names[link]; e != nil {
		return p.of[e]
	}
	if i := strings.IndexByte(link, '#'); i > 0 {
		link = link[:i]
	}
	link, _, _ = strings.Cut(link, "/_history/")
	if e := p.t.names[link]; e != nil {
		return p.of[e]
	}
	return nil
}

// literal is how a link to a step's resource is stored; false when it says so
// already.
func (p *plan) literal(target *step, link string) (string, bool) {
	if key, _, ok := p.t.s.door.local(p.t.rel.defs, link); ok && key == target.key {
		return "", false
	}
	text := target.key.String()
	link, fragment, _ := strings.Cut(link, "#")
	if strings.Contains(link, "/_history/") {
		version := target.current.Version
		if !target.matched {
			version++
		}
		text = fmt.Sprintf("%s/_history/%d", text, version)
	}
	if fragment != "" {
		text += "#" + fragment
	}
	return text, true
}
