package record

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

type conceptJSON struct {
	Code       string                      `json:"code"`
	Display    string                      `json:"display"`
	Definition string                      `json:"definition"`
	Property   []map[string]jsontext.Value `json:"property"`
	Concept    []conceptJSON               `json:"concept"`
}

func (s *Set) addCodeSystem(data []byte) error {
	var in struct {
		URL              string        `json:"url"`
		Version          string        `json:"version"`
		Name             string        `json:"name"`
		Title            string        `json:"title"`
		Content          string        `json:"content"`
		ValueSet         string        `json:"valueSet"`
		Supplements      string        `json:"supplements"`
		HierarchyMeaning string        `json:"hierarchyMeaning"`
		CaseSensitive    *bool         `json:"caseSensitive"`
		Concept          []conceptJSON `json:"concept"`
	}
	if err := json.Unmarshal(data, &in, lenient); err != nil {
		return err
	}
	out := CodeSystem{
		URL: in.URL, Version: in.Version, Name: in.Name, Title: in.Title, Content: in.Content, ValueSet: in.ValueSet,
		Supplements: in.Supplements, Hierarchy: in.HierarchyMeaning, CaseInsensitive: in.CaseSensitive != nil && !*in.CaseSensitive,
	}
	out.Concepts = flatten(nil, in.Concept, 0)
	s.CodeSystems = append(s.CodeSystems, out)
	return nil
}

// flatten lists a tree of concepts, parents before their children.
func flatten(out []Concept, list []conceptJSON, level int) []Concept {
	for _, c := range list {
		concept := Concept{Code: c.Code, Display: c.Display, Definition: c.Definition, Level: level}
		if concept.Definition == concept.Display {
			concept.Definition = ""
		}
		for _, p := range c.Property {
			var property ConceptProperty
			for name, v := range p {
				switch {
				case name == "code":
					property.Code = text(v)
				case strings.HasPrefix(name, "value"):
					property.Value = text(v)
				}
			}
			concept.Properties = append(concept.Properties, property)
		}
		out = append(out, concept)
		out = flatten(out, c.Concept, level+1)
	}
	return out
}

// text gives a primitive's value, and of a Coding its code.
func text(v jsontext.Value) string {
	switch v.Kind() {
	case '"':
		var s string
		if json.Unmarshal(v, &s, lenient) != nil {
			return ""
		}
		return s
	case '{':
		var coding struct {
			Code string `json:"code"`
		}
		if json.Unmarshal(v, &coding, lenient) != nil {
			return ""
		}
		return coding.Code
	}
	return string(v)
}

type includeJSON struct {
	System  string `json:"system"`
	Version string `json:"version"`
	Concept []struct {
		Code    string `json:"code"`
		Display string `json:"display"`
	} `json:"concept"`
	Filter   []Filter `json:"filter"`
	ValueSet []string `json:"valueSet"`
}

type containsJSON struct {
	System   string         `json:"system"`
	Code     string         `json:"code"`
	Display  string         `json:"display"`
	Abstract bool           `json:"abstract"`
	Contains []containsJSON `json:"contains"`
}

func (s *Set) addValueSet(data []byte) error {
	var in struct {
		URL     string `json:"url"`
		Version string `json:"version"`
		Name    string `json:"name"`
		Title   string `json:"title"`
		Compose struct {
			Include []includeJSON `json:"include"`
			Exclude []includeJSON `json:"exclude"`
		} `json:"compose"`
		Expansion *struct {
			Contains []containsJSON `json:"contains"`
		} `json:"expansion"`
	}
	if err := json.Unmarshal(data, &in, lenient); err != nil {
		return err
	}
	out := ValueSet{
		URL: in.URL, Version: in.Version, Name: in.Name, Title: in.Title,
		Includes: includes(in.Compose.Include), Excludes: includes(in.Compose.Exclude),
	}
	if in.Expansion != nil {
		out.Expanded = true
		out.Expansion = contains(nil, in.Expansion.Contains)
	}
	s.ValueSets = append(s.ValueSets, out)
	return nil
}

func includes(in []includeJSON) []Include {
	var out []Include
	for _, i := range in {
		include := Include{System: i.System, Version: i.Version, Filters: i.Filter, ValueSets: i.ValueSet}
		for _, c := range i.Concept {
			include.Concepts = append(include.Concepts, Concept{Code: c.Code, Display: c.Display})
		}
		out = append(out, include)
	}
	return out
}

func contains(out []Code, in []containsJSON) []Code {
	for _, c := range in {
		if c.Code != "" {
			out = append(out, Code{System: c.System, Code: c.Code, Display: c.Display, Abstract: c.Abstract})
		}
		out = contains(out, c.Contains)
	}
	return out
}

// Chunked is terminology as independent chunks, so that one value set can be
// read without the rest.
type Chunked struct {
	Index  []ChunkEntry `json:"index"`
	Chunks [][]byte     // compressed by the caller `json:"chunks"`
}

// ChunkEntry says in which chunk a value set or code system stands.
type ChunkEntry struct {
	URL        string `json:"url"`
	Version    string `json:"version"`
	CodeSystem bool   `json:"codeSystem"`
	Chunk      int    `json:"chunk"`
}

