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
	known, own huff0.Scratch // for literals: with the dictionary's codes, and with such as are made for them
}

// NewWriter returns a Writer.
func NewWriter(d *Dictionary) *Writer {
	w := &Writer{dictionary: d, matcher: newMatcher(d.history)}
	w.known.TransferCTable(d.literals)
	w.known.Reuse = huff0.ReusePolicyMust
	w.own.Reuse = huff0.ReusePolicyNone
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
	const raw, compressed, treeless = 0, 2, 3
	form, out := uint64(raw), literals
	if len(literals) > 16 {
		if coded := huffman(literals, &w.known); coded != nil {
			form, out = treeless, coded
		}
		// Text such as an attachment's may need codes of its own.
		if len(literals) >= 256 && len(out) > len(literals)*5/8 {
			if coded := huffman(literals, &w.own); coded != nil && len(coded) < len(out) {
				form, out = compressed, coded
			}
		}
	}
	n, k := uint64(len(literals)), uint64(len(out))
	switch {
	case form == raw && n < 1<<5:
		dst = append(dst, byte(n<<3))
	case form == raw && n < 1<<12:
		dst = binary.LittleEndian.AppendUint16(dst, uint16(1<<2|n<<4))
	case form == raw:
		h := uint32(3<<2 | n<<4)
		dst = append(dst, byte(h), byte(h>>8), byte(h>>16))
	case n < fourStreams:
		h := form | n<<4 | k<<14
		dst = append(dst, byte(h), byte(h>>8), byte(h>>16))
	case n < 1<<14:
		dst = binary.LittleEndian.AppendUint32(dst, uint32(form|2<<2|n<<4|k<<18))
	default:
		h := form | 3<<2 | n<<4 | k<<22
		dst = append(binary.LittleEndian.AppendUint32(dst, uint32(h)), byte(h>>32))
	}
	return append(dst, out...)
}

// fourStreams literals and more are written as four streams.
const fourStreams = 1 << 10

// huffman codes literals as the scratch's policy says; nil when that saves
// nothing. What it returns is the scratch's.
func huffman(literals []byte, s *huff0.Scratch) []byte {
	compress := huff0.Compress1X
	if len(literals) >= fourStreams {
		compress = huff0.Compress4X
	}
	out, _, err := compress(literals, s)
	if err != nil {
		return nil
	}
	return out
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
