package bench

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// renaming gives the resources of one copy of a population ids and identifiers
// of their own. The same name always becomes the same other name, so that
// references stay right within a Bundle and between the Bundles of a copy,
// and nothing has to be remembered.
type renaming struct {
	key    uint64
	suffix string // of identifiers that are not UUIDs
}

func newRenaming(seed uint64, copied int) renaming {
	return renaming{key: mix(mix(seed) + uint64(copied)), suffix: fmt.Sprintf("-%d-%d", seed, copied)}
}

// freshBundle is a Bundle under other names.
type freshBundle struct {
	body      []byte
	resources int
	batch     bool
}

// bundle appends the Bundle to into with every UUID replaced, in ids, references,
// identifiers and wherever else it stands, and every other Identifier.value and
// conditional reference by identifier prolonged. It wants each entry's fullUrl to
// hold a UUID, and reads no more of the JSON than that takes.
func (n renaming) bundle(into, bundle []byte) (freshBundle, error) {
	f := freshBundle{body: into}
	var (
		name, kind  []byte
		depth       int
		identifiers = -1 // depth of the object that has the property "identifier" we are in
	)
	for i := 0; i < len(bundle); {
		switch c := bundle[i]; c {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == identifiers {
				identifiers = -1
			}
		case '"':
			end := closing(bundle, i+1)
			if end < 0 {
				return f, errors.New("a string has no end")
			}
			text := bundle[i+1 : end]
			i = end + 1
			if after := bytes.TrimLeft(bundle[i:min(i+16, len(bundle))], " \t"); len(after) > 0 && after[0] == ':' {
				if name = text; identifiers < 0 && string(name) == "identifier" {
					identifiers = depth
				}
				f.body = append(append(append(f.body, '"'), text...), '"')
				continue
			}
			var uuids int
			f.body = append(f.body, '"')
			f.body, uuids = n.uuids(f.body, text)
			switch {
			case depth == 1 && string(name) == "resourceType":
				kind = text
			case depth == 1 && string(name) == "type":
				f.batch = string(text) == "batch"
			case depth == 3 && string(name) == "fullUrl":
				if f.resources++; uuids == 0 {
					return f, fmt.Errorf("entry %d: the fullUrl %q holds no UUID, as Synthea's do", f.resources, text)
				}
			case uuids > 0:
			case identifiers >= 0 && string(name) == "value", bytes.Contains(text, []byte("?identifier=")):
				f.body = append(f.body, n.suffix...)
			}
			f.body = append(f.body, '"')
			continue
		}
		f.body = append(f.body, bundle[i])
		i++
	}
	if string(kind) != "Bundle" || f.resources == 0 || depth != 0 {
		return f, errors.New("not a Bundle whose entries have a fullUrl; give transactions or batches as Synthea writes them, one a line")
	}
	return f, nil
}

// closing finds the quotation mark that ends the string which begins at from.
func closing(b []byte, from int) int {
	for i := from; i < len(b); i++ {
		switch b[i] {
		case '"':
			return i
		case '\\':
			i++
		}
	}
	return -1
}

const uuidLength = len("00000000-0000-4000-8000-000000000000")

// uuids appends text with its UUIDs replaced, and counts them.
func (n renaming) uuids(into, text []byte) ([]byte, int) {
	count, done := 0, 0
	for i := 0; i+uuidLength <= len(text); {
		dash := bytes.IndexByte(text[i+8:], '-')
		if dash < 0 {
			break
		}
		i += dash
		if raw, ok := parseUUID(text[i:]); ok {
			into = n.appendUUID(append(into, text[done:i]...), raw)
			i += uuidLength
			done = i
			count++
			continue
		}
		i++
	}
	return append(into, text[done:]...), count
}

func parseUUID(s []byte) (raw [16]byte, ok bool) {
	if len(s) < uuidLength || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return raw, false
	}
	at := 0
	for _, part := range [][]byte{s[:8], s[9:13], s[14:18], s[19:23], s[24:36]} {
		if _, err := hex.Decode(raw[at:], part); err != nil {
			return raw, false
		}
		at += len(part) / 2
	}
	return raw, true
}

func (n renaming) appendUUID(into []byte, raw [16]byte) []byte {
	high, low := binary.BigEndian.Uint64(raw[:8]), binary.BigEndian.Uint64(raw[8:])
	high ^= mix(low ^ n.key)
	low ^= mix(high + n.key)
	high ^= mix(low)
	binary.BigEndian.PutUint64(raw[:8], high&^0xf000|0x4000)
	binary.BigEndian.PutUint64(raw[8:], low&^(3<<62)|1<<63)
	into = hex.AppendEncode(into, raw[:4])
	for _, part := range [][]byte{raw[4:6], raw[6:8], raw[8:10], raw[10:]} {
		into = hex.AppendEncode(append(into, '-'), part)
	}
	return into
}

// mix is the finalizer of SplitMix64: each bit of x changes about half the
// bits of the answer.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
