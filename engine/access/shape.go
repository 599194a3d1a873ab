package access

import "github.com/inglehealth/ingle/engine/search"

// shapes are what policies ask that are the same but for the periods of data they name.
type shapes struct {
	of func(policy) search.Expr
	by map[string]search.Expr // by the text of the policy without them
}

func newShapes(of func(policy) search.Expr) *shapes {
	return &shapes{of, map[string]search.Expr{}}
}

// maxShapes bounds the shapes that are remembered.
const maxShapes = 1000

// expr is what a policy asks. One that names periods is soon made again.
func (s *shapes) expr(p policy) (x search.Expr, again bool) {
	var periods []int64
	blank := make(policy, len(p))
	for i, together := range p {
		blank[i] = blanks(together, &periods)
	}
	if periods == nil {
		return s.of(p), false
	}
	text := string(marshal(blank))
	x, ok := s.by[text]
	if !ok {
		if len(s.by) >= maxShapes {
			clear(s.by)
		}
		x = s.of(blank)
		s.by[text] = x
	}
	return dates(x, periods), true
}

// blanks are rules with places in periods instead of their periods, which it adds.
func blanks(rules []rule, periods *[]int64) []rule {
	out := make([]rule, len(rules))
	for i, r := range rules {
		if r.Lo != nil {
			lo := int64(len(*periods))
			hi := lo + 1
			*periods = append(*periods, *r.Lo, *r.Hi)
			r.Lo, r.Hi = &lo, &hi
		}
		r.Rules = blanks(r.Rules, periods)
		out[i] = r
	}
	return out
}

// dates is x with the periods of which it has the places.
func dates(x search.Expr, periods []int64) search.Expr {
	return remade(x, func(x search.Expr) (search.Expr, bool) {
		if d, ok := x.(search.Date); ok {
			d.Range = search.TimeRange{Lo: periods[d.Range.Lo], Hi: periods[d.Range.Hi]}
			return d, true
		}
		return x, false
	})
}
