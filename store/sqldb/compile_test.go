package sqldb

import (
	"testing"

	"github.com/inglehealth/ingle/engine/search"
)

func TestWhatGovernsAResourceIsAskedOfEach(t *testing.T) {
	governed := search.Governed{Policies: []int64{1}}
	label := search.Token{System: "s", Code: "c"}
	for _, x := range []search.Expr{governed, search.And{label, governed}, search.Or{governed, label}, search.Governed{Lacking: true}} {
		if rare(x) {
			t.Errorf("%#v is looked up at once", x)
		}
	}
	for _, x := range []search.Expr{label, search.Chain{X: label}, search.And{label, search.Not{X: governed}}} {
		if !rare(x) {
			t.Errorf("%#v is asked of each", x)
		}
	}
}
