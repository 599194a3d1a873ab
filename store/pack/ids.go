package pack

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
)

// zstd makes about 20 bytes of the 36 letters of a UUID, which also part what
// stands around them from the same text in the dictionary. So UUIDs are taken
// out of a text, which has in their place the byte mark, as no JSON has it. They
// are kept as
//
//	how many different ones there are, and how many marks repeat one of them
//	the marks that do: the number of the mark, and of what it repeats
//	the different ones
const (
	mark     = 0x01
	maxMarks = 255 // of a text; later UUIDs stay in it
	uuidText = 36
)

type uuid [16]byte

// ids are the UUIDs of a text.
type ids struct {
	different []uuid
	repeats   []byte // pairs
}

// take appends json without its UUIDs to text. It appends nothing when there are
// none.
func (x *ids) take(text, json []byte) []byte {
	x.different, x.repeats = x.different[:0], x.repeats[:0]
	if bytes.IndexByte(json, mark) >= 0 {
		return text
	}
	done, marks := 0, 0
	for from := 0; marks < maxMarks; {
		hyphen := bytes.IndexByte(json[from:], '-')
		if hyphen < 0 {
			break
		}
		from += hyphen + 1
		begin := from - 9 // eight letters stand before the first hyphen
		if begin < done {
			continue
		}
		id, ok := parseUUID(json[begin:])
		if !ok {
			continue
		}
		if earlier := slices.Index(x.different, id); earlier >= 0 {
			x.repeats = append(x.repeats, byte(marks), byte(earlier))
		} else {
			x.different = append(x.different, id)
		}
		text = append(append(text, json[done:begin]...), mark)
		marks++
		done = begin + uuidText
		from = done
	}
	if marks == 0 {
		return text
	}
	return append(text, json[done:]...)
}

func (x *ids) append(dst []byte) []byte {
	dst = append(append(dst, byte(len(x.different)), byte(len(x.repeats)/2)), x.repeats...)
	for i := range x.different {
		dst = append(dst, x.different[i][:]...)
	}
	return dst
}

var errIDs = errors.New("pack: damaged body: its UUIDs do not fit")

// cutIDs parts what append wrote from what stands behind it.
func cutIDs(b []byte) (kept, rest []byte, err error) {
	if len(b) < 2 {
		return nil, nil, errIDs
	}
	size := 2 + 2*int(b[1]) + len(uuid{})*int(b[0])
	if len(b) < size {
		return nil, nil, errIDs
	}
	return b[:size], b[size:], nil
}

// putIDs is text with the UUIDs back that were taken from it.
func putIDs(text, kept []byte) ([]byte, error) {
	n, r := int(kept[0]), int(kept[1])
	repeats, different := kept[2:2+2*r], kept[2+2*r:]
	json := make([]byte, 0, len(text)+(n+r)*(uuidText-1))
	next := 0
	for i := range n + r {
		at, which := bytes.IndexByte(text, mark), next
		if len(repeats) > 0 && int(repeats[0]) == i {
			which, repeats = int(repeats[1]), repeats[2:]
		} else {
			next++
		}
		if at < 0 || which >= n {
			return nil, errIDs
		}
		json = appendUUID(append(json, text[:at]...), different[which*len(uuid{}):])
		text = text[at+1:]
	}
	return append(json, text...), nil
}

// pairs are where the bytes of a UUID stand in its text.
var pairs = [...]int{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34}

// parseUUID reads a UUID of lower-case letters at the head of b.
func parseUUID(b []byte) (id uuid, ok bool) {
	if len(b) < uuidText || b[8] != '-' || b[13] != '-' || b[18] != '-' || b[23] != '-' {
		return id, false
	}
	for i, at := range pairs {
		high, low := digits[b[at]], digits[b[at+1]]
		if high|low > 15 {
			return id, false
		}
		id[i] = high<<4 | low
	}
	return id, true
}

// digits are the values of hexadecimal digits, 255 of other bytes.
var digits = func() (d [256]byte) {
	for i := range d {
		d[i] = 255
	}
	for i, c := range []byte("0123456789abcdef") {
		d[c] = byte(i)
	}
	return d
}()

func appendUUID(dst, id []byte) []byte {
	dst = append(hex.AppendEncode(dst, id[:4]), '-')
	dst = append(hex.AppendEncode(dst, id[4:6]), '-')
	dst = append(hex.AppendEncode(dst, id[6:8]), '-')
	dst = append(hex.AppendEncode(dst, id[8:10]), '-')
	return hex.AppendEncode(dst, id[10:16])
}
