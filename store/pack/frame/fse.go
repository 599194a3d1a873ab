package frame

import (
	"errors"
	"math/bits"
)

// fseTable encodes symbols with the fixed probabilities of a dictionary by
// finite state entropy (RFC 8878 §4.1).
type fseTable struct {
	log     uint8
	symbols []fseSymbol
	states  []uint16 // the decoder's states, those of one symbol side by side in rising order
}

// fseSymbol is how a symbol takes a decoder's next state to the one before it.
// With count states of its own, numbered from count to 2·count-1, a state is
// reached by reading bits or bits-1 bits.
type fseSymbol struct {
	count uint16 // 0: the table cannot write the symbol
	first uint16 // of its states
	bits  uint8
	from  uint32 // next states from here on take bits, others one less
}

var errTable = errors.New("frame: the dictionary has a damaged table")

// readFSE reads a table's description (RFC 8878 §4.1.1) and returns what
// follows it.
func readFSE(b []byte) (*fseTable, []byte, error) {
	at := 0 // bits read
	peek := func(n int) (v int) {
		for i := range n {
			if k := at + i; k/8 < len(b) {
				v |= int(b[k/8]>>(k%8)&1) << i
			}
		}
		return v
	}
	log := peek(4) + 5
	at += 4
	var counts []int
	for left := 1 << log; left > 0; {
		// A value up to left+1; small ones take one bit less.
		n := bits.Len(uint(left + 1))
		small := 1<<n - 1 - (left + 1)
		v := peek(n - 1)
		if v < small {
			at += n - 1
		} else {
			if v = peek(n); v >= 1<<(n-1) {
				v -= small
			}
			at += n
		}
		counts = append(counts, v-1)
		switch {
		case v == 0: // less than one
			left--
		case v > 1:
			left -= v - 1
		default:
			for repeat := 3; repeat == 3; {
				repeat = peek(2)
				at += 2
				counts = append(counts, make([]int, repeat)...)
			}
		}
		if left < 0 || len(counts) > 256 || log > 12 {
			return nil, nil, errTable
		}
	}
	end := (at + 7) / 8
	if end > len(b) {
		return nil, nil, errTable
	}
	return newFSE(uint8(log), counts), b[end:], nil
}

// newFSE makes the table of counts, in which -1 is a probability of less than
// one state.
func newFSE(log uint8, counts []int) *fseTable {
	size := 1 << log
	of := make([]int, size) // symbol of each state
	high := size
	for s, c := range counts {
		if c < 0 {
			high--
			of[high] = s
		}
	}
	at := 0
	for s, c := range counts {
		for range c {
			of[at] = s
			for again := true; again; again = at >= high {
				at = (at + size/2 + size/8 + 3) & (size - 1)
			}
		}
	}
	t := &fseTable{log: log, symbols: make([]fseSymbol, len(counts)), states: make([]uint16, 0, size)}
	for s, c := range counts {
		n := max(c, -c)
		if n == 0 {
			continue
		}
		width := int(log) + 1 - bits.Len(uint(n))
		t.symbols[s] = fseSymbol{count: uint16(n), first: uint16(len(t.states)), bits: uint8(width), from: uint32(n << width)}
		for state, symbol := range of {
			if symbol == s {
				t.states = append(t.states, uint16(state))
			}
		}
	}
	return t
}

// has says whether the table can write a symbol.
func (t *fseTable) has(symbol uint8) bool {
	return int(symbol) < len(t.symbols) && t.symbols[symbol].count > 0
}

// last is a state that stands for the last symbol of a stream.
func (t *fseTable) last(symbol uint8) uint16 { return t.states[t.symbols[symbol].first] }

// before writes how state is reached from a state that stands for symbol, and
// returns that one.
func (t *fseTable) before(w *bitWriter, symbol uint8, state uint16) uint16 {
	s := &t.symbols[symbol]
	next := uint32(state) | 1<<t.log
	n := s.bits
	if next < s.from {
		n--
	}
	w.add(uint64(next)&(1<<n-1), n)
	return t.states[uint32(s.first)+next>>n-uint32(s.count)]
}

// bitWriter writes bits from the lowest up. It has to be flushed after at most
// 56 bits.
type bitWriter struct {
	out  []byte
	held uint64
	n    uint8
}

func (w *bitWriter) add(v uint64, n uint8) {
	w.held |= v << (w.n & 63)
	w.n += n
}

func (w *bitWriter) flush() {
	for w.n >= 8 {
		w.out = append(w.out, byte(w.held))
		w.held >>= 8
		w.n -= 8
	}
}

// close marks the end of the stream, from which a decoder begins.
func (w *bitWriter) close() []byte {
	w.flush()
	w.add(1, 1)
	return append(w.out, byte(w.held))
}
