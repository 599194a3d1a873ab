package leaktest_test

import (
	"fmt"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/leaktest"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// changed is a resource with several versions.
func (r *rig) changed() string {
	var some []string
	for _, one := range r.world.References() {
		if len(r.world.Versions(one)) > 1 {
			some = append(some, one)
		}
	}
	return pick(r, some)
}

func askVRead(r *rig) {
	var reference string
	var v *leaktest.Version
	for range 100 { // mostly one that was hidden before it was visible
		reference = r.changed()
		if v = pick(r, r.world.Versions(reference)); r.sight.Sees(r.world.Newest(reference), "r") && !r.sight.Sees(v, "r") || r.chance(2) {
			break
		}
	}
	r.asked("read %s/_history/%d", reference, v.Number)
	read := func(reference string) error {
		res, err := r.session.VRead(r.Context(), keyOf(reference), fmt.Sprint(v.Number), records.ReadOptions{})
		r.shows(res, false)
		return err
	}
	err := read(reference)
	if r.refused(err, !r.sight.May(v.Type, "r")) {
		return
	}
	switch visible := r.sight.SeesVersion(v, "r"); {
	case visible && v.Deleted:
		if fault.KindOf(err) != fault.Gone {
			r.wrong("it is not gone: %v", err)
		}
	case visible && err != nil:
		r.wrong("it is not read: %v", err)
	case !visible && err == nil:
		r.wrong("it is read")
	case !visible:
		r.alike(reference, read)
	}
}

func askHistory(r *rig) {
	reference := r.anything()
	if r.chance(50) {
		reference = r.changed()
	}
	r.asked("history of %s", reference)
	v := r.world.Newest(reference)
	ask := func(reference string) error {
		k := keyOf(reference)
		_, err := r.session.History(r.Context(), records.HistoryRequest{Type: k.Type, ID: k.ID})
		return err
	}
	k := keyOf(reference)
	h, err := r.session.History(r.Context(), records.HistoryRequest{Type: k.Type, ID: k.ID, Count: 1000})
	if r.refused(err, !r.sight.May(v.Type, "r")) {
		return
	}
	if !r.sight.Sees(v, "r") {
		r.alike(reference, ask)
	}
	want := map[string]bool{}
	for _, one := range r.world.Versions(reference) {
		if r.sight.SeesVersion(one, "r") {
			want[fmt.Sprint(one.Number)] = true
		}
	}
	var got []string
	if err == nil {
		for _, e := range h.Entries {
			r.shows(e, false)
			got = append(got, fmt.Sprint(e.Version))
		}
		if h.Total >= 0 && h.Total != int64(len(want)) {
			r.wrong("the total is %d of %d", h.Total, len(want))
		}
	}
	r.same("versions", got, want)
}

func askHistories(r *rig) {
	typeName := pick(r, append([]string{"", "", ""}, searched...))
	r.asked("history of all %s", typeName)
	req := records.HistoryRequest{Type: fhir.Type(typeName), Count: pick(r, []int{1000, 50})}
	var got []string
	entries, totals := int64(0), map[int64]bool{}
	for {
		h, err := r.session.History(r.Context(), req)
		if err != nil {
			r.refused(err, typeName == "" || !r.sight.May(typeName, "s"))
			return
		}
		if typeName != "" {
			r.refused(nil, !r.sight.May(typeName, "s"))
		}
		for _, e := range h.Entries {
			v := r.world.Version(e.Key.String(), e.Version)
			if v == nil || !r.sight.SeesVersion(v, "s") {
				r.wrong("it has %s of version %d", e.Key, e.Version)
			}
			r.shows(e, false)
			if r.world.Current(e.Key.String()) != nil {
				got = append(got, fmt.Sprint(e.Key, "/", e.Version))
			}
		}
		entries += int64(len(h.Entries))
		if h.Total >= 0 {
			totals[h.Total] = true
		}
		if req.After = h.Next; req.After == "" {
			break
		}
	}
	want := map[string]bool{}
	for v := range r.world.All(typeName) {
		for _, one := range r.world.Versions(v.Reference()) {
			if r.sight.SeesVersion(one, "s") {
				want[fmt.Sprint(v.Reference(), "/", one.Number)] = true
			}
		}
	}
	r.same("versions", got, want)
	for total := range totals {
		if total != entries {
			r.wrong("the total is %d of %d", total, entries)
		}
	}
}
