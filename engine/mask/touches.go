package mask

import (
	"regexp"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

// Touches says whether a search parameter of a resource type may tell of an element
// that one of paths names. When in doubt it does.
func Touches(d *definitions.Definitions, typeName, code string, paths []Path) bool {
	var own []Path
	for _, p := range paths {
		if p.Type() == typeName {
			own = append(own, p)
		}
	}
	if own == nil {
		return false
	}
	switch code {
	case "_id", "_lastUpdated", "_profile", "_security", "_source", "_tag", "_type", "_language":
		return false
	}
	p := d.SearchParameter(typeName, code)
	if p == nil || p.Expression == "" { // _text, _content, _list, and what others add
		return true
	}
	if strings.Contains(p.Expression, "%") {
		return true
	}
	for part := range strings.SplitSeq(p.Expression, "|") {
		selected := selections(part, typeName)
		if len(selected) == 0 && !ofOthers(part) {
			return true
		}
		if slices.ContainsFunc(selected, func(elements []string) bool { return overlaps(elements, own) }) {
			return true
		}
	}
	return false
}

// overlaps says whether an element holds one that a path names, or is in one.
func overlaps(elements []string, paths []Path) bool {
	return slices.ContainsFunc(paths, func(p Path) bool {
		_, hidden := p.cut()
		n := min(len(elements), len(hidden))
		return slices.Equal(elements[:n], hidden[:n])
	})
}

// ofOthers says whether a part of an expression is about other types only.
func ofOthers(part string) bool {
	part = strings.TrimLeft(part, " (")
	return part != "" && part[0] >= 'A' && part[0] <= 'Z'
}

var selection = regexp.MustCompile(`\b([A-Z][A-Za-z]*)((?:\.[a-z][A-Za-z0-9]*\b)*)(\(?)`)

// selections are the elements that an expression selects of a type, down to the first
// function.
func selections(expression, typeName string) (selected [][]string) {
	for _, m := range selection.FindAllStringSubmatch(expression, -1) {
		if m[1] != typeName && m[1] != "Resource" && m[1] != "DomainResource" {
			continue
		}
		var elements []string
		if m[2] != "" {
			elements = strings.Split(m[2][1:], ".")
		}
		if m[3] != "" && len(elements) > 0 { // the last one is a function
			elements = elements[:len(elements)-1]
		}
		selected = append(selected, elements)
	}
	return selected
}
