package leaktest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/graphql"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

// requests are the ways to ask.
var requests = []request{
	{"search", askSearch}, {"search", askSearch}, {"search", askSearch}, {"include", askIncludes}, {"count", askCount}, {"search of other kinds", askFancy},
	{"read", askRead}, {"vread", askVRead}, {"history", askHistory}, {"history of many", askHistories}, {"$everything", askEverything},
	{"$lastn", askLastN}, {"$docref", askDocRef}, {"$graphql", askGraphQL}, {"$fhirpath", askFHIRPath}, {"view", askView}, {"batch", askBundle},
	{"changes", askChanges}, {"write", askWrite}, {"write", askWrite}, {"delete of what is shared", askDelete}, {"conditional", askConditional}, {"conditional", askConditional},
	{"what is masked", ofMasks(askProbe)}, {"parts", ofMasks(askParts)}, {"parts by $graphql", ofMasks(askGraphedParts)}, {"words by $fhirpath", ofMasks(askWords)}, {"words in views", ofMasks(askRows)},
	{"what is shown in part written back", ofMasks(askPutBack)},
}

// anything is a resource of interest, which may be hidden or deleted.
func (r *rig) anything() string {
	all := r.world.References()
	if r.chance(60) { // those that are made to be difficult
		for {
			if one := pick(r, all); len(one) < 25 {
				return one
			}
		}
	}
	return pick(r, all)
}

func askRead(r *rig) {
	reference := r.anything()
	r.asked("read %s", reference)
	v := r.world.Newest(reference)
	o := records.ReadOptions{}
	if r.chance(30) {
		o.IfNoneMatch = []string{pick(r, []string{"1", "2", "*"})}
	}
	read := func(reference string) error {
		res, err := r.session.Read(r.Context(), keyOf(reference), o)
		r.shows(res, false)
		if err == nil && res.NotModified {
			return fmt.Errorf("not modified")
		}
		return err
	}
	err := read(reference)
	if r.refused(err, !r.sight.May(v.Type, "r")) {
		return
	}
	switch visible := r.sight.Sees(v, "r"); {
	case !visible:
		r.alike(reference, read)
		if fault.KindOf(err) != fault.NotFound || err == nil {
			r.wrong("it is read: %v", err)
		}
	case v.Deleted:
		if fault.KindOf(err) != fault.Gone {
			r.wrong("it is not gone: %v", err)
		}
	case err != nil && err.Error() != "not modified":
		r.wrong("it is not read: %v", err)
	}
}

// everything collects all pages.
func everything(r *rig, s way, req records.EverythingRequest) (matches, includes []string, err error) {
	for {
		page, err := s.Everything(r.Context(), req)
		if err != nil {
			return nil, nil, err
		}
		if s == r.session {
			r.resources(page)
		}
		m, i := split(page)
		matches, includes = append(matches, m...), append(includes, i...)
		if page.Total >= 0 && page.Next == "" && page.Total != int64(len(matches)) {
			r.wrong("the total is %d of %d", page.Total, len(matches))
		}
		if req.After = page.Next; req.After == "" {
			return matches, includes, nil
		}
	}
}

func askEverything(r *rig) {
	types := []string{"Patient", "Patient", "Patient", "Encounter"}
	all := slices.Collect(r.world.All(pick(r, types)))
	v := pick(r, all)
	k := keyOf(v.Reference())
	req := records.EverythingRequest{Type: k.Type, ID: k.ID}
	if r.chance(20) {
		req.ID = ""
	}
	if r.chance(40) {
		req.Pairs = r.pairsOf("_count=10")
	}
	r.asked("$everything of %s/%s", req.Type, req.ID)
	matches, includes, err := everything(r, r.session, req)
	if r.refused(err, !r.sight.May(v.Type, "r")) {
		return
	}
	if req.ID != "" && !r.sight.Sees(v, "r") {
		r.alike(v.Reference(), func(reference string) error {
			k := keyOf(reference)
			_, err := r.session.Everything(r.Context(), records.EverythingRequest{Type: k.Type, ID: k.ID})
			return err
		})
		if err == nil {
			r.wrong("it is given")
		}
		return
	}
	if r.refused(err, false) {
		return
	}
	if err != nil {
		r.wrong("%v", err)
		return
	}
	given, _, err := everything(r, atDoor{r.admin}, req)
	if err != nil {
		r.Fatal(err)
	}
	want := map[string]bool{}
	for _, one := range given {
		if r.sight.Knows(one) || req.ID != "" && one == v.Reference() {
			want[one] = true
		}
	}
	if req.ID != "" {
		r.same("matches", matches, want)
	}
	mentioned := map[string]bool{}
	for _, one := range matches {
		for _, to := range r.world.Mentioned(r.world.Current(one).Body) {
			mentioned[to] = true
		}
	}
	for _, one := range includes {
		if !mentioned[one] {
			r.wrong("%s is included, to which nothing visible refers", one)
		}
	}
}

