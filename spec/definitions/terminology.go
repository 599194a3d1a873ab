package definitions

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/inglehealth/ingle/spec/definitions/internal/record"
)

// ValueSet is a value set as it is defined: what it includes and excludes,
// and the expansion that came with it, if any.
type ValueSet = record.ValueSet

// Include is ValueSet.compose.include or exclude.
type Include = record.Include

// Filter is ValueSet.compose.include.filter.
type Filter = record.Filter

// ExpandedCode is one code of an expansion.
type ExpandedCode = record.Code

// CodeSystem is a code system with the concepts that are there: Content says
// whether they are all.
type CodeSystem = record.CodeSystem

// Concept is a concept of a code system, or of an include of a value set.
type Concept = record.Concept

// terminology is the value sets and code systems of one layer. Those of a
// built-in release stay packed until they are asked for.
type terminology struct {
	load  func() (record.Chunked, error) // nil when all is here already
	once  sync.Once
	err   error
	index map[termKey][]termEntry

	mu     sync.Mutex
	chunks [][]byte
}

type termKey struct {
	url        string
	codeSystem bool
}

// termEntry is one version of a value set or code system, unpacked or not.
type termEntry struct {
	version    string
	chunk      int
	valueSet   *ValueSet
	codeSystem *CodeSystem
}

// newTerminology holds records that are read already.
func newTerminology(set *record.Set) *terminology {
	t := &terminology{index: make(map[termKey][]termEntry, len(set.ValueSets)+len(set.CodeSystems))}
	for i := range set.ValueSets {
		v := &set.ValueSets[i]
		k := termKey{url: v.URL}
		t.index[k] = append(t.index[k], termEntry{version: v.Version, valueSet: v})
	}
	for i := range set.CodeSystems {
		c := &set.CodeSystems[i]
		k := termKey{url: c.URL, codeSystem: true}
		t.index[k] = append(t.index[k], termEntry{version: c.Version, codeSystem: c})
	}
	return t
}

// open reads the index on first use.
func (t *terminology) open() {
	t.once.Do(func() {
		if t.load == nil {
			return
		}
		packed, err := t.load()
		if err != nil {
			t.err = err
			return
		}
		t.chunks = packed.Chunks
		t.index = make(map[termKey][]termEntry, len(packed.Index))
		for _, e := range packed.Index {
			k := termKey{e.URL, e.CodeSystem}
			t.index[k] = append(t.index[k], termEntry{version: e.Version, chunk: e.Chunk})
		}
	})
}

// find returns the entry of a canonical and whether its version is the one
// asked for.
func (t *terminology) find(k termKey, version string) (termEntry, bool, bool) {
	t.open()
	t.mu.Lock()
	defer t.mu.Unlock()
	list := t.index[k]
	if len(list) == 0 {
		return termEntry{}, false, false
	}
	i := slices.IndexFunc(list, func(e termEntry) bool { return e.version == version })
	exact := i >= 0 || version == ""
	e := &list[max(i, 0)]
	if e.valueSet == nil && e.codeSystem == nil {
		if err := t.unpack(e.chunk); err != nil {
			t.err = err
			return termEntry{}, false, false
		}
	}
	return *e, exact, true
}

// unpack reads a chunk and fills the entries that stand in it.
func (t *terminology) unpack(chunk int) error {
	text, err := unpack(t.chunks[chunk])
	if err != nil {
		return fmt.Errorf("terminology chunk %d: %w", chunk, err)
	}
	set, err := record.DecodeChunk(text)
	if err != nil {
		return fmt.Errorf("terminology chunk %d: %w", chunk, err)
	}
	fill := func(k termKey, version string, v *ValueSet, c *CodeSystem) {
		list := t.index[k]
		for i := range list {
			if e := &list[i]; e.chunk == chunk && e.version == version && e.valueSet == nil && e.codeSystem == nil {
				e.valueSet, e.codeSystem = v, c
				return
			}
		}
	}
	for i := range set.ValueSets {
		v := &set.ValueSets[i]
		fill(termKey{url: v.URL}, v.Version, v, nil)
	}
	for i := range set.CodeSystems {
		c := &set.CodeSystems[i]
		fill(termKey{url: c.URL, codeSystem: true}, c.Version, nil, c)
	}
	return nil
}

// lookUp walks the layers: an exact version wins, else the version that was
// loaded last.
func (d *Definitions) lookUp(canonical string, codeSystem bool) termEntry {
	url, version, _ := strings.Cut(canonical, "|")
	k := termKey{url, codeSystem}
	var first termEntry
	found := false
	for layer := d; layer != nil; layer = layer.base {
		e, exact, ok := layer.terminology.find(k, version)
		if ok && exact {
			return e
		}
		if ok && !found {
			first, found = e, true
		}
	}
	return first
}

// ValueSet returns the value set with a canonical URL, or nil. A version after
// "|" is preferred; when it is not there, the one loaded last is taken. The
// caller must not change it.
func (d *Definitions) ValueSet(canonical string) *ValueSet {
	return d.lookUp(canonical, false).valueSet
}

// CodeSystem returns the code system with a canonical URL, or nil; versions
// are chosen as in ValueSet. The caller must not change it.
func (d *Definitions) CodeSystem(canonical string) *CodeSystem {
	return d.lookUp(canonical, true).codeSystem
}

// ValueSets lists the URLs of all value sets, sorted.
func (d *Definitions) ValueSets() []string { return d.terms(false) }

// CodeSystems lists the URLs of all code systems, sorted.
func (d *Definitions) CodeSystems() []string { return d.terms(true) }

func (d *Definitions) terms(codeSystem bool) []string {
	var out []string
	for layer := d; layer != nil; layer = layer.base {
		t := layer.terminology
		t.open()
		for k := range t.index {
			if k.codeSystem == codeSystem {
				out = append(out, k.url)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
