package search

import (
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
)

// special reads the parameters that need no definition; ok is false for others.
func (p *parser) special(types []string, name, value string, depth int) (x Expr, ok bool, err error) {
	code, modifier, modified := strings.Cut(name, ":")
	switch code {
	case "_list", "_filter":
	default:
		return nil, false, nil
	}
	if modified {
		return nil, true, fault.New(fault.Invalid, fault.CodeInvalid, "", "%s takes no modifier :%s", code, fault.Shorten(modifier))
	}
	if code == "_list" {
		x, err = p.list(value)
	} else {
		x, err = p.filtered(types, value, depth)
	}
	return x, true, err
}
