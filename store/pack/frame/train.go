package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/klauspost/compress/huff0"
)

// Logarithms of the tables' sizes, as large as a decoder takes them, and the
// last symbols that a content of maxContent bytes needs.
const (
	literalLog, lastLiteral = 9, 34
	offsetLog, lastOffset   = 8, 17
	matchLog, lastMatch     = 9, 51
)

// Train makes a dictionary of text, with tables of what a Writer makes of the
// samples (RFC 8878 §5). The id takes two bytes.
func Train(id uint16, text []byte, samples [][]byte) ([]byte, error) {
	if len(text) < 8 || len(text) > maxContent {
		return nil, errors.New("frame: the text of a dictionary has 8 to 65,000 bytes")
	}
	m := newMatcher(newHistory(text, [3]uint32{1, 4, 8}))
	var ll [lastLiteral + 1]int
	var of [lastOffset + 1]int
	var ml [lastMatch + 1]int
	var literals [256]int
	for _, s := range samples {
		if len(s) > maxContent {
			return nil, errors.New("frame: a sample is too long")
		}
		m.find(s)
		for _, b := range m.literals {
			literals[b]++
		}
		for _, q := range m.sequences {
			ll[literalCodes.of(q.literals).symbol]++
			ml[matchCodes.of(q.length-3).symbol]++
			of[offsetCode(q.offset)]++
		}
	}
	codes, err := huffmanTable(&literals)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Write([]byte{0x37, 0xA4, 0x30, 0xEC})
	b.Write(binary.LittleEndian.AppendUint32(nil, uint32(id)))
	b.Write(codes)
	b.Write(describe(offsetLog, shares(offsetLog, of[:])))
	b.Write(describe(matchLog, shares(matchLog, ml[:])))
	b.Write(describe(literalLog, shares(literalLog, ll[:])))
	for _, o := range m.offsets {
		b.Write(binary.LittleEndian.AppendUint32(nil, o))
	}
	b.Write(text)
	return b.Bytes(), nil
}

// huffmanTable describes codes for all bytes, since any may occur.
func huffmanTable(counts *[256]int) ([]byte, error) {
	total := 1
	for _, n := range counts {
		total += n
	}
	var text []byte
	for b, n := range counts {
		text = append(text, bytes.Repeat([]byte{byte(b)}, 1+n*100_000/total)...)
	}
	s := &huff0.Scratch{TableLog: 11}
	if _, _, err := huff0.Compress1X(text, s); err != nil {
		return nil, fmt.Errorf("frame: %w", err)
	}
	return s.OutTable, nil
}

// shares turns counts into numbers of states; -1 for less than one. There are
// several times as many states as counts.
func shares(log int, counts []int) []int {
	total := 0
	for _, n := range counts {
		total += n
	}
	out := make([]int, len(counts))
	left, most := 1<<log, 0
	for s, n := range counts {
		out[s] = n << log / max(total, 1)
		if out[s] == 0 {
			out[s] = -1
		}
		left -= max(out[s], -out[s])
		if n > counts[most] {
			most = s
		}
	}
	out[most] += left
	return out
}

// describe writes a table's description (RFC 8878 §4.1.1). No share is 0.
func describe(log int, shares []int) []byte {
	var b bitWriter
	b.add(uint64(log-5), 4)
	left := 1 << log
	for _, share := range shares {
		n := uint8(bits.Len(uint(left + 1)))
		small := 1<<n - 1 - (left + 1)
		v := share + 1
		switch {
		case v < small:
			b.add(uint64(v), n-1)
		case v < 1<<(n-1):
			b.add(uint64(v), n)
		default:
			b.add(uint64(v+small), n)
		}
		b.flush()
		left -= max(share, -share)
	}
	if b.n > 0 {
		b.out = append(b.out, byte(b.held))
	}
	return b.out
}
