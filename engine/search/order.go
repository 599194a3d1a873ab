package search

import (
	"cmp"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

// sortValue is what a resource is ordered by for one SortKey.
type sortValue struct {
	present bool
	number  float64
	time    int64
	text    string
}

func (a sortValue) compare(b sortValue) int {
	return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.time, b.time), strings.Compare(a.text, b.text))
}

// sortValue takes the value of a resource for a key: the smallest, or for
// descending order the greatest.
func (d *Document) sortValue(k SortKey) sortValue {
	switch k.Param.Code {
	case codeID:
		return sortValue{present: true, text: string(d.Key.ID)}
	case codeLastUpdated:
		return sortValue{present: true, time: d.Updated.UnixMicro()}
	}
	var best sortValue
	for e := range d.named(k.Param) {
		v := e.sortValue(k.Param.Kind)
		if !v.present {
			continue
		}
		if c := v.compare(best); !best.present || c < 0 && !k.Desc || c > 0 && k.Desc {
			best = v
		}
	}
	return best
}

func (e *Entry) sortValue(kind definitions.SearchType) sortValue {
	switch kind {
	case definitions.SearchDate:
		return sortValue{present: true, time: e.Time.Lo}
	case definitions.SearchNumber:
		return sortValue{present: true, number: e.Number.Value}
	case definitions.SearchQuantity:
		if e.Canonical != nil {
			return sortValue{present: true, number: e.Canonical.Range.Value}
		}
		return sortValue{present: true, number: e.Number.Value}
	case definitions.SearchString:
		return sortValue{present: true, text: e.Norm}
	case definitions.SearchToken:
		return sortValue{present: e.Code != "", text: e.Code}
	case definitions.SearchReference:
		if e.RefID != "" {
			return sortValue{present: true, text: e.RefType + "/" + e.RefID}
		}
		return sortValue{present: e.URL != "", text: e.URL}
	case definitions.SearchURI:
		return sortValue{present: true, text: e.URL}
	}
	return sortValue{}
}

// compareSorted orders two resources by the values of keys; those without a
// value come last in both directions.
func compareSorted(keys []SortKey, a, b []sortValue) int {
	for i, k := range keys {
		switch {
		case a[i].present != b[i].present:
			if a[i].present {
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
