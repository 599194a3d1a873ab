package record

import (
	"encoding/binary"
	"fmt"
)

// Kind says which resource type a record is of.
type Kind uint8

// The kinds of terminology.
const (
	ValueSets Kind = iota
	CodeSystems
	ConceptMaps
)

// Chunked is terminology as independent chunks, so that one value set can be
// read without the rest.
type Chunked struct {
	Index  []ChunkEntry
	Chunks [][]byte // compressed by the caller
}

// ChunkEntry says in which chunk a record stands.
type ChunkEntry struct {
	Kind    Kind
	URL     string
	Version string
	Chunk   int
}

// chunkSize is about how many bytes of records are put together.
const chunkSize = 96 << 10

// ChunkTerminology encodes the value sets, code systems and concept maps of a
// set in their order.
func ChunkTerminology(s *Set) Chunked {
	var out Chunked
	part := new(Set)
	size := 0
	flush := func() {
		if size > 0 {
			out.Chunks = append(out.Chunks, encode(part.terminology))
		}
		part, size = new(Set), 0
	}
	add := func(kind Kind, url, version string, visit func(*coder)) {
		out.Index = append(out.Index, ChunkEntry{Kind: kind, URL: url, Version: version, Chunk: len(out.Chunks)})
		if size += len(encode(visit)); size > chunkSize {
			flush()
		}
	}
	for _, v := range s.ValueSets {
		part.ValueSets = append(part.ValueSets, v)
		add(ValueSets, v.URL, v.Version, func(c *coder) { c.valueSet(&v) })
	}
	flush()
	for _, v := range s.CodeSystems {
		part.CodeSystems = append(part.CodeSystems, v)
		add(CodeSystems, v.URL, v.Version, func(c *coder) { c.codeSystem(&v) })
	}
	flush()
	for _, v := range s.ConceptMaps {
		part.ConceptMaps = append(part.ConceptMaps, v)
		add(ConceptMaps, v.URL, v.Version, func(c *coder) { c.conceptMap(&v) })
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
	kind := int(e.Kind)
	c.int(&kind)
	e.Kind = Kind(kind)
	c.int(&e.Chunk)
}

func (s *Set) terminology(c *coder) {
	slice(c, &s.ValueSets, (*coder).valueSet)
	slice(c, &s.CodeSystems, (*coder).codeSystem)
	slice(c, &s.ConceptMaps, (*coder).conceptMap)
}
