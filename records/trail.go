package records

import (
	"bytes"
	"context"
	"net/http"
	"strings"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// Audit is the log of the tenant; nil when nothing is recorded.
func (d *Door) Audit() *audit.Log { return d.config.Audit }

// touch notes on the trail of a request that a record is part of its answer.
func (d *Door) touch(ctx context.Context, r store.Record) {
	if t := audit.TrailOf(ctx); t != nil {
		t.Touch(audit.Reads, r.Key, r.Version, d.patients(r.Release, r.Key, r.Body, t.Concerned()...)...)
	}
}

// touchWritten notes what a transaction wrote.
func (d *Door) touchWritten(ctx context.Context, u *unit, written []store.Record) {
	t := audit.TrailOf(ctx)
	if t == nil {
		return
	}
	json := make(map[fhir.Key][]byte, len(u.drafts))
	for _, w := range u.drafts {
		json[w.key] = w.json
	}
	for i, r := range written {
		body := json[r.Key]
		a := actionOf(u.writes[i].Method)
		if a == audit.Deletes {
			body = d.removed(ctx, u, r)
		}
		t.Touch(a, r.Key, r.Version, d.patients(u.writes[i].Release, r.Key, body)...)
	}
}

// removed is the JSON of what was deleted, which says whose it was. The delete is
// done, so that an error here ends nothing.
func (d *Door) removed(ctx context.Context, u *unit, r store.Record) []byte {
	if body := u.former[r.Key]; body != nil {
		return body
	}
	before, err := d.store.ReadVersion(ctx, r.Key, r.Version-1)
	if err != nil {
		return nil
	}
	return before.Body
}

func actionOf(method string) audit.Action {
	switch method {
	case http.MethodPost:
		return audit.Creates
	case http.MethodDelete:
		return audit.Deletes
	}
	return audit.Updates
}

// patients are those whom a resource concerns: as the search parameter patient, or
// subject, of its type has it. Mostly they are the same as those of another one.
func (d *Door) patients(r definitions.Release, key fhir.Key, json []byte, another ...fhir.Key) []fhir.Key {
	if key.Type == "Patient" {
		return []fhir.Key{key}
	}
	if len(json) == 0 {
		return nil
	}
	rel := d.release(r)
	if rel == nil {
		return nil
	}
	return concerned(json, rel.patientPaths(key.Type), d.base, another)
}

// concerned are the Patients of the server at base to whom references at paths refer.
func concerned(json []byte, paths [][]string, base string, another []fhir.Key) []fhir.Key {
	same := 0
	var all []fhir.Key // once they are not those of another one
	for _, path := range paths {
		referencesAt(json, path, func(literal []byte) {
			id := patientID(literal, base)
			if all == nil && len(id) > 0 && same < len(another) && string(id) == string(another[same].ID) {
				same++
				return
			}
			key := fhir.Key{Type: "Patient", ID: fhir.ID(id)}
			if !key.ID.Valid() {
				return
			}
			if all == nil {
				all = append(all, another[:same]...)
			}
			all = append(all, key)
		})
	}
	if all == nil {
		return another[:same:same]
	}
	return all
}

// patientID is the id of the Patient of the server at base that a reference names, as
// far as it names one.
func patientID(literal []byte, base string) []byte {
	if own, ok := bytes.CutPrefix(literal, []byte(base)); ok && bytes.HasPrefix(own, []byte("/")) {
		literal = own[1:]
	}
	id, ok := bytes.CutPrefix(literal, []byte("Patient/"))
	if !ok {
		return nil
	}
	if at := bytes.IndexAny(id, "/#"); at >= 0 {
		id = id[:at]
	}
	return id
}

// patientPaths are the elements of a type that say whom it concerns.
func (r *release) patientPaths(t fhir.Type) [][]string {
	if known, ok := r.concern.Load(t); ok {
		return known.([][]string)
	}
	var paths [][]string
	if t == "Binary" { // no search parameter tells of it
		paths = append(paths, []string{"securityContext"})
	}
	for _, code := range []string{"patient", "subject"} {
		if p := r.defs.SearchParameter(string(t), code); p != nil && len(paths) == 0 {
			paths = pathsIn(p.Expression, string(t))
		}
	}
	r.concern.Store(t, paths)
	return paths
}

// pathsIn are the elements of a type that a search parameter's expression names:
// of "Task.for.where(resolve() is Patient)" it is "for".
func pathsIn(expression, typeName string) (paths [][]string) {
	for one := range strings.SplitSeq(expression, "|") {
		path, ok := strings.CutPrefix(strings.Trim(one, " ()"), typeName+".")
		if !ok {
			continue
		}
		var names []string
		for name := range strings.SplitSeq(path, ".") {
			name, cast, _ := strings.Cut(strings.TrimSpace(name), " ")
			if strings.HasPrefix(name, "where(") || strings.HasPrefix(name, "ofType(") || strings.HasPrefix(name, "as(") || strings.HasPrefix(name, "resolve(") {
				break
			}
			if strings.HasPrefix(cast, "as Reference") {
				name += "Reference"
			}
			names = append(names, name)
		}
		paths = append(paths, names)
	}
	return paths
}