// chunkSize is about how many bytes of records are put together.
const chunkSize = 96 << 10

// ChunkTerminology encodes the value sets and code systems of a set in their
// order.
func ChunkTerminology(s *Set) Chunked {
	var out Chunked
	part := new(Set)
	size := 0
	flush := func() {
		if len(part.ValueSets)+len(part.CodeSystems) > 0 {
			out.Chunks = append(out.Chunks, encode(part.terminology))
		}
		part, size = new(Set), 0
	}
	for _, v := range s.ValueSets {
		out.Index = append(out.Index, ChunkEntry{URL: v.URL, Version: v.Version, Chunk: len(out.Chunks)})
		part.ValueSets = append(part.ValueSets, v)
		if size += len(encode(func(c *coder) { c.valueSet(&v) })); size > chunkSize {
			flush()
		}
	}
	flush()
	for _, v := range s.CodeSystems {
		out.Index = append(out.Index, ChunkEntry{URL: v.URL, Version: v.Version, CodeSystem: true, Chunk: len(out.Chunks)})
		part.CodeSystems = append(part.CodeSystems, v)
		if size += len(encode(func(c *coder) { c.codeSystem(&v) })); size > chunkSize {
			flush()
		}
	}
	flush()
	return out
}

// DecodeChunk reads one chunk of terminology, uncompressed.
func DecodeChunk(data []byte) (*Set, error) {
	s := new(Set)
	return s, decode(data, s.terminology)
}

// EncodeChunks writes the index and the compressed chunks as one file.
func EncodeChunks(t Chunked) []byte {
	sizes := make([]int, len(t.Chunks))
	for i, c := range t.Chunks {
		sizes[i] = len(c)
	}
	index := encode(func(c *coder) {
		slice(c, &t.Index, (*coder).chunkEntry)
		slice(c, &sizes, (*coder).int)
	})
	out := binary.AppendUvarint(nil, uint64(len(index)))
	out = append(out, index...)
	for _, c := range t.Chunks {
		out = append(out, c...)
	}
	return out
}

// DecodeChunks reads what EncodeChunks wrote; the chunks are slices of data.
func DecodeChunks(data []byte) (Chunked, error) {
	var t Chunked
	n, w := binary.Uvarint(data)
	if w <= 0 || n > uint64(len(data)-w) {
		return t, errCorrupt
	}
	index, rest := data[w:w+int(n)], data[w+int(n):]
	var sizes []int
	if err := decode(index, func(c *coder) {
		slice(c, &t.Index, (*coder).chunkEntry)
		slice(c, &sizes, (*coder).int)
	}); err != nil {
		return t, err
	}
	for i, size := range sizes {
		if size < 0 || size > len(rest) {
			return t, fmt.Errorf("%w: chunk %d is cut off", errCorrupt, i)
		}
		t.Chunks = append(t.Chunks, rest[:size:size])
		rest = rest[size:]
	}
	return t, nil
}

func (c *coder) chunkEntry(e *ChunkEntry) {
	c.string(&e.URL)
	c.string(&e.Version)
	c.bools(&e.CodeSystem)
	c.int(&e.Chunk)
}

func (s *Set) terminology(c *coder) {
	slice(c, &s.ValueSets, (*coder).valueSet)
	slice(c, &s.CodeSystems, (*coder).codeSystem)
}

func (c *coder) valueSet(v *ValueSet) {
	c.string(&v.URL)
	c.string(&v.Version)
	c.string(&v.Name)
	c.string(&v.Title)
	c.bools(&v.Expanded)
	slice(c, &v.Includes, (*coder).include)
	slice(c, &v.Excludes, (*coder).include)
	slice(c, &v.Expansion, (*coder).code)
}

func (c *coder) include(i *Include) {
	c.string(&i.System)
	c.string(&i.Version)
	slice(c, &i.Concepts, (*coder).concept)
	slice(c, &i.Filters, (*coder).filter)
	c.strings(&i.ValueSets)
}

func (c *coder) filter(f *Filter) {
	c.string(&f.Property)
	c.string(&f.Op)
	c.string(&f.Value)
}

func (c *coder) code(v *Code) {
	c.string(&v.System)
	c.string(&v.Code)
	c.string(&v.Display)
	c.bools(&v.Abstract)
}

func (c *coder) codeSystem(s *CodeSystem) {
	c.string(&s.URL)
	c.string(&s.Version)
	c.string(&s.Name)
	c.string(&s.Title)
	c.string(&s.Content)
	c.string(&s.ValueSet)
	c.string(&s.Supplements)
	c.string(&s.Hierarchy)
	c.bools(&s.CaseInsensitive)
	slice(c, &s.Concepts, (*coder).concept)
}

func (c *coder) concept(v *Concept) {
	c.string(&v.Code)
	c.string(&v.Display)
	c.string(&v.Definition)
	c.int(&v.Level)
	slice(c, &v.Properties, (*coder).conceptProperty)
}

func (c *coder) conceptProperty(p *ConceptProperty) {
	c.string(&p.Code)
	c.string(&p.Value)
}
