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

// CodeSystem is a code system with the concepts that are there: Content says
// whether they are all.
type CodeSystem = record.CodeSystem

// ConceptMap maps codes of one system to those of another.
type ConceptMap = record.ConceptMap

// The parts of value sets, code systems and concept maps.
type (
	Canonical     = record.Canonical
	Include       = record.Include // ValueSet.compose.include or exclude
	Filter        = record.Filter  // ValueSet.compose.include.filter
	ExpandedCode  = record.Code    // one code of an expansion
	Concept       = record.Concept // of a code system, or of an include of a value set
	ConceptValue  = record.ConceptProperty
	PropertyOf    = record.Property // CodeSystem.property
	Designation   = record.Designation
	Coding        = record.Coding
	Extension     = record.Extension
	MapGroup      = record.MapGroup
	MapElement    = record.MapElement
	MapTarget     = record.MapTarget
	MapDependency = record.MapDependency
)

// ParseTerminology reads one ValueSet, CodeSystem or ConceptMap, in the JSON
// of any release since R4; the others are nil, and all are for another type of
// resource. The resource is trusted to be valid: the codecs of package fhir
// check that.
func ParseTerminology(json []byte) (*ValueSet, *CodeSystem, *ConceptMap, error) {
	set := new(record.Set)
	if err := set.Add(json); err != nil {
		return nil, nil, nil, err
	}
	switch {
	case len(set.ValueSets) == 1:
		return &set.ValueSets[0], nil, nil, nil
	case len(set.CodeSystems) == 1:
		return nil, &set.CodeSystems[0], nil, nil
	case len(set.ConceptMaps) == 1:
		return nil, nil, &set.ConceptMaps[0], nil
	}
	return nil, nil, nil, nil
}

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
	kind record.Kind
	url  string
}

// termEntry is one version of a value set, code system or concept map,
// unpacked or not.
type termEntry struct {
	version    string
	chunk      int
	valueSet   *ValueSet
	codeSystem *CodeSystem
	conceptMap *ConceptMap
}

func (e *termEntry) packed() bool {
	return e.valueSet == nil && e.codeSystem == nil && e.conceptMap == nil
}

// newTerminology holds records that are read already.
func newTerminology(set *record.Set) *terminology {
	t := &terminology{index: make(map[termKey][]termEntry, len(set.ValueSets)+len(set.CodeSystems)+len(set.ConceptMaps))}
	eachTerm(set, func(k termKey, e termEntry) { t.index[k] = append(t.index[k], e) })
	return t
}

func eachTerm(set *record.Set, do func(termKey, termEntry)) {
	for i := range set.ValueSets {
		v := &set.ValueSets[i]
		do(termKey{record.ValueSets, v.URL}, termEntry{version: v.Version, valueSet: v})
	}
	for i := range set.CodeSystems {
		v := &set.CodeSystems[i]
		do(termKey{record.CodeSystems, v.URL}, termEntry{version: v.Version, codeSystem: v})
	}
	for i := range set.ConceptMaps {
		v := &set.ConceptMaps[i]
		do(termKey{record.ConceptMaps, v.URL}, termEntry{version: v.Version, conceptMap: v})
	}
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
			k := termKey{e.Kind, e.URL}
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
	return *e, exact, t.ready(e)
}

// all are the entries of a URL in this layer.
func (t *terminology) all(k termKey) []termEntry {
	t.open()
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []termEntry
	for i := range t.index[k] {
		if e := &t.index[k][i]; t.ready(e) {
			out = append(out, *e)
		}
	}
	return out
}

// ready unpacks an entry; false when that fails.
func (t *terminology) ready(e *termEntry) bool {
	if e.packed() {
		if err := t.unpack(e.chunk); err != nil {
			t.err = err
			return false
		}
	}
	return !e.packed()
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
	eachTerm(set, func(k termKey, filled termEntry) {
		list := t.index[k]
		for i := range list {
			if e := &list[i]; e.chunk == chunk && e.version == filled.version && e.packed() {
				filled.chunk = chunk
				*e = filled
				return
			}
		}
	})
	return nil
}

// lookUp walks the layers: an exact version wins, else the version that was
// loaded last.
func (d *Definitions) lookUp(kind record.Kind, canonical string) termEntry {
	url, version, _ := strings.Cut(canonical, "|")
	k := termKey{kind, url}
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
	return d.lookUp(record.ValueSets, canonical).valueSet
}

// CodeSystem returns the code system with a canonical URL, or nil; versions
// are chosen as in ValueSet. The caller must not change it.
func (d *Definitions) CodeSystem(canonical string) *CodeSystem {
	return d.lookUp(record.CodeSystems, canonical).codeSystem
}

// ValueSetVersions lists the value sets with a URL, the one loaded last first.
func (d *Definitions) ValueSetVersions(url string) []*ValueSet {
	return versions(d, record.ValueSets, url, func(e termEntry) *ValueSet { return e.valueSet })
}

// CodeSystemVersions lists the code systems with a URL, the one loaded last
// first.
func (d *Definitions) CodeSystemVersions(url string) []*CodeSystem {
	return versions(d, record.CodeSystems, url, func(e termEntry) *CodeSystem { return e.codeSystem })
}

// ConceptMapVersions lists the concept maps with a URL, the one loaded last
// first.
func (d *Definitions) ConceptMapVersions(url string) []*ConceptMap {
	return versions(d, record.ConceptMaps, url, func(e termEntry) *ConceptMap { return e.conceptMap })
}

func versions[T any](d *Definitions, kind record.Kind, url string, of func(termEntry) *T) []*T {
	var out []*T
	for layer := d; layer != nil; layer = layer.base {
		for _, e := range layer.terminology.all(termKey{kind, url}) {
			out = append(out, of(e))
		}
	}
	return out
}

// ValueSets lists the URLs of all value sets, sorted.
func (d *Definitions) ValueSets() []string { return d.terms(record.ValueSets) }

// CodeSystems lists the URLs of all code systems, sorted.
func (d *Definitions) CodeSystems() []string { return d.terms(record.CodeSystems) }

// ConceptMaps lists the URLs of all concept maps, sorted.
func (d *Definitions) ConceptMaps() []string { return d.terms(record.ConceptMaps) }

func (d *Definitions) terms(kind record.Kind) []string {
	var out []string
	for layer := d; layer != nil; layer = layer.base {
		t := layer.terminology
		t.open()
		for k := range t.index {
			if k.kind == kind {
				out = append(out, k.url)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
