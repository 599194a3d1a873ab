package terminology

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
)

// expanding collects the codes of an expansion.
type expanding struct {
	*scope
	r     *ExpandRequest
	root  *ValueSet
	words []string
	seen  seen
	total int
	page  []item
}

func (e *expanding) paged() bool { return e.r.Count >= 0 || e.r.Offset > 0 }

// take counts an item and keeps it if it is on the page.
func (e *expanding) take(it *item) error {
	if it.sys != nil {
		if bad := e.checked(it.system, it.version); bad != "" {
			return refuse(fault.Unprocessable, fault.CodeException, "", "version-error", "VALUESET_VERSION_CHECK",
				"The version '%s' is not allowed for system '%s': required to be '%s' by a version-check parameter", it.version, it.system, bad)
		}
	}
	activeOnly := e.r.ActiveOnly || it.of.Inactive == "false" || e.root.Inactive == "false"
	if activeOnly && it.sys != nil && it.sys.inactive(it.index) || !it.speaksOf(e.words) {
		return nil
	}
	if e.r.ExcludeNotForUI && it.sys != nil && it.sys.abstract(it.index) || e.leftOut(it) {
		return nil
	}
	if e.seen.before(it, e.root.parameters["versionsMatch"] == "true") {
		return nil
	}
	e.total++
	switch {
	case !e.paged() && e.total > MaxExpansion, e.r.Count > MaxExpansion:
		return refuse(fault.Unprocessable, fault.CodeTooCostly, "", "too-costly", "VALUESET_TOO_COSTLY",
			"The value set %s has more than %d codes, which is the most that an expansion holds: ask for a part of it with count and offset, or with filter", e.root.canonical(), MaxExpansion)
	case e.total > max(e.r.Offset, 0) && (e.r.Count < 0 || len(e.page) < e.r.Count):
		if len(e.page) == MaxExpansion {
			return refuse(fault.Unprocessable, fault.CodeTooCostly, "", "too-costly", "VALUESET_TOO_COSTLY",
				"A page holds at most %d codes: send count", MaxExpansion)
		}
		e.page = append(e.page, *it)
	}
	return nil
}

func (e *expanding) leftOut(it *item) bool {
	return slices.ContainsFunc(e.r.ExcludedSystems, func(c string) bool {
		url, version, _ := cutVersion(c)
		return url == it.system && (version == "" || matchVersion(version, it.version))
	})
}

// speaksOf says whether each word is in the code or one of the names.
func (it *item) speaksOf(words []string) bool {
	if len(words) == 0 {
		return true
	}
	text := strings.ToLower(it.code)
	for _, n := range it.names() {
		text += "\n" + strings.ToLower(n.Value)
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// seen remembers the codes that were taken.
type seen struct {
	concepts map[*CodeSystem][]uint64 // a bit for each concept
	others   map[[3]string]bool
}

func newSeen() seen { return seen{map[*CodeSystem][]uint64{}, map[[3]string]bool{}} }

// before says whether an item was taken before, and remembers it. When
// versions match, it is the same code in all versions of its system.
func (s *seen) before(it *item, versionsMatch bool) bool {
	if it.sys == nil || versionsMatch {
		k := [3]string{it.system, it.code}
		if !versionsMatch {
			k[2] = it.version
		}
		was := s.others[k]
		s.others[k] = true
		return was
	}
	bits := s.concepts[it.sys.CodeSystem]
	if bits == nil {
		bits = make([]uint64, len(it.sys.Concepts)/64+1)
		s.concepts[it.sys.CodeSystem] = bits
	}
	word, bit := it.index/64, uint64(1)<<(it.index%64)
	was := bits[word]&bit != 0
	bits[word] |= bit
	return was
}
