package search

import (
	"encoding/binary"
	"math"
)

// equal says whether two entries say the same.
func (e *Entry) equal(o *Entry) bool {
	if e.Param.Code != o.Param.Code || e.Code != o.Code || e.System != o.System || e.Norm != o.Norm || e.RefID != o.RefID ||
		e.URL != o.URL || e.Time != o.Time || e.Number != o.Number || e.Text != o.Text || e.RefType != o.RefType ||
		e.Version != o.Version || e.Param != o.Param || e.Point != o.Point || len(e.Parts) != len(o.Parts) {
		return false
	}
	if (e.Canonical == nil) != (o.Canonical == nil) || e.Canonical != nil && *e.Canonical != *o.Canonical {
		return false
	}
	for i := range e.Parts {
		if !e.Parts[i].equal(&o.Parts[i]) {
			return false
		}
	}
	return true
}

// appendKey writes all of an entry so that equal entries, and no others, give
// equal keys.
func (e *Entry) appendKey(key []byte) []byte {
	for _, s := range [...]string{
		e.Param.Type, e.Param.Code, string(e.Param.Kind), e.System, e.Code, e.Text, e.Norm, e.RefType, e.RefID, e.URL, e.Version,
	} {
		key = binary.AppendUvarint(key, uint64(len(s)))
		key = append(key, s...)
	}
	key = binary.AppendVarint(key, e.Time.Lo)
	key = binary.AppendVarint(key, e.Time.Hi)
	key = e.Number.appendKey(key)
	key = NumberRange{e.Point.X, e.Point.Y, e.Point.Z}.appendKey(key)
	if e.Canonical == nil {
		key = append(key, 0)
	} else {
		key = append(key, 1)
		key = e.Canonical.Range.appendKey(key)
		key = binary.AppendUvarint(key, uint64(len(e.Canonical.Unit)))
		key = append(key, e.Canonical.Unit...)
	}
	key = binary.AppendUvarint(key, uint64(len(e.Parts)))
	for i := range e.Parts {
		key = e.Parts[i].appendKey(key)
	}
	return key
}

func (r NumberRange) appendKey(key []byte) []byte {
	for _, f := range [...]float64{r.Value, r.Lo, r.Hi} {
		key = binary.BigEndian.AppendUint64(key, math.Float64bits(f))
	}
	return key
}
