package app

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/apps/kit"
	"github.com/inglehealth/ingle/client/smart"
)

// vitals are the latest measurement of each kind, by name, among the latest 100.
func vitals(ctx context.Context, fhir *smart.FHIR, patient string) (kit.List[kit.Observation], error) {
	l, err := kit.Find[kit.Observation](ctx, fhir, "Observation", url.Values{
		"patient": {patient}, "category": {"vital-signs"}, "_sort": {"-date"}, "_count": {"100"},
	}, 100)
	latest := map[string]kit.Observation{}
	for _, o := range l.Rows {
		if known, ok := latest[o.Code.Key()]; o.Counts() && (!ok || o.At().After(known.At())) {
			latest[o.Code.Key()] = o
		}
	}
	l.Rows = nil
	for _, o := range latest {
		l.Rows = append(l.Rows, o)
	}
	slices.SortFunc(l.Rows, func(a, b kit.Observation) int { return strings.Compare(a.Code.String(), b.Code.String()) })
	return l, err
}
