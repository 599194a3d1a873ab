package search

import (
	"cmp"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

// SortValue is what a resource is ordered by for one SortKey.
type SortValue struct {
	Present bool    `json:"p,omitzero"`
	Number  float64 `json:"n,omitzero"`
	Time    int64   `json:"t,omitzero"` // microseconds since the epoch
	Text    string  `json:"s,omitzero"`
}

func (a SortValue) compare(b SortValue) int {
	return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Time, b.Time), strings.Compare(a.Text, b.Text))
}

// SortValues are what a resource is ordered by for some keys: see CompareSorted.
func (d *Document) SortValues(keys []SortKey) []SortValue {
	values := make([]SortValue, len(keys))
	for i, k := range keys {
		values[i] = d.sortValue(k)
	}
	return values
}

// sortValue takes the value of a resource for a key: the smallest, or for
// descending order the greatest.
func (d *Document) sortValue(k SortKey) SortValue {
	switch k.Param.Code {
	case codeID:
		return SortValue{Present: true, Text: string(d.Key.ID)}
	case codeLastUpdated:
		return SortValue{Present: true, Time: d.Updated.UnixMicro()}
	}
	var best SortValue
	for e := range d.named(k.Param) {
		v := e.sortValue(k.Param.Kind)
		if !v.Present {
			continue
		}
		if c := v.compare(best); !best.Present || c < 0 && !k.Desc || c > 0 && k.Desc {
			best = v
		}
	}
	return best
}

func (e *Entry) sortValue(kind definitions.SearchType) SortValue {
	switch kind {
	case definitions.SearchDate:
		return SortValue{Present: true, Time: e.Time.Lo}
	case definitions.SearchNumber:
		return SortValue{Present: true, Number: e.Number.Value}
	case definitions.SearchQuantity:
		if e.Canonical != nil {
			return SortValue{Present: true, Number: e.Canonical.Range.Value}
		}
		return SortValue{Present: true, Number: e.Number.Value}
	case definitions.SearchString:
		return SortValue{Present: true, Text: e.Norm}
	case definitions.SearchToken:
		return SortValue{Present: e.Code != "", Text: e.Code}
	case definitions.SearchReference:
		if e.RefID != "" {
			return SortValue{Present: true, Text: e.RefType + "/" + e.RefID}
		}
		return SortValue{Present: e.URL != "", Text: e.URL}
	case definitions.SearchURI:
		return SortValue{Present: true, Text: e.URL}
	}
	return SortValue{}
}

// CompareSorted orders two resources by the values of keys; those without a
// value come last in both directions.
func CompareSorted(keys []SortKey, a, b []SortValue) int {
	for i, k := range keys {
		switch {
		case a[i].Present != b[i].Present:
			if a[i].Present {
				return -1
			}
			return 1
		case k.Desc:
			if c := b[i].compare(a[i]); c != 0 {
				return c
			}
		default:
			if c := a[i].compare(b[i]); c != 0 {
				return c
			}
		}
	}
	return 0
}
