package frame

import (
	"encoding/binary"
	"math/bits"
)

// Primes of XXH64 (RFC 8878 §3.1.1 refers to it for the checksum of a frame).
const (
	prime1 uint64 = 0x9E3779B185EBCA87
	prime2 uint64 = 0xC2B2AE3D27D4EB4F
	prime3 uint64 = 0x165667B19E3779F9
	prime4 uint64 = 0x85EBCA77C2B2AE63
	prime5 uint64 = 0x27D4EB2F165667C5
)

// xxh64 is the hash of b with the seed 0.
func xxh64(b []byte) uint64 {
	h, n := prime5, uint64(len(b))
	if n >= 32 {
		var lanes = [4]uint64{prime1, prime2, 0, 0}
		lanes[0] += prime2
		lanes[3] -= prime1
		for ; len(b) >= 32; b = b[32:] {
			lanes[0] = round(lanes[0], binary.LittleEndian.Uint64(b))
			lanes[1] = round(lanes[1], binary.LittleEndian.Uint64(b[8:]))
			lanes[2] = round(lanes[2], binary.LittleEndian.Uint64(b[16:]))
			lanes[3] = round(lanes[3], binary.LittleEndian.Uint64(b[24:]))
		}
		h = bits.RotateLeft64(lanes[0], 1) + bits.RotateLeft64(lanes[1], 7) + bits.RotateLeft64(lanes[2], 12) + bits.RotateLeft64(lanes[3], 18)
		for _, lane := range lanes {
			h = (h^round(0, lane))*prime1 + prime4
		}
	}
	h += n
	for ; len(b) >= 8; b = b[8:] {
		h = bits.RotateLeft64(h^round(0, binary.LittleEndian.Uint64(b)), 27)*prime1 + prime4
	}
	if len(b) >= 4 {
		h = bits.RotateLeft64(h^uint64(binary.LittleEndian.Uint32(b))*prime1, 23)*prime2 + prime3
		b = b[4:]
	}
	for _, c := range b {
		h = bits.RotateLeft64(h^uint64(c)*prime5, 11) * prime1
	}
	h = (h ^ h>>33) * prime2
	h = (h ^ h>>29) * prime3
	return h ^ h>>32
}

func round(lane, v uint64) uint64 { return bits.RotateLeft64(lane+v*prime2, 31) * prime1 }
