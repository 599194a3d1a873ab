package sqldb

import (
	"slices"

	"github.com/inglehealth/ingle/store"
)

// owner is what a statement says of whom a resource belongs to: the policy that they have,
// 0 for none, and which transaction wrote what governs them, 0 if nothing has begun to.
type owner struct{ rid, policy, state int64 }

// ownerText selects, as owner, the text of the owner with a number, given the row g of what
// governs them, if there is one.
func ownerText(rid string, at any) fragment {
	return sql("SELECT concat_ws(':', "+rid+", CASE WHEN g.until > ? THEN g.policy ELSE 0 END, coalesce(g.state::text, '0')) AS owner", at)
}

// ownersOf reads texts of owners, joined by commas.
func ownersOf(text string) (all []owner, err error) {
	rows, err := triples(text)
	for _, o := range rows {
		all = append(all, owner{o[0], o[1], o[2]})
	}
	return all, err
}

// policiesOf are the policies of owners, each once, in rising order.
func policiesOf(owners []owner) (all []int64) {
	for _, o := range owners {
		if o.policy != 0 {
			all = append(all, o.policy)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// maxMarks bounds the marks of a page.
const maxMarks = 8

func marksOf(owners []owner) (all []store.PolicyMark) {
	for _, o := range owners[:min(len(owners), maxMarks)] {
		all = append(all, store.PolicyMark{Patient: store.Position(o.rid), State: o.state})
	}
	return all
}
