package frame

import (
	"encoding/binary"
	"math/bits"
)

// sequence is some literals and a match behind them (RFC 8878 §3.1.1.4).
type sequence struct {
	literals uint32
	length   uint32 // of the match
	offset   uint32 // Offset_Value: 1 to 3 repeat one of the last offsets, else the distance + 3
}

// Sizes of the tables of places, and how many bytes are hashed.
const (
	longLog, longBytes   = 15, 8
	shortLog, shortBytes = 15, 5
	ownLog               = 12
	minRepeat            = 4  // bytes that a repeated offset has to match
	enough               = 32 // bytes of a match that none better is looked for
)

func hash(v uint64, bytes, log int) uint32 {
	return uint32((v << (64 - 8*bytes) * 0xCF1BBCDCBF9B8D5B) >> (64 - log))
}

// history is a dictionary's text with the places of what it may be asked for.
// It is not written after it was made.
type history struct {
	text    []byte
	offsets [3]uint32            // that count as the last ones at first
	long    [1 << longLog]uint16 // 0 is no place
	short   [1 << shortLog]uint16
}

func newHistory(text []byte, offsets [3]uint32) *history {
	h := &history{text: text, offsets: offsets}
	for i := 1; i+8 <= len(text); i++ {
		v := binary.LittleEndian.Uint64(text[i:])
		h.long[hash(v, longBytes, longLog)] = uint16(i)
		h.short[hash(v, shortBytes, shortLog)] = uint16(i)
	}
	return h
}

// matcher finds what a content repeats of itself and of the history.
type matcher struct {
	*history
	text      []byte              // the history's, and the content behind it
	start     int                 // of the content
	own       [1 << ownLog]uint16 // places in the content, + 1
	last      [3]uint32           // offsets
	sequences []sequence
	literals  []byte
}

func newMatcher(h *history) matcher {
	return matcher{history: h, text: append(make([]byte, 0, len(h.text)+1<<13), h.text...), start: len(h.text)}
}

// find takes content apart into m.sequences and m.literals. content has at
// most maxContent bytes.
func (m *matcher) find(content []byte) {
	clear(m.own[:])
	m.sequences, m.literals, m.last = m.sequences[:0], m.literals[:0], m.offsets
	text := append(m.text[:m.start], content...)
	m.text = text
	anchor, at := m.start, m.start
	for at+9 <= len(text) {
		length, distance := m.best(at)
		if length == 0 {
			at += 1 + (at-anchor)>>6
			continue
		}
		for length < enough && at+10 <= len(text) { // a better one may begin at the next byte
			next, d := m.best(at + 1)
			if next <= length+1 {
				break
			}
			at, length, distance = at+1, next, d
		}
		for at > anchor && at > distance && text[at-1] == text[at-1-distance] {
			at, length = at-1, length+1
		}
		m.literals = append(m.literals, text[anchor:at]...)
		s := sequence{literals: uint32(at - anchor), length: uint32(length)}
		s.offset, m.last = repeated(m.last, uint32(distance), s.literals)
		m.sequences = append(m.sequences, s)
		at += length
		anchor = at
		if at+6 <= len(text) {
			v := binary.LittleEndian.Uint64(text[at-2:])
			m.own[hash(v, shortBytes, ownLog)] = uint16(at - 2 - m.start + 1)
		}
	}
	m.literals = append(m.literals, text[anchor:]...)
}

// best is the longest match found at a place, with its distance; 0 for none.
// At least 8 bytes are there. The farther it lies the longer it has to be.
func (m *matcher) best(at int) (length, distance int) {
	text := m.text
	v := binary.LittleEndian.Uint64(text[at:])
	for _, o := range m.last {
		if p := at - int(o); binary.LittleEndian.Uint32(text[p:]) == uint32(v) {
			if n := m.common(at, p); n > length {
				length, distance = n, int(o)
			}
		}
	}
	slot := &m.own[hash(v, shortBytes, ownLog)]
	if p := int(*slot) - 1 + m.start; p >= m.start && p < at && binary.LittleEndian.Uint32(text[p:]) == uint32(v) {
		if n := m.common(at, p); n >= shortBytes && n > length+1 {
			length, distance = n, at-p
		}
	}
	*slot = uint16(at - m.start + 1)
	if p := int(m.long[hash(v, longBytes, longLog)]); binary.LittleEndian.Uint64(text[p:]) == v {
		if n := m.common(at, p); n > length+1 {
			return n, at - p
		}
	} else if p := int(m.short[hash(v, shortBytes, shortLog)]); length < longBytes && binary.LittleEndian.Uint32(text[p:]) == uint32(v) {
		if n := m.common(at, p); n >= shortBytes && n > length+1 {
			length, distance = n, at-p
		}
	}
	return length, distance
}

// common is how many bytes from at on are those from p on, which is before at.
func (m *matcher) common(at, p int) int {
	a := m.text[at:]
	b := m.text[p:][:len(a)]
	n := 0
	for ; n+8 <= len(a); n += 8 {
		if x := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); x != 0 {
			return n + bits.TrailingZeros64(x)/8
		}
	}
	for n < len(a) && a[n] == b[n] {
		n++
	}
	return n
}

// repeated gives the Offset_Value of a distance and the last offsets after it
// (RFC 8878 §3.1.1.5).
func repeated(last [3]uint32, distance, literals uint32) (value uint32, after [3]uint32) {
	shift := uint32(0)
	if literals == 0 {
		shift = 1
	}
	switch {
	case distance == last[0] && shift == 0:
		return 1, last
	case distance == last[1]:
		return 2 - shift, [3]uint32{last[1], last[0], last[2]}
	case distance == last[2]:
		return 3 - shift, [3]uint32{last[2], last[0], last[1]}
	case shift == 1 && distance == last[0]-1:
		return 3, [3]uint32{distance, last[0], last[1]}
	}
	return distance + 3, [3]uint32{distance, last[0], last[1]}
}
