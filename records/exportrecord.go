package records

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/span"
)

// RecordExportRequest asks for the whole record of a patient.
type RecordExportRequest struct {
	Patient fhir.ID
	History bool // former versions as well
	// Create begins the next file. What it returned before is not written to any more.
	Create func(name string) (io.Writer, error)
}

// RecordExport says what an export holds: it is its last file, manifest.json.
type RecordExport struct {
	Patient string       `json:"patient"`
	Time    time.Time    `json:"time"` // at which it was begun
	By      string       `json:"by,omitempty"`
	Base    string       `json:"base"`
	Files   []RecordFile `json:"files"`
}

// RecordFile is one file of an export.
type RecordFile struct {
	Name      string `json:"name"`
	Resources int64  `json:"resources,omitempty"` // of NDJSON, one a line
	Bytes     int64  `json:"bytes"`
}

// Resources is how many resources, versions and events an export holds.
func (e *RecordExport) Resources() (n int64) {
	for _, f := range e.Files {
		n += f.Resources
	}
	return n
}

// Files of an export. The content of each Binary is a file below binaryFolder, by
// its id.
const (
	recordFile   = "record.ndjson"
	binaryFile   = "Binary.ndjson" // without content
	historyFile  = "history.ndjson"
	auditFile    = "AuditEvent.ndjson"
	manifestFile = "manifest.json"
	binaryFolder = "Binary/"
)

// exportedTogether is how many resources a query for Provenances names.
const exportedTogether = 50

// ExportRecord writes all that the session sees of what a patient owns, what that
// refers to, the Provenances of it, the Binaries, and the AuditEvents about the
// patient. Memory is bounded by a page, and the keys of what was written.
func (s *Session) ExportRecord(ctx context.Context, r RecordExportRequest) (*RecordExport, error) {
	ctx, pass := span.Start(ctx, "door export-record")
	defer pass.End()
	key := fhir.Key{Type: patientType, ID: r.Patient}
	if _, err := s.Read(ctx, key, ReadOptions{}); err != nil {
		return nil, err
	}
	x := &recordExport{
		s: s, RecordExportRequest: r, written: map[fhir.Key]bool{}, binaries: map[fhir.ID]bool{},
		RecordExport: RecordExport{Patient: key.String(), Time: s.door.now(), By: s.principal.display(), Base: s.door.base},
	}
	for _, write := range []func(context.Context) error{x.record, x.contents, x.history, x.events} {
		if err := write(ctx); err != nil {
			return nil, s.door.fault(err)
		}
	}
	if err := x.create(manifestFile); err != nil {
		return nil, err
	}
	x.Files = x.Files[:len(x.Files)-1]
	text, err := json.MarshalIndent(x.RecordExport, "", "  ")
	if err == nil {
		_, err = x.out.Write(append(text, '\n'))
	}
	return &x.RecordExport, err
}

type recordExport struct {
	s *Session
	RecordExportRequest
	RecordExport
	out      io.Writer
	written  map[fhir.Key]bool
	changed  []fhir.Key // of written, those with former versions
	binaries map[fhir.ID]bool
}

func (x *recordExport) create(name string) (err error) {
	x.Files = append(x.Files, RecordFile{Name: name})
	x.out, err = x.Create(name)
	return err
}

func (x *recordExport) write(b []byte) error {
	n, err := x.out.Write(b)
	x.Files[len(x.Files)-1].Bytes += int64(n)
	return err
}

func (x *recordExport) line(json []byte) error {
	x.Files[len(x.Files)-1].Resources++
	if bytes.IndexByte(json, '\n') >= 0 {
		json = bytes.ReplaceAll(json, []byte{'\n'}, []byte{' '})
	}
	return x.write(append(json[:len(json):len(json)], '\n'))
}

