package fhirapi

import (
	"net/url"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
)

// maxPairs bounds the parameters of one request.
const maxPairs = 2000

// parseQuery decodes a query or form, keeping the order of parameters, which
// net/url.Values loses.
func parseQuery(raw string) ([]search.Pair, error) {
	if raw == "" {
		return nil, nil
	}
	n := strings.Count(raw, "&") + 1
	if n > maxPairs {
		return nil, fault.New(fault.Invalid, fault.CodeTooCostly, "", "More than %d parameters in one request are refused.", maxPairs)
	}
	pairs := make([]search.Pair, 0, n)
	for item := range strings.SplitSeq(raw, "&") {
		if item == "" {
			continue
		}
		name, value, _ := strings.Cut(item, "=")
		name, err := unescape(name)
		if err != nil {
			return nil, err
		}
		if value, err = unescape(value); err != nil {
			return nil, err
		}
		pairs = append(pairs, search.Pair{Name: name, Value: value})
	}
	return pairs, nil
}

func unescape(s string) (string, error) {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s, nil
	}
	u, err := url.QueryUnescape(s)
	if err != nil {
		return "", fault.Wrap(err, fault.Invalid, fault.CodeInvalid, "",
			"The query holds a broken percent-escape: %q. A percent sign itself is written %%25.", fault.Shorten(s))
	}
	return u, nil
}

// appendQuery writes pairs as a query, without a question mark.
func appendQuery(dst []byte, pairs []search.Pair) []byte {
	for i, p := range pairs {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = appendEscaped(dst, p.Name)
		dst = append(dst, '=')
		dst = appendEscaped(dst, p.Value)
	}
	return dst
}

// appendEscaped escapes what a query may not hold, and leaves ':', ',', '/'
// and '$' readable, as RFC 3986 §3.4 allows.
func appendEscaped(dst []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		b := s[i]
		switch {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9',
			b == '-', b == '.', b == '_', b == '~', b == ':', b == ',', b == '/', b == '*', b == '$':
			dst = append(dst, b)
		default:
			dst = append(dst, '%', hex[b>>4], hex[b&15])
		}
	}
	return dst
}
