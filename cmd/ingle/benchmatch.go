package main

import (
	"context"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/engine/subscribe"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// matching is the workload that needs no server.
const matching = "matching"

// matched subscriptions and changes, which are matched again and again.
const (
	matchedSubscriptions = 1000
	matchedChanges       = 1000
)

// benchMatching measures how many changes a second one core matches with 1,000
// subscriptions, reading each resource and computing what it is found by as the feed
// does.
func benchMatching(ctx context.Context, m *Main, d time.Duration) error {
	defs := definitions.MustBuiltIn(definitions.R4)
	catalog, err := search.NewCatalog(defs, "")
	if err != nil {
		return err
	}
	set, err := manySubscriptions(catalog)
	if err != nil {
		return err
	}
	bodies := make([][]byte, matchedChanges)
	for i := range bodies {
		bodies[i] = fmt.Appendf(nil, `{"resourceType":"Observation","id":"o%d","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"%d"}]},
			"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],"subject":{"reference":"Patient/%d"},
			"effectiveDateTime":"2024-01-02T03:04:05Z","valueQuantity":{"value":%d,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}}`, i, i%50, i, i%100)
	}
	began, done, hits := time.Now(), 0, 0
	for time.Since(began) < d && ctx.Err() == nil {
		tree, err := fhir.ParseJSON(defs, bodies[done%len(bodies)], fhir.Limits{})
		if err != nil {
			return err
		}
		entries, err := catalog.Extract(ctx, tree)
		if err != nil {
			return err
		}
		change := subscribe.Change{Interaction: subscribe.Create, After: &search.Document{Key: tree.Key(), Entries: entries}}
		hits += len(set.Match(ctx, &change, func(string, error) {}))
		done++
	}
	_, err = fmt.Fprintf(m.Stdout, "%-17s %9s changes/s  %d subscriptions, %.2f of them told of a change\n",
		matching, humanize.Comma(int64(float64(done)/time.Since(began).Seconds())), set.Len(), float64(hits)/float64(max(1, done)))
	return err
}

// manySubscriptions are about the record of a patient, about results of a code, of a
// patient, and above a value.
func manySubscriptions(catalog *search.Catalog) (*subscribe.Set, error) {
	catalogs := []*search.Catalog{catalog}
	topics := subscribe.BuiltIn()
	record := &topics[len(topics)-1]
	set := subscribe.NewSet()
	for i := range matchedSubscriptions {
		var c *subscribe.Criteria
		var err error
		switch i % 10 {
		case 0, 1, 2, 3:
			c, err = record.Compile([]string{fmt.Sprintf("?patient=Patient/%d", i)}, catalogs)
		case 4, 5, 6, 7, 8:
			c, err = subscribe.Plain(fmt.Sprintf("Observation?code=http://loinc.org|%d&patient=Patient/%d", i%50, i), catalogs)
		default:
			c, err = subscribe.Plain(fmt.Sprintf("Observation?code=%d&value-quantity=gt%d", i, 50+i%50), catalogs)
		}
		if err != nil {
			return nil, err
		}
		set.Put(fmt.Sprint(i), c)
	}
	return set, nil
}
