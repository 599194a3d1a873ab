package audit

import (
	"crypto/sha256"
	"encoding/binary"

	"golang.org/x/mod/sumdb/tlog"
)

// A leaf is a commitment: the hash of the event's number and the hashes of its
// parts, each with a salt of its own that is made of the event's. Who has a part and its salt can check
// it against the leaf, and learns nothing of the other parts, not even by guessing;
// and when parts and salts are erased the leaf stays what it was.

// salt is that of an event, or of one of its parts.
type salt [16]byte

// part is the salt of the i-th part.
func (s salt) part(i int) salt {
	var b [24]byte
	copy(b[:], s[:])
	binary.BigEndian.PutUint64(b[16:], uint64(i))
	sum := sha256.Sum256(b[:])
	return salt(sum[:16])
}

// hash commits to a part.
func (s salt) hash(part []byte) tlog.Hash {
	h := sha256.New()
	h.Write(s[:])
	h.Write(part)
	var out tlog.Hash
	h.Sum(out[:0])
	return out
}

// leafOf is the commitment to an event.
func leafOf(number int64, s salt, parts [][]byte) tlog.Hash {
	var most [8]tlog.Hash // of nearly all events
	hashes := most[:0]
	for i, part := range parts {
		_, _, hash := openPart(s, i, part)
		hashes = append(hashes, hash)
	}
	return join(number, hashes)
}

// A part of an event of which another one was erased begins with one of these
// bytes; any other begins with that of JSON.
const (
	partErased = 0 // its hash follows
	partSalted = 1 // its salt follows, then its text
)

// openPart is the salt and text of the i-th part of an event with a salt, and their
// hash. Of an erased one the hash is all there is.
func openPart(s salt, i int, part []byte) (own salt, text []byte, hash tlog.Hash) {
	switch {
	case len(part) == 1+tlog.HashSize && part[0] == partErased:
		return own, nil, tlog.Hash(part[1:])
	case len(part) > 1+len(own) && part[0] == partSalted:
		own, text = salt(part[1:1+len(own)]), part[1+len(own):]
	default:
		own, text = s.part(i), part
	}
	return own, text, own.hash(text)
}

// join is the leaf over the hashes of parts.
func join(number int64, hashes []tlog.Hash) tlog.Hash {
	var most [8 + 8*tlog.HashSize]byte
	b := binary.BigEndian.AppendUint64(most[:0], uint64(number))
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return sha256.Sum256(b)
}

// recordOf is the hash of a leaf in the tree (RFC 6962 §2.1).
func recordOf(leaf tlog.Hash) tlog.Hash { return tlog.RecordHash(leaf[:]) }
