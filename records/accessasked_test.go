package records_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// counting is a store that counts what access asks of it before something is written.
type counting struct {
	store.Store
	asked atomic.Int64
}

func (c *counting) Count(ctx context.Context, q *search.Query) (int64, error) {
	c.asked.Add(1)
	return c.Store.Count(ctx, q)
}

// whole is access to all of a type but what an expression does not hold of.
type whole struct{ only }

func (whole) Narrows(fhir.Type, smart.Interactions) bool { return false }

func TestWritesAskAsMuchOfWhatIsMissingAsOfWhatIsHidden(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		asked := &counting{Store: db.open(t)}
		door := must(records.Open(t.Context(), records.Config{Store: asked, Definitions: definitions.MustBuiltIn(definitions.R4), Base: base}))(t)
		all := door.Session(records.Principal{}, nil)
		const text = `{"resourceType":"Patient","id":%q,"active":true}`
		put(t, all, "Patient/hidden", text, "hidden")
		patch := records.PatchContent{Format: records.JSONPatch, Body: []byte(`[{"op":"replace","path":"/active","value":false}]`)}
		const wrapped = `{"resourceType":"Binary","contentType":"application/json-patch+json","data":"W3sib3AiOiJ0ZXN0IiwicGF0aCI6Ii9hY3RpdmUiLCJ2YWx1ZSI6dHJ1ZX1d"}`
		part := only{search.Not{X: search.IDs{"hidden"}}}
		for name, access := range map[string]records.Access{"a part": part, "what consents show": whole{part}} {
			s := door.Session(records.Principal{}, access)
			for way, write := range map[string]func(id string) error{
				"delete": func(id string) error {
					_, err := s.Delete(t.Context(), key("Patient/"+id), records.DeleteOptions{})
					return err
				},
				"patch": func(id string) error {
					_, err := s.Patch(t.Context(), key("Patient/"+id), patch, records.UpdateOptions{})
					return err
				},
				"update": func(id string) error {
					if name != "a part" {
						return nil // what is missing is made
					}
					_, err := s.Update(t.Context(), key("Patient/"+id), body(text, id), records.UpdateOptions{})
					return err
				},
				"delete in a transaction": func(id string) error {
					_, err := s.Bundle(t.Context(), bundle("transaction", entry("DELETE", "Patient/"+id, "", "", "")), records.BundleOptions{})
					return err
				},
				"patch in a transaction": func(id string) error {
					_, err := s.Bundle(t.Context(), bundle("transaction", entry("PATCH", "Patient/"+id, "", wrapped, "")), records.BundleOptions{})
					return err
				},
			} {
				took := map[string]int64{}
				for _, id := range []string{"hidden", "absent"} {
					before := asked.asked.Load()
					_ = write(id) // what they answer other tests look at
					took[id] = asked.asked.Load() - before
				}
				if took["hidden"] != took["absent"] {
					t.Errorf("%s, %s: %v questions", name, way, took)
				}
			}
		}
	})
}

func TestWhyOfWhatIsHiddenLooksAtNoMoreThanWhyOfWhatIsMissing(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		looked := &looking{Store: db.open(t)}
		door := must(records.Open(t.Context(), records.Config{Store: looked, Definitions: definitions.MustBuiltIn(definitions.R4), Base: base}))(t)
		put(t, door.Session(records.Principal{}, nil), "Patient/hidden", `{"resourceType":"Patient","id":"hidden","active":true}`)
		s := tokenSession(t, door, "system/Patient.rs?active=false")
		for _, id := range []string{"hidden", "absent"} {
			before := looked.read.Load()
			_, err := s.Why(t.Context(), key("Patient/"+id), records.Disclosure{})
			refused(t, err, fault.NotFound, "there is no Patient/"+id)
			if n := looked.read.Load() - before; n != 0 {
				t.Errorf("%s: it is read %d times", id, n)
			}
		}
	})
}

// looking is a store that counts how often resources are read by their keys.
type looking struct {
	store.Store
	read atomic.Int64
}

func (l *looking) ReadMany(ctx context.Context, keys []fhir.Key) ([]store.Record, error) {
	l.read.Add(1)
	return l.Store.ReadMany(ctx, keys)
}