// record writes what $everything gives, and the Provenances of that.
func (x *recordExport) record(ctx context.Context) error {
	if err := x.create(recordFile); err != nil {
		return err
	}
	var types []string
	for _, t := range x.s.door.types() {
		if t != "Binary" && t != auditEventType && x.s.may(t, seeing) == nil && x.s.door.releaseOf("", patientType).defs.IsResource(string(t)) {
			types = append(types, string(t))
		}
	}
	slices.Sort(types)
	r := EverythingRequest{Type: patientType, ID: x.RecordExportRequest.Patient, Pairs: []search.Pair{{Name: "_type", Value: strings.Join(slices.Compact(types), ",")}}}
	for {
		page, err := x.s.Everything(ctx, r)
		if err != nil {
			return err
		}
		if err := x.entries(page.Entries); err != nil {
			return err
		}
		if err := x.provenances(ctx, page.Entries); err != nil {
			return err
		}
		if r.After = page.Next; r.After == "" {
			return nil
		}
	}
}

func (x *recordExport) entries(entries []SearchEntry) error {
	for _, e := range entries {
		if x.written[e.Key] || e.JSON == nil {
			continue
		}
		x.written[e.Key] = true
		if e.Version > 1 {
			x.changed = append(x.changed, e.Key)
		}
		if err := x.line(e.JSON); err != nil {
			return err
		}
		tree, err := x.s.door.tree(store.Record{Key: e.Key, Release: e.Release, Body: e.JSON})
		if err != nil {
			return err
		}
		for _, key := range x.s.door.referredTo(tree) {
			if key.Type == "Binary" {
				x.binaries[key.ID] = true
			}
		}
	}
	return nil
}

func (x *recordExport) provenances(ctx context.Context, of []SearchEntry) error {
	if x.s.may("Provenance", smart.Search) != nil {
		return nil
	}
	for some := range slices.Chunk(of, exportedTogether) {
		var keys []string
		for _, e := range some {
			if e.Key.Type != "Provenance" {
				keys = append(keys, e.Key.String())
			}
		}
		if keys == nil {
			continue
		}
		if err := x.search(ctx, "Provenance", search.Pair{Name: "target", Value: strings.Join(keys, ",")}, x.entries); err != nil {
			return err
		}
	}
	return nil
}

// search gives all pages of a search to take.
func (x *recordExport) search(ctx context.Context, t fhir.Type, by search.Pair, take func([]SearchEntry) error) error {
	r := SearchRequest{Type: t, Pairs: []search.Pair{by, {Name: "_count", Value: "500"}}}
	for {
		page, err := x.s.Search(ctx, r)
		if err != nil {
			return err
		}
		if err := take(page.Entries); err != nil {
			return err
		}
		if r.After = page.Next; r.After == "" {
			return nil
		}
	}
}

