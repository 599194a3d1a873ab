package patch

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
)

// pointer is a JSON Pointer (RFC 6901) taken apart; empty is the document.
type pointer []string

func parsePointer(text string) (pointer, error) {
	if text == "" {
		return nil, nil
	}
	if text[0] != '/' {
		return nil, fmt.Errorf("%q does not begin with \"/\"", fault.Shorten(text))
	}
	parts := strings.Split(text[1:], "/")
	for i, p := range parts {
		for n := 0; n < len(p); n++ {
			if p[n] == '~' && (n+1 == len(p) || p[n+1] != '0' && p[n+1] != '1') {
				return nil, fmt.Errorf("%q has a \"~\" that is neither \"~0\" nor \"~1\"", fault.Shorten(text))
			}
		}
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(p, "~1", "/"), "~0", "~")
	}
	return parts, nil
}

// within says whether p lies below o.
func (p pointer) within(o pointer) bool {
	if len(p) <= len(o) {
		return false
	}
	for i := range o {
		if p[i] != o[i] {
			return false
		}
	}
	return true
}

// path writes the pointer in the manner of FHIRPath, for messages.
func (p pointer) path(root string) string {
	var b strings.Builder
	b.WriteString(root)
	for _, part := range p {
		if n, err := strconv.Atoi(part); err == nil && n >= 0 {
			fmt.Fprintf(&b, "[%d]", n)
		} else if part != "-" {
			b.WriteString("." + fault.Shorten(part))
		}
	}
	return b.String()
}

// get walks from v to what p points to.
func (p pointer) get(v *value) (*value, error) {
	for i, part := range p {
		next, err := v.child(part)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", "/"+strings.Join(p[:i+1], "/"), err)
		}
		v = next
	}
	return v, nil
}

func (v *value) child(part string) (*value, error) {
	switch v.kind {
	case '{':
		if i := v.find(part); i >= 0 {
			return v.members[i].value, nil
		}
		return nil, fmt.Errorf("there is no member %q", fault.Shorten(part))
	case '[':
		i, err := arrayIndex(part, len(v.items)-1)
		if err != nil {
			return nil, err
		}
		return v.items[i], nil
	}
	return nil, fmt.Errorf("%q cannot be in a value that is neither object nor array", fault.Shorten(part))
}

// arrayIndex reads an array index from 0 to most (RFC 6901 §4).
func arrayIndex(part string, most int) (int, error) {
	i, err := strconv.Atoi(part)
	if err != nil || strconv.Itoa(i) != part || i < 0 {
		return 0, fmt.Errorf("%q is not an array index", fault.Shorten(part))
	}
	if i > most {
		return 0, fmt.Errorf("there is no position %d in an array of %d", i, most+1)
	}
	return i, nil
}
