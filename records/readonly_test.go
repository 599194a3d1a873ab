package records_test

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestAReadOnlyDoorRefusesEveryWrite(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		policy := records.DefaultPolicy()
		policy.Expunge = true
		d := db.door(t, policy)
		s := d.Session(records.Principal{ID: "test"}, nil)
		ctx := t.Context()
		patient := func() records.Content { return records.Content{JSON: []byte(`{"resourceType":"Patient","id":"p"}`)} }
		must(s.Update(ctx, key("Patient/p"), patient(), records.UpdateOptions{}))(t)
		d.SetReadOnly(true)
		other := records.Content{JSON: []byte(`{"resourceType":"Patient","id":"p","active":true}`)}
		bundle := func(typ string) records.Content {
			return records.Content{JSON: []byte(`{"resourceType":"Bundle","type":"` + typ + `","entry":[{"resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}]}`)}
		}
		for name, write := range map[string]func() error{
			"create":      func() error { _, err := s.Create(ctx, "Patient", patient(), records.CreateOptions{}); return err },
			"update":      func() error { _, err := s.Update(ctx, key("Patient/p"), other, records.UpdateOptions{}); return err },
			"delete":      func() error { _, err := s.Delete(ctx, key("Patient/p"), records.DeleteOptions{}); return err },
			"transaction": func() error { _, err := s.Bundle(ctx, bundle("transaction"), records.BundleOptions{}); return err },
			"batch": func() error {
				r, err := s.Bundle(ctx, bundle("batch"), records.BundleOptions{})
				if err != nil {
					return err
				}
				return r.Entries[0].Err
			},
			"delete where": func() error {
				_, err := s.DeleteWhere(ctx, "Patient", []search.Pair{{Name: "_id", Value: "p"}}, records.DeleteOptions{})
				return err
			},
			"meta": func() error {
				_, err := s.MetaAdd(ctx, key("Patient/p"), fhir.Node{}, records.UpdateOptions{})
				return err
			},
			"binary": func() error {
				_, err := s.CreateBinary(ctx, records.BinaryContent{ContentType: "text/plain"}, records.CreateOptions{})
				return err
			},
			"load": func() error {
				all, err := s.Load(ctx, []records.Content{patient()}, records.LoadOptions{})
				if err != nil {
					return err
				}
				return all[0].Err
			},
			"erase":   func() error { _, err := s.Erase(ctx, "p", "asked for by the patient"); return err },
			"hold":    func() error { _, err := s.SetHold(ctx, key("Patient/p"), "asked for by a court"); return err },
			"expunge": func() error { _, err := s.Expunge(ctx, records.ExpungeRequest{OldVersions: true}); return err },
		} {
			if err := write(); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "read-only") {
				t.Errorf("%s: %v", name, err)
			}
		}
		r := must(s.Read(ctx, key("Patient/p"), records.ReadOptions{}))(t)
		if r.Version != 1 {
			t.Error(r.Version)
		}
		d.SetReadOnly(false)
		must(s.Update(ctx, key("Patient/p"), records.Content{JSON: []byte(`{"resourceType":"Patient","id":"p","active":false}`)}, records.UpdateOptions{}))(t)
	})
}
