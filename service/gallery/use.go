package gallery

import (
	"strings"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/smart"
)

// use is what an app did here, as far as the audit log was looked at.
type use struct {
	Events  int       // requests for records that were answered
	Since   time.Time // of the oldest
	Last    time.Time
	Refused int
	types   map[string]smart.Interactions
}

const (
	// maxEvents is how many events of an app are looked at, the newest.
	maxEvents = 1000
	useFor    = 15 * time.Second
)

// did are the interactions of a kind of event.
var did = map[audit.Kind]smart.Interactions{
	audit.Read: smart.Read, audit.VRead: smart.Read, audit.History: smart.Read, audit.Search: smart.Search,
	audit.Create: smart.Create, audit.Update: smart.Update, audit.Patch: smart.Update, audit.Delete: smart.Delete, audit.Operation: smart.Read,
}

// touched are the interactions of what an event did to a resource.
var touched = map[audit.Action]smart.Interactions{audit.Creates: smart.Create, audit.Updates: smart.Update, audit.Deletes: smart.Delete}

// use reads what an app did. What was read a moment ago is good enough.
func (g *Gallery) use(v *pages.Visit, client string) (use, error) {
	key := v.Tenant + "\n" + client
	if k, ok := g.used.Get(key); ok && v.Now.Before(k.until) {
		return k.use, nil
	}
	u := use{types: map[string]smart.Interactions{}}
	log := v.Door.Audit()
	if log == nil {
		return u, nil
	}
	q := audit.Query{Agent: client, Newest: true, Limit: maxEvents, Match: func(e *audit.Event) bool { return e.Agent.Client == client }}
	for looked := 0; looked < maxEvents; {
		found, err := log.Find(v.R.Context(), q)
		if err != nil {
			return u, err
		}
		for _, e := range found.Events {
			u.add(e)
		}
		if looked += max(len(found.Events), 1); found.Next < 0 {
			break
		}
		q.Before = found.Next
	}
	if u.Events > 0 { // who has just used it for the first time wants to see it
		g.used.Put(key, kept{u, v.Now.Add(useFor)})
	}
	return u, nil
}

// add counts an event.
func (u *use) add(e *audit.Event) {
	interactions, known := did[e.Kind]
	if !known && e.Kind != audit.Batch {
		return
	}
	if e.Refused || e.Status >= 400 {
		u.Refused++
		return
	}
	u.Events++
	if u.Last.IsZero() {
		u.Last = e.Time
	}
	u.Since = e.Time
	name, _, _ := strings.Cut(strings.TrimPrefix(e.Target, "app-state/"), "/")
	name, _, _ = strings.Cut(name, "?")
	if isType(name) {
		u.types[name] |= interactions
	}
	all := e.Entities
	for _, p := range e.Patients {
		all = append(all[:len(all):len(all)], p.Entities...)
	}
	for _, entity := range all {
		t, _, _ := strings.Cut(entity.Key, "/")
		changed, isChange := touched[entity.Action]
		switch {
		case isChange:
			u.types[t] |= changed
		case t != name: // it came with what was asked for
			u.types[t] |= smart.Search
		}
	}
}

func isType(name string) bool { return name != "" && name[0] >= 'A' && name[0] <= 'Z' }

// of are the interactions with a type; for Any of all types.
func (u use) of(resourceType string) smart.Interactions {
	if resourceType != smart.Any {
		return u.types[resourceType]
	}
	var all smart.Interactions
	for _, i := range u.types {
		all |= i
	}
	return all
}
