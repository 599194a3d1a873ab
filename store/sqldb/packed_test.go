package sqldb

import (
	"testing"

	"github.com/inglehealth/ingle/engine/search"
)

func TestWhatIsPackedIsOfTheConditionsThatItWasMadeBy(t *testing.T) {
	x := search.Governed{Kinds: new(search.Kinds), Each: new(search.Decisions)}
	x.Kinds.Add(7, 0)
	never := &decided{changes: 1, of: []choice{{condition: holdsNever}}}
	always := &decided{changes: 1, of: []choice{{condition: holdsAlways}}}
	for _, d := range []*decided{never, always} {
		choices := &Choices{numbers: []int64{7}, kinds: []int32{0}, of: d.of}
		packed := d.packedOf(x, decidedKey{}, choices).bytes
		if got := int64(packed[len(packed)-1]); got != d.of[0].condition {
			t.Errorf("condition %d is packed of %d", got, d.of[0].condition)
		}
	}
}
