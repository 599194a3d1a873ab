package search

import (
	"slices"
	"strconv"
	"sync"
	"testing"
)

// The race detector tells when this is not so.
func TestParametersAreListedWhileOthersLearnWhatPoliciesAsk(t *testing.T) {
	each := NewDecisions(func(kind int) Expr { return Token{Param: Param{Type: "Observation", Code: strconv.Itoa(kind)}} })
	x := Not{Governed{Params: []Param{{Type: "Observation", Code: "subject"}}, Each: each}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for kind := range 100 {
			each.Of(kind)
		}
	})
	wg.Go(func() {
		for range 100 {
			ParamsOf(x)
		}
	})
	wg.Wait()
	codes := []string{}
	for _, p := range ParamsOf(x) {
		codes = append(codes, p.Code)
	}
	for _, code := range []string{"subject", "0", "99"} {
		if !slices.Contains(codes, code) {
			t.Errorf("%s is not among %v", code, codes)
		}
	}
}