// contents writes the Binaries that were referred to or belong to the patient.
func (x *recordExport) contents(ctx context.Context) error {
	if x.s.may("Binary", smart.Read) != nil {
		return nil
	}
	types := []string{"Binary"}
	q := &search.Query{Types: types, Filter: x.s.only(types, seeing, x.s.door.ownership.Owner("Binary", string(x.RecordExportRequest.Patient))), Count: x.s.door.policy.MaxCount, Heads: true}
	for {
		page, err := x.s.door.store.Search(ctx, q)
		if err != nil {
			return err
		}
		for _, r := range page.Records {
			x.binaries[r.Key.ID] = true
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	var ids []fhir.ID
	if err := x.create(binaryFile); err != nil {
		return err
	}
	for id := range x.binaries {
		_, b, err := x.s.ReadBinary(ctx, id, "", 0, 0)
		if unseen(err) {
			continue
		}
		if err != nil {
			return err
		}
		ids = append(ids, id)
		line := map[string]any{"resourceType": "Binary", "id": id, "contentType": b.ContentType}
		if b.SecurityContext != "" {
			line["securityContext"] = map[string]string{"reference": b.SecurityContext}
		}
		text, err := json.Marshal(line)
		if err != nil {
			return err
		}
		if err := x.line(text); err != nil {
			return err
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		if err := x.content(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (x *recordExport) content(ctx context.Context, id fhir.ID) error {
	_, b, err := x.s.ReadBinary(ctx, id, "", 0, -1)
	if unseen(err) {
		return nil // gone meanwhile
	}
	if err != nil {
		return err
	}
	if err := x.create(binaryFolder + string(id)); err != nil {
		return err
	}
	for chunk, err := range b.Content {
		if err != nil {
			return err
		}
		if err := x.write(chunk); err != nil {
			return err
		}
	}
	return nil
}

// history writes the versions before the ones that are in the record, and those of what the
// patient owned until it was deleted.
func (x *recordExport) history(ctx context.Context) error {
	if !x.History {
		return nil
	}
	if err := x.create(historyFile); err != nil {
		return err
	}
	for _, key := range x.changed {
		if err := x.versions(ctx, key); err != nil {
			return err
		}
	}
	return x.deleted(ctx)
}

// versions writes those of a resource but the one that is in the record.
func (x *recordExport) versions(ctx context.Context, key fhir.Key) error {
	r := HistoryRequest{Type: key.Type, ID: key.ID, Count: historyRead}
	for {
		page, err := x.s.History(ctx, r)
		if unseen(err) {
			return nil
		}
		if err != nil {
			return err
		}
		for i, version := range page.Entries {
			if version.JSON == nil || r.After == "" && i == 0 && x.written[key] {
				continue
			}
			if err := x.line(version.JSON); err != nil {
				return err
			}
		}
		if r.After = page.Next; r.After == "" {
			return nil
		}
	}
}

// deleted writes the versions of what the patient owned until it was deleted.
func (x *recordExport) deleted(ctx context.Context) error {
	d, after := x.s.door, store.Position(0)
	for {
		former, err := d.store.FormerReferrers(ctx, fhir.Key{Type: patientType, ID: x.RecordExportRequest.Patient}, after, d.policy.MaxCount)
		if err != nil {
			return err
		}
		for _, one := range former {
			after = one.Position
			if x.written[one.Key] { // deleted meanwhile
				continue
			}
			if owned, err := x.owned(ctx, one.Key); err != nil {
				return err
			} else if !owned {
				continue
			}
			if err := x.versions(ctx, one.Key); err != nil {
				return err
			}
		}
		if len(former) < d.policy.MaxCount {
			return nil
		}
	}
}

// owned says whether the patient owned a resource until it was deleted.
func (x *recordExport) owned(ctx context.Context, key fhir.Key) (bool, error) {
	d := x.s.door
	v, err := d.store.Read(ctx, key)
	if err == nil {
		v, err = beforeDelete(ctx, d.store, v)
	}
	if errors.Is(err, store.ErrNotFound) { // expunged
		return false, nil
	}
	if err != nil {
		return false, err
	}
	owners, err := d.owners(ctx, v)
	return slices.Contains(owners, x.RecordExportRequest.Patient), err
}

const auditEventType fhir.Type = "AuditEvent"

// events writes the AuditEvents about the patient.
func (x *recordExport) events(ctx context.Context) error {
	if x.s.may(auditEventType, smart.Search) != nil {
		return nil
	}
	if err := x.create(auditFile); err != nil {
		return err
	}
	return x.search(ctx, auditEventType, search.Pair{Name: "patient", Value: "Patient/" + string(x.RecordExportRequest.Patient)}, func(entries []SearchEntry) error {
		for _, e := range entries {
			if e.JSON == nil {
				continue
			}
			if err := x.line(e.JSON); err != nil {
				return err
			}
		}
		return nil
	})
}

// unseen says whether an error is that something is not there for the session.
func unseen(err error) bool {
	switch fault.KindOf(err) {
	case fault.NotFound, fault.Gone, fault.Forbidden:
		return err != nil
	}
	return false
}
