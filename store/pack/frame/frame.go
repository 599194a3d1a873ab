// Package frame writes zstd frames for many small contents that resemble one
// dictionary. They are ordinary frames, which any decoder reads that has the
// dictionary.
package frame

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/huff0"
	"github.com/klauspost/compress/zstd"
)

// maxContent is the longest content that a Writer takes: its places have 16
// bits, and it is one block.
const maxContent = 1<<16 - 2

// Dictionary is a dictionary made ready for writing. It is safe for concurrent
// use.
type Dictionary struct {
	id       uint16
	history  *history
	literals *huff0.Scratch
	ll       *fseTable // literal lengths
	of       *fseTable // offsets
	ml       *fseTable // match lengths
}

// ReadDictionary takes a dictionary apart (RFC 8878 §5). Its id has to take
// two bytes, and its text fewer than 65,535.
func ReadDictionary(b []byte) (*Dictionary, error) {
	d, err := zstd.InspectDictionary(b)
	if err != nil {
		return nil, fmt.Errorf("frame: %w", err)
	}
	if d.ContentSize() > maxContent || d.ID() > 1<<16-1 || d.ID() < 256 {
		return nil, errors.New("frame: the dictionary is too large, or its id does not take two bytes")
	}
	_, rest, err := huff0.ReadTable(b[8:], nil)
	if err != nil {
		return nil, fmt.Errorf("frame: %w", err)
	}
	var offsets [3]uint32
	for i, o := range d.Offsets() {
		offsets[i] = uint32(o)
	}
	t := &Dictionary{id: uint16(d.ID()), history: newHistory(d.Content(), offsets), literals: d.LitEncoder()}
	for _, table := range []**fseTable{&t.of, &t.ml, &t.ll} {
		if *table, rest, err = readFSE(rest); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Writer writes frames of one block that uses the dictionary's own tables (RFC
// 8878 §3). A general encoder copies its tables of the dictionary's text for
// each frame, and makes statistics and codes for each block; for a content of a
// kilobyte or two that is most of its work. A Writer serves one goroutine at a
// time.
type Writer struct {
	dictionary *Dictionary
	matcher    matcher
	huffman    huff0.Scratch
}

// NewWriter returns a Writer.
func NewWriter(d *Dictionary) *Writer {
	w := &Writer{dictionary: d, matcher: newMatcher(d.history)}
	w.huffman.TransferCTable(d.literals)
	w.huffman.Reuse = huff0.ReusePolicyMust
	return w
}

// Append appends a frame of content to dst. It returns false, and dst as far
// as it got, when the content is too long or the dictionary's tables do not
// fit it.
func (w *Writer) Append(dst, content []byte) ([]byte, bool) {
	if len(content) > maxContent || len(content) == 0 {
		return dst, false
	}
	dst = append(dst, 0x28, 0xB5, 0x2F, 0xFD)
	const single, checksum, twoByteID = 1 << 5, 1 << 2, 2
	switch n := len(content); {
	case n < 256:
		dst = append(binary.LittleEndian.AppendUint16(append(dst, single|checksum|twoByteID), w.dictionary.id), byte(n))
	default:
		dst = binary.LittleEndian.AppendUint16(append(dst, 1<<6|single|checksum|twoByteID), w.dictionary.id)
		dst = binary.LittleEndian.AppendUint16(dst, uint16(n-256))
	}
	header := len(dst)
	dst = append(dst, 0, 0, 0)
	m := &w.matcher
	m.find(content)
	dst = w.appendLiterals(dst, m.literals)
	dst, ok := w.appendSequences(dst, m.sequences)
	size := len(dst) - header - 3
	if !ok || size >= len(content) {
		return dst, false
	}
	const last, compressed = 1, 2 << 1
	block := uint32(size)<<3 | compressed | last
	dst[header], dst[header+1], dst[header+2] = byte(block), byte(block>>8), byte(block>>16)
	return binary.LittleEndian.AppendUint32(dst, uint32(xxh64(content))), true
}

// appendLiterals writes the literals section (RFC 8878 §3.1.1.3.1).
func (w *Writer) appendLiterals(dst, literals []byte) []byte {
	const raw, treeless = 0, 3
	n := uint64(len(literals))
	compress := huff0.Compress1X
	if n >= 1<<10 {
		compress = huff0.Compress4X
	}
	if n > 16 {
		if out, _, err := compress(literals, &w.huffman); err == nil {
			k := uint64(len(out))
			switch {
			case n < 1<<10:
				h := treeless | n<<4 | k<<14
				dst = append(dst, byte(h), byte(h>>8), byte(h>>16))
			case n < 1<<14:
				h := treeless | 2<<2 | n<<4 | k<<18
				dst = append(dst, byte(h), byte(h>>8), byte(h>>16), byte(h>>24))
			default:
				h := treeless | 3<<2 | n<<4 | k<<22
				dst = append(dst, byte(h), byte(h>>8), byte(h>>16), byte(h>>24), byte(h>>32))
			}
			return append(dst, out...)
		}
	}
	switch {
	case n < 1<<5:
		dst = append(dst, byte(raw|n<<3))
	case n < 1<<12:
		h := raw | 1<<2 | n<<4
		dst = append(dst, byte(h), byte(h>>8))
	default:
		h := raw | 3<<2 | n<<4
		dst = append(dst, byte(h), byte(h>>8), byte(h>>16))
	}
	return append(dst, literals...)
}

// appendSequences writes the sequences section (RFC 8878 §3.1.1.3.2), from the
// last sequence to the first, since it is read backwards.
func (w *Writer) appendSequences(dst []byte, sequences []sequence) ([]byte, bool) {
	switch n := len(sequences); {
	case n < 128:
		dst = append(dst, byte(n))
	case n < 0x7F00:
		dst = append(dst, byte(n>>8)+128, byte(n))
	default:
		return dst, false
	}
	if len(sequences) == 0 {
		return dst, true
	}
	d := w.dictionary
	const repeatAll = 3<<6 | 3<<4 | 3<<2
	b := bitWriter{out: append(dst, repeatAll)}
	var ll, of, ml uint16
	for i := len(sequences) - 1; i >= 0; i-- {
		s := &sequences[i]
		l, m, o := literalCodes.of(s.literals), matchCodes.of(s.length-3), offsetCode(s.offset)
		if !d.ll.has(l.symbol) || !d.of.has(o) || !d.ml.has(m.symbol) {
			return b.out, false
		}
		if i == len(sequences)-1 {
			ll, of, ml = d.ll.last(l.symbol), d.of.last(o), d.ml.last(m.symbol)
		} else {
			of = d.of.before(&b, o, of)
			ml = d.ml.before(&b, m.symbol, ml)
			ll = d.ll.before(&b, l.symbol, ll)
		}
		b.flush()
		b.add(uint64(s.literals-l.base), l.bits)
		b.add(uint64(s.length-3-m.base), m.bits)
		b.add(uint64(s.offset)&(1<<o-1), o)
		b.flush()
	}
	b.add(uint64(ml), d.ml.log)
	b.add(uint64(of), d.of.log)
	b.add(uint64(ll), d.ll.log)
	return b.close(), true
}