func askLastN(r *rig) {
	patient := pick(r, slices.Collect(r.world.All("Patient")))
	query := pick(r, []string{"category=laboratory", "category=vital-signs", "code=urn:c|a,urn:c|b,urn:c|m"}) + "&max=100&patient=" + patient.ID
	r.asked("$lastn %s", query)
	page, err := r.session.LastN(r.Context(), records.LastNRequest{Pairs: r.pairsOf(query)})
	asks := r.named("Observation", "code=x&date=x&"+query)
	if r.refused(err, !r.sight.May("Observation", "s")) || r.veiled(err, r.sight.Refuses(asks...)) {
		return
	}
	if err != nil {
		r.wrong("%v", err)
		return
	}
	all, err := r.admin.LastN(r.Context(), records.LastNRequest{Pairs: r.pairsOf(query)})
	if err != nil {
		r.Fatal(err)
	}
	r.resources(page)
	r.sameVisible("observations", page, all)
}

func askDocRef(r *rig) {
	patient := pick(r, slices.Collect(r.world.All("Patient")))
	r.asked("$docref of %s", patient.ID)
	req := records.DocRefRequest{Pairs: r.pairsOf("patient=" + patient.ID)}
	page, err := r.session.DocRef(r.Context(), req)
	if !errors.Is(err, records.ErrScope) && r.veiled(err, r.sight.Refuses(r.named("DocumentReference", "type=x&date=x&status=x")...)) {
		return
	}
	if err != nil {
		r.refused(err, !r.sight.May("DocumentReference", "s"))
		return
	}
	all, err := r.admin.DocRef(r.Context(), req)
	if err != nil {
		r.Fatal(err)
	}
	r.resources(page)
	r.sameVisible("documents", page, all)
}

func askGraphQL(r *rig) {
	typeName := pick(r, []string{"Observation", "Condition", "Encounter", "Patient", "MedicationRequest"})
	want := r.sight.Found(typeName, nil)
	link := "subject"
	if typeName == "Patient" {
		link = "managingOrganization"
	}
	query := fmt.Sprintf(`{ all: %sList(_count: 1000) { resourceType id %s { reference resource(optional: true) { resourceType ... on Patient { id } ... on Organization { id } } } }`, typeName, link)
	if r.chance(50) {
		query += fmt.Sprintf(` page: %sConnection(_count: 1000) { count }`, typeName)
	}
	query += " }"
	r.asked("$graphql %s", query)
	text, err := r.session.GraphQL(r.Context(), records.GraphQLRequest{Request: graphql.Request{Query: query}})
	if err != nil {
		if r.sight.May(typeName, "s") {
			r.wrong("%v", err)
		}
		return
	}
	var answer struct {
		Data struct {
			All  []map[string]any
			Page struct{ Count *int64 }
		}
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		r.Fatal(err)
	}
	var got []string
	for _, one := range answer.Data.All {
		got = append(got, fmt.Sprint(one["resourceType"], "/", one["id"]))
		to, _ := one[link].(map[string]any)
		if reference, _ := to["reference"].(string); r.world.Has(reference) && (to["resource"] != nil) != r.sight.Knows(reference) {
			r.wrong("%s is followed: %v", reference, to["resource"])
		}
	}
	r.same("resources", got, want)
	if n := answer.Data.Page.Count; n != nil && *n != int64(len(want)) {
		r.wrong("the count is %d of %d", *n, len(want))
	}
}

func askFHIRPath(r *rig) {
	reference := r.anything()
	r.asked("$fhirpath over %s", reference)
	v := r.world.Newest(reference)
	to := r.anything()
	expression := fmt.Sprintf("'%s'.resolve().id", to)
	got, err := r.session.gives(r.Context(), keyOf(reference), expression)
	if r.refused(err, !r.sight.May(v.Type, "r")) {
		return
	}
	if seen := r.sight.Sees(v, "r"); seen != (err == nil) && !v.Deleted {
		r.wrong("it is evaluated: %v", err)
	}
	if err != nil {
		return
	}
	if got != r.sight.Knows(to) {
		r.wrong("%s is resolved: %v", to, got)
	}
}

