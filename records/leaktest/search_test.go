package leaktest_test

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/leaktest"
)

// searched are the types that are searched most.
var searched = []string{"Observation", "Observation", "Patient", "Encounter", "Condition", "MedicationRequest", "Medication", "DiagnosticReport", "Provenance", "List",
	"Specimen", "Appointment", "Group", "Binary", "Practitioner", "Organization", "Procedure", "Claim", "Consent", "DocumentReference", "Device", "CareTeam"}

// own is a condition on a resource of a type; nil when there is none to be had.
func (r *rig) own(typeName string, of func(*leaktest.Param) bool) *leaktest.Own {
	var some []leaktest.Param
	for _, p := range r.params[typeName] {
		if of == nil || of(&p) {
			some = append(some, p)
		}
	}
	if some == nil {
		return nil
	}
	o := &leaktest.Own{Param: pick(r, some)}
	values := o.Param.Values(r.world, 300)
	if len(values) == 0 {
		return nil
	}
	o.Values = []string{pick(r, values)}
	if o.Param.Kind == "date" {
		o.Values[0] = pick(r, []string{"gt", "lt"}) + o.Values[0]
		return o
	}
	if r.chance(20) {
		o.Values = append(o.Values, pick(r, values))
	}
	switch {
	case o.Param.Code == "_id":
	case o.Param.Kind == "token" && r.chance(20):
		o.Modifier = "not"
	case r.chance(15):
		o.Modifier, o.Values = "missing", []string{pick(r, []string{"true", "false"})}
	}
	return o
}

func isReference(p *leaktest.Param) bool { return p.Kind == "reference" }

// criterion is a condition of any kind; nil when there is none to be had.
func (r *rig) criterion(typeName string, depth int) leaktest.Criterion {
	switch n := r.random.IntN(10); {
	case depth < 2 && n < 3:
		o := r.own(typeName, isReference)
		if o == nil {
			return nil
		}
		values := o.Param.Values(r.world, 300)
		if len(values) == 0 {
			return nil
		}
		target, _, _ := strings.Cut(pick(r, values), "/")
		if of := r.criterion(target, depth+1); of != nil {
			return &leaktest.Chain{Param: o.Param, Type: target, Of: of}
		}
		return nil
	case depth < 2 && n < 6:
		source := pick(r, searched)
		o := r.own(source, isReference)
		if o == nil || !r.leadsTo(&o.Param, typeName) {
			return nil
		}
		if of := r.criterion(source, depth+1); of != nil {
			return &leaktest.Has{Param: o.Param, Of: of}
		}
		return nil
	case depth == 0 && n == 6:
		return &leaktest.Listed{ID: pick(r, []string{"p", "q", "never"})}
	}
	if o := r.own(typeName, nil); o != nil {
		return o
	}
	return nil
}

// question is a search.
type question struct {
	typeName string
	criteria []leaktest.Criterion
	includes []leaktest.Include
	sort     string
	count    int
	total    bool
}

func (q *question) query() string {
	var parts []string
	for _, c := range q.criteria {
		name, value := c.Pair()
		parts = append(parts, name+"="+url.QueryEscape(value))
	}
	for _, i := range q.includes {
		name := "_include"
		if i.Reverse {
			name = "_revinclude"
		}
		if i.Iterate {
			name += ":iterate"
		}
		value := i.Param.Type + ":" + i.Param.Code
		if i.Param.Target != "" && !i.Reverse {
			value += ":" + i.Param.Target
		}
		parts = append(parts, name+"="+value)
	}
	if q.sort != "" {
		parts = append(parts, "_sort="+q.sort)
	}
	if q.count > 0 {
		parts = append(parts, fmt.Sprintf("_count=%d", q.count))
	}
	if q.total {
		parts = append(parts, "_total=accurate")
	}
	return strings.Join(parts, "&")
}

func (r *rig) question() *question {
	q := &question{typeName: r.fruitful(), count: pick(r, []int{1000, 1000, 3, 20}), total: r.chance(40)}
	for range r.random.IntN(3) {
		if c := r.criterion(q.typeName, 0); c != nil {
			q.criteria = append(q.criteria, c)
		}
	}
	if sorts := sorts[q.typeName]; r.chance(40) {
		q.sort = pick(r, append([]string{"_id", "-_id", "_lastUpdated"}, sorts...))
	}
	for r.chance(35) {
		if i, ok := r.inclusion(q.typeName, r.chance(50), false); ok {
			q.includes = append(q.includes, i)
			if i2, ok := r.inclusion(pick(r, searched), r.chance(50), true); ok && r.chance(40) {
				q.includes = append(q.includes, i2)
			}
		}
	}
	return q
}

