package records

import (
	"cmp"
	"context"
	"slices"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

// maxCodes bounds the different codes and texts by which groups are told.
const maxCodes = 100_000

// latest returns the n newest matches of q in each group, newest first. Groups
// are those of code, a token parameter of q's one type: resources that share a
// coding are of one group, and so are those that others connect in this way;
// without codings the text decides (R4 Observation-lastn). What is as old as the
// nth comes, too. Resources without a value of when, a date parameter, are the
// oldest.
//
// The matches are read in pages, however many there are, and no more of them
// kept than are returned; ctx bounds the time.
func (s *Session) latest(ctx context.Context, q *search.Query, code, when search.Param, n int) ([]store.Record, error) {
	q.Count, q.Total, q.After = s.door.policy.MaxCount, search.TotalNone, ""
	// With a second key the search starts from the criteria however many
	// resources satisfy them.
	q.Sort = []search.SortKey{{Param: when, Desc: true}, {Param: search.Param{Type: search.System, Code: "_id", Kind: definitions.SearchToken}}}
	g := groups{n: n, of: map[string]*group{}}
	for {
		page, err := s.door.store.Search(ctx, q)
		if err != nil {
			return nil, s.door.fault(err)
		}
		for _, record := range page.Records {
			_, entries, err := s.door.index(ctx, record)
			if err != nil {
				return nil, err
			}
			g.add(record, entries, code.Code, when.Code)
		}
		if g.kept > s.door.policy.MaxCount || g.bytes > s.door.policy.MaxPage {
			return nil, fault.New(fault.Unprocessable, fault.CodeTooCostly, "", "the answer would hold more than %d resources or %s: ask for fewer of each code, or for fewer codes",
				s.door.policy.MaxCount, humanize.IBytes(uint64(s.door.policy.MaxPage)))
		}
		if len(g.of) > maxCodes {
			return nil, fault.New(fault.Unprocessable, fault.CodeTooCostly, "", "what matches has more than %s different codes: narrow the search by code, category or date", humanize.Comma(maxCodes))
		}
		if q.After = page.Next; q.After == "" {
			return g.records(), nil
		}
	}
}

// groups collects the newest members of each group of what is added, newest
// first.
type groups struct {
	n     int
	of    map[string]*group // by coding or text
	added int
	kept  int
	bytes int64
}

type group struct {
	names   []string // codings and texts that lead here
	members []member // newest first
}

type member struct {
	record store.Record
	place  int // in the order added
	dated  bool
	time   int64
}

func (g *groups) add(record store.Record, entries []search.Entry, code, when string) {
	m := member{record: record, place: g.added}
	g.added++
	var codings, texts []string
	for i := range entries {
		switch e := &entries[i]; {
		case e.Param.Code == code && e.Code != "":
			codings = append(codings, "c"+e.System+"\x00"+e.Code)
		case e.Param.Code == code:
			texts = append(texts, "t"+e.Text)
		case e.Param.Code == when && (!m.dated || e.Time.Lo > m.time):
			m.dated, m.time = true, e.Time.Lo
		}
	}
	names := codings
	if len(names) == 0 {
		names = append(texts, "")[:1]
	}
	into := g.join(names)
	g.keep(into, append(into.members, m))
}

// join makes one group of those that names lead to.
func (g *groups) join(names []string) *group {
	into := g.of[names[0]]
	if into == nil {
		into = &group{}
	}
	for _, name := range names {
		other := g.of[name]
		switch other {
		case into:
		case nil:
			g.of[name] = into
			into.names = append(into.names, name)
		default:
			if len(other.names) > len(into.names) {
				into, other = other, into
			}
			for _, moved := range other.names {
				g.of[moved] = into
			}
			into.names = append(into.names, other.names...)
			both := append(into.members, other.members...)
			slices.SortFunc(both, func(a, b member) int { return cmp.Compare(a.place, b.place) })
			g.forget(other.members)
			other.members = nil
			g.keep(into, both)
		}
	}
	return into
}

// keep gives a group the newest of members.
func (g *groups) keep(of *group, members []member) {
	g.forget(of.members)
	end := min(len(members), g.n)
	for end < len(members) && members[end].dated && members[end].time == members[g.n-1].time {
		end++
	}
	of.members = slices.Clip(members[:end])
	for i := range of.members {
		g.kept++
		g.bytes += sizeOf(of.members[i].record.Body)
	}
}

func (g *groups) forget(members []member) {
	for i := range members {
		g.kept--
		g.bytes -= sizeOf(members[i].record.Body)
	}
}

// records are all members, newest first.
func (g *groups) records() []store.Record {
	var all []member
	for name, of := range g.of {
		if len(of.names) > 0 && of.names[0] == name {
			all = append(all, of.members...)
		}
	}
	slices.SortFunc(all, func(a, b member) int { return cmp.Compare(a.place, b.place) })
	records := make([]store.Record, len(all))
	for i := range all {
		records[i] = all[i].record
	}
	return records
}
