package records

import (
	"cmp"
	"context"
	"slices"

	"github.com/inglehealth/ingle/engine/mask"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/engine/subscribe"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// Types of resources that are topics: R4B's own, and in R4 a Basic of code
// SubscriptionTopic.
const (
	topicType fhir.Type = "SubscriptionTopic"
	basicType fhir.Type = "Basic"
)

// maxTopics bounds the stored topics that are in force, oldest first.
const maxTopics = 500

// packagedTopics are those of the packages that are loaded. What cannot be read or
// matched is left out, and the log says why.
func (d *Door) packagedTopics(ctx context.Context) (all []subscribe.Topic) {
	for _, defs := range d.Releases() {
		for _, resource := range defs.Topics() {
			t, ok, err := subscribe.Read(resource)
			if err == nil && ok {
				_, err = t.Compile(nil, d.catalogs())
			}
			if err != nil {
				d.log.WarnContext(ctx, "a topic of a package is not offered", "topic", t.URL, "error", err)
				continue
			}
			if ok && !slices.ContainsFunc(all, func(o subscribe.Topic) bool { return o.Canonical() == t.Canonical() }) {
				all = append(all, t)
			}
		}
	}
	return all
}

// Topics are those that subscriptions may name: the built-in ones, those of packages,
// then those that are stored, the oldest first.
func (d *Door) Topics(ctx context.Context) ([]subscribe.Topic, error) {
	all := slices.Concat(subscribe.BuiltIn(), d.topics)
	for _, q := range d.topicQueries() {
		page, err := d.store.Search(ctx, q)
		if err != nil {
			return nil, d.fault(err)
		}
		for _, r := range page.Records {
			// What cannot be read was stored before it had to be.
			if t, ok, err := subscribe.Read(r.Body); ok && err == nil && !slices.ContainsFunc(all, func(o subscribe.Topic) bool { return o.Canonical() == t.Canonical() }) {
				all = append(all, t)
			}
		}
	}
	return all, nil
}

func (d *Door) topicQueries() (queries []*search.Query) {
	if p, ok := d.releaseOf("", basicType).catalog.Param(string(basicType), "code"); ok {
		queries = append(queries, &search.Query{
			Types: []string{string(basicType)}, Filter: search.Token{Param: p, AnySystem: true, Code: string(topicType)}, Count: maxTopics,
		})
	}
	if slices.ContainsFunc(d.Releases(), func(defs *definitions.Definitions) bool { return defs.IsResource(string(topicType)) }) {
		queries = append(queries, &search.Query{Types: []string{string(topicType)}, Count: maxTopics})
	}
	return queries
}

// defineTopic refuses a draft of a topic that is in force and could not be matched, or
// that is not for its writer to make: a topic is for all.
func (s *Session) defineTopic(w *draft) error {
	if w.key.Type != topicType && w.key.Type != basicType {
		return nil
	}
	t, ok, err := subscribe.Read(w.tree.Root().AppendJSON(nil))
	if err != nil {
		return err
	}
	if !ok {
		return nil
	}
	if s.limited(string(w.key.Type)) {
		return fault.New(fault.Forbidden, fault.CodeForbidden, "", "a topic is for all subscribers: only who may see every %s makes one", w.key.Type)
	}
	_, err = t.Compile(nil, s.door.catalogs())
	return err
}

// mayHear refuses criteria about what a session may not read, or not know.
func (s *Session) mayHear(c *subscribe.Criteria) error {
	types := c.Types()
	if len(types) == 0 {
		return s.may("", smart.Read)
	}
	for _, t := range types {
		if err := s.may(fhir.Type(t), smart.Read); err != nil {
			return err
		}
	}
	for _, t := range c.Evaluated() {
		if mask.Referring(s.masks) || slices.ContainsFunc(s.masks, func(p mask.Path) bool { return t == "" || p.Type() == t }) {
			return fault.New(fault.Forbidden, fault.CodeForbidden, "", "you cannot be told of events that an expression finds among resources of type %s: your role does not show all of them", cmp.Or(t, "*"))
		}
	}
	return s.asksMasked(c.Params())
}

// controls says whether a version changes who is to be told of what.
func controls(r store.Record) bool {
	switch r.Key.Type {
	case subscriptionType, topicType, basicType, searchParameter:
		return true
	}
	return false
}
