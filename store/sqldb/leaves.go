package sqldb

import (
	"slices"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
)

// tellable says whether hints can say all that x asks for, and of how many tokens that is. Nodes
// are for what policies ask; nil when there is to be none.
func tellable(x search.Expr, nodes *[]search.Governed) (tokens int, ok bool) {
	all := func(parts []search.Expr) (tokens int, ok bool) {
		for _, one := range parts {
			n, ok := tellable(one, nodes)
			if tokens += n; !ok {
				return tokens, false
			}
		}
		return tokens, true
	}
	switch x := x.(type) {
	case search.And:
		return all(x)
	case search.Or:
		return all(x)
	case search.Not:
		return tellable(x.X, nodes)
	case search.Token:
		return 1, !x.AnyCode && !x.Start
	case search.Chain:
		if x.Former == search.Even {
			return 0, false
		}
		return anyToken(x.X)
	case search.Governed:
		if nodes == nil || x.Lacking {
			return 0, false
		}
		*nodes = append(*nodes, x)
		return 0, true
	case search.Date:
		return 0, x.Prefix == search.AP
	case search.Missing:
		return 0, x.Param.Kind == definitions.SearchDate
	}
	return 0, false
}

// anyToken says whether x is one of tokens, or one of several.
func anyToken(x search.Expr) (tokens int, ok bool) {
	switch x := x.(type) {
	case search.Token:
		return tellable(x, nil)
	case search.Or:
		for _, one := range x {
			n, ok := anyToken(one)
			if tokens += n; !ok {
				return tokens, false
			}
		}
		return tokens, true
	}
	return 0, false
}

// leaves are what is asked for.
type leaves struct {
	tokens []search.Or    // each of one parameter and system
	chains []search.Chain // of which X is an Or of such
	count  int            // of tokens
	dates  []search.Param
}

// add adds what x asks for, which is tellable.
func (p *leaves) add(x search.Expr) {
	switch x := x.(type) {
	case search.And:
		for _, one := range x {
			p.add(one)
		}
	case search.Or:
		for _, one := range x {
			p.add(one)
		}
	case search.Not:
		p.add(x.X)
	case search.Token:
		p.tokens = p.addTokens(p.tokens, x)
	case search.Chain:
		i := slices.IndexFunc(p.chains, func(c search.Chain) bool { return c.Param == x.Param && c.Target == x.Target })
		if i < 0 {
			i = len(p.chains)
			p.chains = append(p.chains, search.Chain{Param: x.Param, Target: x.Target, X: search.Or{}})
		}
		var tokens []search.Or
		for _, or := range p.chains[i].X.(search.Or) {
			tokens = append(tokens, or.(search.Or))
		}
		var any search.Or
		for _, or := range p.addTokens(tokens, x.X) {
			any = append(any, or)
		}
		p.chains[i].X = any
	case search.Date:
		p.addDate(x.Param)
	case search.Missing:
		p.addDate(x.Param)
	}
}

// addTokens adds those of x to lists, each of one parameter and system.
func (p *leaves) addTokens(lists []search.Or, x search.Expr) []search.Or {
	if or, ok := x.(search.Or); ok {
		for _, one := range or {
			lists = p.addTokens(lists, one)
		}
		return lists
	}
	token := x.(search.Token)
	alike := token
	alike.Code = ""
	for i, or := range lists {
		first := or[0].(search.Token)
		if first.Code = ""; first != alike {
			continue
		}
		if !slices.ContainsFunc(or, func(one search.Expr) bool { return one.(search.Token) == token }) {
			p.count++
			lists[i] = append(or, token)
		}
		return lists
	}
	p.count++
	return append(lists, search.Or{token})
}

func (p *leaves) addDate(param search.Param) {
	if !slices.Contains(p.dates, param) {
		p.dates = append(p.dates, param)
	}
}

// join adds what others are asked for.
func (p *leaves) join(other *leaves) {
	for _, or := range other.tokens {
		p.add(or)
	}
	for _, chain := range other.chains {
		p.add(chain)
	}
	for _, param := range other.dates {
		p.addDate(param)
	}
}

// any holds where one of the tokens does; nil when there are none.
func (p *leaves) any() search.Expr {
	var any search.Or
	for _, or := range p.tokens {
		any = append(any, or)
	}
	for _, chain := range p.chains {
		any = append(any, chain)
	}
	if any == nil {
		return nil
	}
	return search.Standing{X: any, Made: new(search.Made)}
}

// tokenList are codes of one parameter and system, of the resource or of what it refers to.
type tokenList struct {
	of    tokensOf
	codes []string
}

type tokensOf struct {
	by     search.Param // zero: of the resource
	target string
	token  search.Token // without a code
}

// lists are the tokens, then those of the chains.
func (p *leaves) lists() (all []tokenList) {
	add := func(by search.Param, target string, list search.Or) {
		one := tokenList{of: tokensOf{by, target, list[0].(search.Token)}}
		one.of.token.Code = ""
		for _, x := range list {
			one.codes = append(one.codes, x.(search.Token).Code)
		}
		all = append(all, one)
	}
	for _, list := range p.tokens {
		add(search.Param{}, "", list)
	}
	for _, chain := range p.chains {
		for _, list := range chain.X.(search.Or) {
			add(chain.Param, chain.Target, list.(search.Or))
		}
	}
	return all
}
