package records_test

import (
	"context"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/smart"
)

func TestAScopeAsksByAStoredSearchParameterOnceItIsIndexed(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door, other := db.door(t, records.DefaultPolicy()), db.door(t, records.DefaultPolicy())
		all := door.Session(records.Principal{}, nil)
		patient(t, all, "p")
		sited := func(id, site string) records.Content {
			return body(`{"resourceType":"Observation","id":%q,"status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"},"bodySite":{"coding":[{"code":%q}]}}`, id, site)
		}
		for _, id := range []string{"arm", "leg"} {
			must(all.Update(t.Context(), key("Observation/"+id), sited(id, id), records.UpdateOptions{}))(t)
		}
		scope := must(smart.ParseScope("patient/Observation.cruds?site=arm"))(t)
		if err := door.CheckScope(t.Context(), scope); err == nil || !strings.Contains(err.Error(), `"site" is not a parameter`) {
			t.Errorf("before it is there: %v", err)
		}
		define(t, door, "site", "active", "site token Observation.bodySite")
		for _, d := range []*records.Door{door, other} {
			await(t, func() bool {
				err := d.CheckScope(t.Context(), scope)
				return err != nil && strings.Contains(err.Error(), "Observation.site is being indexed")
			})
			s := d.Session(records.Principal{}, d.Ownership().Rules(access.Grant{Scopes: smart.Scopes{scope.String()}, Patient: "p"}))
			for name, try := range waysToRead() {
				if err := try(t.Context(), s); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "Observation.site is being indexed") || strings.Contains(err.Error(), "_indexing") {
					t.Errorf("%s while it is being indexed: %v", name, err)
				}
			}
		}
		work(t, door, nil)
		for _, d := range []*records.Door{door, other} {
			await(t, func() bool { return d.CheckScope(t.Context(), scope) == nil })
			s := tokenSession(t, d, scope.String())
			if got := found(t, s, "Observation", ""); got != "Observation/arm" {
				t.Errorf("found %s", got)
			}
			_, err := s.Read(t.Context(), key("Observation/leg"), records.ReadOptions{})
			refused(t, err, fault.NotFound)
			_, err = s.Create(t.Context(), "Observation", sited("new", "leg"), records.CreateOptions{})
			refused(t, err, fault.Forbidden)
			must(s.Update(t.Context(), key("Observation/arm"), sited("arm", "arm"), records.UpdateOptions{}))(t)
		}
		s := tokenSession(t, door, scope.String())
		define(t, door, "site", "retired", "site token Observation.bodySite")
		if got := found(t, s, "Observation", ""); got != "" || door.CheckScope(t.Context(), scope) == nil {
			t.Errorf("without it %s is found", got)
		}
	})
}

// waysToRead are reads of Observation/arm and of others beside it.
func waysToRead() map[string]func(ctx context.Context, s *records.Session) error {
	reads := func(kind string) func(ctx context.Context, s *records.Session) error {
		return func(ctx context.Context, s *records.Session) error {
			res, err := s.Bundle(ctx, bundle(kind, entry("GET", "Observation/arm", "", "", "")), records.BundleOptions{})
			if err == nil {
				err = res.Entries[0].Err
			}
			return err
		}
	}
	return map[string]func(ctx context.Context, s *records.Session) error{
		"read": func(ctx context.Context, s *records.Session) error {
			_, err := s.Read(ctx, key("Observation/arm"), records.ReadOptions{})
			return err
		},
		"search": func(ctx context.Context, s *records.Session) error {
			_, err := s.Search(ctx, records.SearchRequest{Type: "Observation"})
			return err
		},
		"partial search": func(ctx context.Context, s *records.Session) error {
			_, err := s.Search(ctx, records.SearchRequest{Type: "Observation", Partial: true})
			return err
		},
		"history": func(ctx context.Context, s *records.Session) error {
			_, err := s.History(ctx, records.HistoryRequest{Type: "Observation"})
			return err
		},
		"history of all": func(ctx context.Context, s *records.Session) error {
			_, err := s.History(ctx, records.HistoryRequest{})
			return err
		},
		"read in a batch": reads("batch"), "read in a transaction": reads("transaction"),
		"delete": func(ctx context.Context, s *records.Session) error {
			_, err := s.Delete(ctx, key("Observation/arm"), records.DeleteOptions{})
			return err
		},
	}
}