func askView(r *rig) {
	typeName := pick(r, []string{"Observation", "Patient", "Encounter", "Condition"})
	r.asked("view of %s", typeName)
	view := fmt.Sprintf(`{"resourceType":"ViewDefinition","status":"active","resource":%q,"select":[{"column":[{"name":"id","path":"id"}]}]}`, typeName)
	patient := ""
	var patients []string
	if r.chance(40) && typeName != "Encounter" {
		patient = pick(r, slices.Collect(r.world.All("Patient"))).ID
		patients = []string{patient}
	}
	got, err := r.session.rows(r.Context(), view, patients)
	if err != nil {
		if r.refused(err, !r.sight.May(typeName, "s") || patient != "" && !r.sight.May("Patient", "rs")); patient == "" && r.sight.May(typeName, "s") {
			r.wrong("%v", err)
		}
		return
	}
	all, err := atDoor{r.admin}.rows(r.Context(), view, patients)
	if err != nil {
		r.Fatal(err)
	}
	want := map[string]bool{}
	for _, one := range all {
		if r.sight.Finds(typeName + "/" + one) {
			want[one] = true
		}
	}
	r.same("rows", got, want)
}

// askBundle asks several things at once.
func askBundle(r *rig) {
	q := r.question()
	reference := r.anything()
	v := pick(r, r.world.Versions(reference))
	urls := []string{
		reference, fmt.Sprintf("%s/_history/%d", reference, v.Number), q.typeName + "?" + q.query(), q.typeName + "?_summary=count", reference + "/_history",
	}
	kind := pick(r, []string{"batch", "batch", "transaction"})
	if kind == "transaction" {
		urls = []string{pick(r, urls)}
	}
	r.asked("%s of %q", kind, urls)
	var entries []map[string]any
	for _, u := range urls {
		entries = append(entries, map[string]any{"request": map[string]any{"method": "GET", "url": u}})
	}
	text, err := json.Marshal(map[string]any{"resourceType": "Bundle", "type": kind, "entry": entries})
	if err != nil {
		r.Fatal(err)
	}
	res, err := r.session.Bundle(r.Context(), records.Content{JSON: text}, records.BundleOptions{})
	if err != nil {
		r.discreet(told(err), fmt.Sprint(urls))
		return
	}
	for i, e := range res.Entries {
		url := urls[i]
		if e.Resource != nil {
			r.shows(*e.Resource, false)
		}
		if e.Err != nil {
			r.discreet(told(e.Err), url)
			continue
		}
		switch {
		case strings.HasSuffix(url, "_history"):
		case strings.Contains(url, "?"):
			want, asks := r.sight.Found(q.typeName, q.criteria), q.asked(r)
			if strings.HasSuffix(url, "_summary=count") {
				want, asks = r.sight.Found(q.typeName, nil), nil
			}
			if r.veiled(nil, r.sight.Refuses(asks...)) {
				continue
			}
			if e.Search.Total >= 0 && e.Search.Total != int64(len(want)) {
				r.wrong("%s: the total is %d of %d", url, e.Search.Total, len(want))
			}
			r.resources(e.Search)
			matches, includes := split(e.Search)
			for _, one := range matches {
				if !want[one] {
					r.wrong("%s has %s", url, one)
				}
			}
			if e.Search.Next == "" && !strings.HasSuffix(url, "_summary=count") {
				r.same(url, matches, want)
			}
			r.same("includes of "+url, includes, r.sight.Included(matches, q.includes))
		case strings.Contains(url, "_history"):
			if !r.sight.SeesVersion(v, "r") {
				r.wrong("%s is read", url)
			}
		default:
			if !r.sight.Sees(r.world.Newest(reference), "r") {
				r.wrong("%s is read", url)
			}
		}
		if e.History != nil {
			for _, one := range e.History.Entries {
				if v := r.world.Version(one.Key.String(), one.Version); v == nil || !r.sight.SeesVersion(v, "r") {
					r.wrong("%s has version %d", url, one.Version)
				}
				r.shows(one, false)
			}
		}
	}
}

func askChanges(r *rig) {
	r.asked("changes")
	changes, _, _, err := r.direct.Changes(r.Context(), max(0, r.seen-1000), 1000)
	if err != nil {
		r.refused(err, true)
		return
	}
	for _, c := range changes {
		if v := r.world.Version(c.Key.String(), c.Version); v == nil || !r.sight.SeesVersion(v, "s") {
			r.wrong("version %d of %s is told", c.Version, c.Key)
		}
		r.shows(c.Resource, false)
	}
	var got []string
	for c, err := range r.direct.Snapshot(r.Context(), records.SnapshotRequest{At: r.seen, Since: time.Time{}}) {
		if err != nil {
			r.refused(err, true)
			return
		}
		r.shows(c.Resource, false)
		got = append(got, c.Key.String())
	}
	r.same("resources", got, r.sight.Found("", nil))
}