var sorts = map[string][]string{
	"Observation": {"date", "-date", "status", "code", "-code"}, "Patient": {"family", "-family", "birthdate", "gender"},
	"Encounter": {"date", "-date", "status"}, "Condition": {"onset-date", "code"}, "MedicationRequest": {"status"}, "Procedure": {"code"}, "Practitioner": {"family"},
}

// inclusion is an _include or _revinclude from a type, or with iterate any.
func (r *rig) inclusion(typeName string, reverse, iterate bool) (leaktest.Include, bool) {
	source := typeName
	if reverse {
		source = pick(r, searched)
	}
	var some []leaktest.Param
	for _, p := range r.params[source] {
		if isReference(&p) {
			some = append(some, p)
		}
	}
	if some == nil {
		return leaktest.Include{}, false
	}
	if reverse && !iterate { // mostly one that leads there
		leading := slices.DeleteFunc(slices.Clone(some), func(p leaktest.Param) bool { return !r.leadsTo(&p, typeName) })
		if len(leading) > 0 {
			some = leading
		} else if r.chance(90) {
			return r.inclusion(typeName, reverse, iterate)
		}
	}
	return leaktest.Include{Param: pick(r, some), Reverse: reverse, Iterate: iterate}, true
}

// leadsTo says whether a parameter refers to resources of a type.
func (r *rig) leadsTo(p *leaktest.Param, typeName string) bool {
	return slices.ContainsFunc(p.Values(r.world, 300), func(to string) bool { return strings.HasPrefix(to, typeName+"/") })
}

// fruitful is a type of which, mostly, the asker sees something.
func (r *rig) fruitful() string {
	for range 5 {
		if t := pick(r, searched); len(r.sight.Found(t, nil)) > 0 {
			return t
		}
	}
	return pick(r, searched)
}

func askSearch(r *rig) { r.search(r.question(), r.chance(30)) }

// askIncludes asks for all of a type with what they include.
func askIncludes(r *rig) {
	q := &question{typeName: r.fruitful(), count: pick(r, []int{1000, 20})}
	for range 6 {
		if i, ok := r.inclusion(q.typeName, r.chance(40), false); ok {
			q.includes = append(q.includes, i)
		}
	}
	r.search(q, false)
}

// search walks through all pages of a search. With meanwhile, what there is and who
// asks changes between pages.
func (r *rig) search(q *question, meanwhile bool) {
	r.Helper()
	req := records.SearchRequest{Type: keyOf(q.typeName + "/").Type, Pairs: r.pairsOf(q.query())}
	r.asked("search %s?%s", q.typeName, q.query())
	if meanwhile {
		q.count = 3
		req.Pairs = r.pairsOf(q.query())
	}
	want := r.sight.Found(q.typeName, q.criteria)
	always, ever := maps.Clone(want), maps.Clone(want)
	rank := r.rank(q.typeName, q.sort)
	var all []string
	steady := true
	for pages := 0; pages < 60; pages++ {
		page, err := r.session.Search(r.Context(), req)
		if r.refused(err, !r.sight.May(q.typeName, "s")) || r.veiled(err, r.sight.Refuses(q.asked(r)...)) {
			return
		}
		if err != nil {
			r.wrong("%v", err)
			return
		}
		r.resources(page)
		matches, includes := split(page)
		for _, one := range matches {
			if !want[one] {
				r.wrong("page %d has %s", pages, one)
			}
		}
		r.same("includes", includes, r.sight.Included(matches, q.includes))
		if page.Total >= 0 && page.Total != int64(len(want)) || page.Total < 0 && q.total {
			r.wrong("the total is %d of %d", page.Total, len(want))
		}
		for _, issue := range page.Issues {
			r.discreet(issue.Message, q.query())
		}
		all = append(all, matches...)
		if req.After = page.Next; req.After == "" {
			break
		}
		if meanwhile && r.chance(40) {
			steady = false
			if r.asks.Roles != nil && r.chance(30) {
				r.asks.Roles = r.roles()
				r.look()
			} else {
				r.change()
			}
			r.asked("(it changed after page %d)", pages)
			want = r.sight.Found(q.typeName, q.criteria)
			maps.DeleteFunc(always, func(one string, _ bool) bool { return !want[one] })
			maps.Copy(ever, want)
		}
	}
	if req.After != "" {
		return
	}
	if steady {
		r.same("matches", all, want)
		if !slices.IsSortedFunc(all, func(a, b string) int { return rank[a] - rank[b] }) {
			r.wrong("the order tells of what is hidden: %v", all)
		}
		return
	}
	if q.sort == "" || q.sort == "_id" { // else a change may move resources
		some := slices.DeleteFunc(slices.Clone(all), func(one string) bool { return !always[one] })
		r.same("what was visible throughout", some, always)
	}
}

