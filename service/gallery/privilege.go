package gallery

import (
	"strings"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/smart"
)

// asked is something that an app asks for, with what it made of that here.
type asked struct {
	Scope, Words string
	Used         string // what was really done, in words; "" for nothing
	Partly       bool   // some of it was never done
}

// doing says an interaction in a word.
var doing = map[smart.Interactions]string{
	smart.Create: "creates", smart.Read: "reads", smart.Update: "updates", smart.Delete: "deletes", smart.Search: "searches",
}

// compare holds what an app asks for of records against what it did. What it asks for
// beside them, such as to know who signs in, is not counted.
func compare(c *identity.Client, u use) (ofRecords, beside []asked) {
	for _, text := range c.Scopes {
		a := asked{Scope: text, Words: pages.ScopeText(text, false)}
		s, err := smart.ParseScope(text)
		if err != nil {
			beside = append(beside, a)
			continue
		}
		made := u.of(s.Type) & s.Interactions
		var words []string
		for i := range made.Each() {
			words = append(words, doing[i])
		}
		a.Used, a.Partly = strings.Join(words, ", "), !covers(made, s.Interactions)
		ofRecords = append(ofRecords, a)
	}
	return ofRecords, beside
}

// privilege says in short whether an app asks for more than it uses. Reading and
// searching count as one: whoever finds a resource has read it.
func privilege(c *identity.Client, u use) pages.Tag {
	total, unused, broad := 0, 0, false
	for _, s := range c.Scopes.Resources() {
		total++
		broad = broad || s.Type == smart.Any
		if !covers(u.of(s.Type), s.Interactions) {
			unused++
		}
	}
	switch {
	case total == 0:
		return pages.Tag{Kind: "good", Text: "Asks for no records"}
	case broad:
		return pages.Tag{Kind: "warn", Text: "Asks for all kinds of records"}
	case u.Events == 0:
		return pages.Tag{Text: "Not used here yet"}
	case unused == 0:
		return pages.Tag{Kind: "good", Text: "Uses all that it asks for"}
	}
	return pages.Tag{Kind: "warn", Text: pages.Count(int64(unused), "permission") + " of " + pages.Number(int64(total)) + " not used"}
}

// covers says whether all that is allowed was done.
func covers(made, allowed smart.Interactions) bool {
	const looking = smart.Read | smart.Search
	if allowed&looking != 0 && made&looking == 0 {
		return false
	}
	changing := allowed &^ looking
	return made&changing == changing
}
