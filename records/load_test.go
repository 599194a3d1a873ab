package records_test

import (
	"context"
	"sync"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

func TestAGroupOfALoadFindsWhatTheOnesBeforeItStored(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		s := door.Session(records.Principal{}, nil)
		loader := s.Loader(records.LoadOptions{Request: records.Request{Bulk: true}})
		groups := [][]records.Content{
			{
				body(`{"resourceType":"Organization","id":"o","identifier":[{"value":"1"}],"name":"O"}`),
				body(`{"resourceType":"Patient","id":"p","managingOrganization":{"reference":"Organization/o"}}`),
				body(`{"resourceType":"Observation","id":"early","status":"final","code":{"text":"c"},"subject":{"reference":"Patient/q"}}`),
			},
			{
				body(`{"resourceType":"Organization","id":"o","identifier":[{"value":"1"}],"name":"O"}`), // the same again
				body(`{"resourceType":"Patient","id":"p","active":true}`),                                // changed
				body(`{"resourceType":"Patient","id":"q","managingOrganization":{"reference":"Organization?identifier=1"}}`),
				body(`{"resourceType":"Observation","id":"x","status":"final","code":{"text":"c"},"subject":{"reference":"Patient/p/_history/2"}}`),
				body(`{"resourceType":"Observation","id":"y","status":"final","code":{"text":"c"},"subject":{"reference":"Patient/p/_history/9"}}`),
			},
			{
				body(`{"resourceType":"Patient","id":"p","active":true}`),
				body(`{"resourceType":"Observation","id":"early","status":"final","code":{"text":"c"},"subject":{"reference":"Patient/q"}}`),
			},
		}
		begun := make([]*records.LoadGroup, len(groups))
		for i := range groups {
			begun[i] = loader.Group()
		}
		results := make([][]records.Loaded, len(groups))
		var wg sync.WaitGroup
		for i := len(groups) - 1; i >= 0; i-- { // whoever is called first
			wg.Go(func() {
				var err error
				if results[i], err = begun[i].Load(t.Context(), groups[i]); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if err := loader.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i, want := range [][]int64{{1, 1, 0}, {1, 2, 1, 1, 0}, {2, 1}} {
			for n, version := range want {
				if got := results[i][n]; got.Version != version || (got.Err != nil) != (version == 0) {
					t.Errorf("group %d, %d: %+v", i, n, got)
				}
			}
		}
		if !results[1][0].Matched || results[1][1].Matched || !results[2][0].Matched || len(results[0][2].Missing) != 1 {
			t.Errorf("%+v", results)
		}
		refused(t, results[1][4].Err, fault.Unprocessable, "Observation.subject.reference")
	})
}

func TestAGroupWhoseContextEndsKeepsNobodyWaiting(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		s := db.session(t, records.Policy{})
		loader := s.Loader(records.LoadOptions{})
		first, second := loader.Group(), loader.Group()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := first.Load(ctx, []records.Content{body(`{"resourceType":"Patient","id":"p"}`)}); err == nil {
			t.Error("a group was loaded after its context had ended")
		}
		loaded := must(second.Load(t.Context(), []records.Content{body(`{"resourceType":"Patient","id":"q"}`)}))(t)
		if loaded[0].Err != nil || loaded[0].Version != 1 {
			t.Errorf("%+v", loaded[0])
		}
	})
}