func askCount(r *rig) {
	q := r.question()
	q.includes, q.sort, q.count, q.total = nil, "", 0, false
	query := q.query() + "&_summary=count"
	if r.chance(50) {
		query = q.query() + "&_count=0&_total=accurate"
	}
	query = strings.TrimPrefix(query, "&")
	r.asked("count %s?%s", q.typeName, query)
	page, err := r.session.Search(r.Context(), records.SearchRequest{Type: keyOf(q.typeName + "/").Type, Pairs: r.pairsOf(query)})
	if r.refused(err, !r.sight.May(q.typeName, "s")) || r.veiled(err, r.sight.Refuses(q.asked(r)...)) {
		return
	}
	want := len(r.sight.Found(q.typeName, q.criteria))
	if err != nil || page.Total != int64(want) || len(page.Entries) > 0 {
		r.wrong("the total is %+v of %d: %v", page, want, err)
	}
}

// askFancy asks what the oracle cannot evaluate of what belongs to the resources
// themselves: an answer must have what everybody gets who sees everything, as far as
// it is visible.
func askFancy(r *rig) {
	path := pick(r, fancy)
	typeName, query, _ := strings.Cut(path, "?")
	req := records.SearchRequest{}
	if owner, of, ok := strings.Cut(typeName, ">"); ok {
		key := keyOf(owner)
		req.Compartment, typeName = &key, of
	}
	req.Type, req.Pairs = keyOf(typeName+"/").Type, r.pairsOf(strings.TrimPrefix(query+"&_count=1000&_total=accurate", "&"))
	r.asked("search %s", path)
	masked := r.sight.Refuses(r.named(typeName, query)...)
	if req.Compartment != nil {
		if typeName == "" && len(r.sight.Masks()) > 0 {
			return // it asks parameters of every type
		}
		masked = masked || r.sight.Refuses(leaktest.Param{Type: typeName, Paths: confining[string(req.Compartment.Type)+">"+typeName]})
	}
	got, err := r.session.Search(r.Context(), req)
	if !errors.Is(err, records.ErrScope) && r.veiled(err, masked) {
		return
	}
	if err != nil {
		r.refused(err, typeName != "" && !r.sight.May(typeName, "s") || typeName == "" && len(r.sight.Found("", nil)) == 0 || strings.Contains(query, "_type"))
		return
	}
	all, err := r.admin.Search(r.Context(), req)
	if err != nil {
		r.Fatal(err)
	}
	r.resources(got)
	want := r.sameVisible("matches", got, all)
	if got.Total != int64(len(want)) {
		r.wrong("the total is %d of %d", got.Total, len(want))
	}
}

var fancy = []string{
	"?", "?_type=Patient,Observation", "?_type=Patient,Group,Observation&_sort=_id", "?_tag=urn:t|tag1", "?_security=" + actCodes + "|ETH", "?_id=p,q,q1,p1",
	"Observation?code:text=a", "Observation?value-quantity=gt5", "Observation?category=laboratory&_sort=-date", "Observation?_filter=status+eq+final", "Observation?subject:Patient=q",
	"Observation?code=urn:c|a,urn:c|b&status:not=final", "Observation?combo-code=urn:c|a", "Observation?date=2020&_sort=code", "Observation?subject:missing=true",
	"Patient?name:contains=e", "Patient?gender:not=female", "Patient?_sort=-birthdate", "Patient?identifier=urn:i|q", "Patient?link:missing=false", "Patient/p>Observation?", "Patient/q>Observation?",
	"Patient/q>?", "Patient/p>?", "Encounter/q>Observation?", "Encounter/q>?", "Practitioner/dr>Observation?", "Observation?performer=Practitioner/dr", "Observation?subject=Patient/q",
	"Provenance?target=Observation/q1", "Medication?code=urn:m|x", "Encounter?part-of=Encounter/q", "DiagnosticReport?result=Observation/q1", "Appointment?actor=Patient/q",
	"Condition?evidence-detail=Observation/p1", "List?item=Observation/q1", "Group?member=Patient/p", "Observation?derived-from=Observation/q1", "Observation?_lastUpdated=gt2020",
}
