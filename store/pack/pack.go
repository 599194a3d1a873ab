// Package pack compresses resource bodies for storage: zstd with a dictionary
// trained on FHIR JSON, so that a small resource shrinks to about a quarter.
//
// A packed body begins with one byte that says how to read the rest: JSON as
// it is, or a zstd frame and the checksum of the JSON. The frame names its
// dictionary. A new dictionary gets a new number in dictionaries; the old ones
// stay, since stored bodies need them. Most frames are kept without what is the
// same in all of them; with another dictionary that is another form. UUIDs stand
// before the frame. What is kept with the JSON stands before them, as it is,
// between its length and its checksum.
package pack

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// The forms of a body.
const (
	raw   = 0
	frame = 8
	short = 16 // a frame that shorten made short
	// joined is added when something is kept with the JSON, withIDs when its UUIDs
	// stand apart.
	joined  = 2
	withIDs = 4
)

// MaxBody bounds what Unpack makes of a packed body.
const MaxBody = 1 << 30

// Packer packs and unpacks. It is safe for concurrent use.
type Packer struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
	scratch sync.Pool // of *scratch
}

// scratch is what a call needs for a while.
type scratch struct {
	ids         ids
	text, frame []byte
}

// New returns a Packer with the built-in dictionaries, packing with the
// newest.
func New() (*Packer, error) {
	encoder, err := zstd.NewWriter(nil, append(encoderOptions(), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithWindowSize(128<<10),
		zstd.WithLowerEncoderMem(true), zstd.WithSingleSegment(true), zstd.WithEncoderCRC(false))...)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	decoder, err := zstd.NewReader(nil, append(decoderOptions(), zstd.WithDecoderConcurrency(runtime.GOMAXPROCS(0)),
		zstd.WithDecoderMaxMemory(MaxBody), zstd.WithDecoderLowmem(true))...)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	return &Packer{encoder: encoder, decoder: decoder, scratch: sync.Pool{New: func() any { return new(scratch) }}}, nil
}

// Pack compresses json; with, which may be nil, is kept with it as Attach does.
func (p *Packer) Pack(json, with []byte) []byte {
	s := p.scratch.Get().(*scratch)
	defer p.release(s)
	packed := append(make([]byte, 0, len(json)/3+64), frame)
	text := json
	if s.text = s.ids.take(s.text[:0], json); len(s.text) > 0 {
		text, packed[0] = s.text, frame|withIDs
		packed = s.ids.append(packed)
	}
	begin := len(packed)
	packed = p.encoder.EncodeAll(text, packed)
	if shorter, ok := shorten(packed[begin:]); ok {
		packed[0] += short - frame
		packed = packed[:begin+shorter]
	}
	packed = binary.BigEndian.AppendUint32(packed, crc32.ChecksumIEEE(json))
	if len(packed) > len(json) {
		packed = append([]byte{raw}, json...)
	}
	return Attach(packed, with)
}

func (p *Packer) release(s *scratch) {
	if cap(s.text)+cap(s.frame) <= maxScratch {
		p.scratch.Put(s)
	}
}

// maxScratch bounds what is kept for the next call.
const maxScratch = 1 << 18

// What a short frame leaves out: head (magic number; a single segment, its size
// in two bytes, no checksum; the dictionary) and, behind the size, the header of
// its only block, which has the length of the rest.
const (
	head        = "\x28\xb5\x2f\xfd\x62\xea\x03"
	sizeBytes   = 2
	blockHeader = 3
	omitted     = len(head) + blockHeader
)

// shorten makes a short frame of a frame, in its place.
func shorten(whole []byte) (size int, ok bool) {
	size = len(whole) - omitted
	if size < sizeBytes || !bytes.HasPrefix(whole, []byte(head)) {
		return 0, false
	}
	behind := whole[len(head)+sizeBytes:]
	if !bytes.HasPrefix(behind, onlyBlock(size-sizeBytes)) {
		return 0, false
	}
	copy(whole, whole[len(head):][:sizeBytes])
	copy(whole[sizeBytes:], behind[blockHeader:])
	return size, true
}

// lengthen appends the frame that shorten made b of.
func lengthen(dst, b []byte) []byte {
	dst = append(append(dst, head...), b[:sizeBytes]...)
	dst = append(dst, onlyBlock(len(b)-sizeBytes)...)
	return append(dst, b[sizeBytes:]...)
}

// onlyBlock is the header of a compressed block that is the last one (RFC 8878,
// section 3.1.1.2).
func onlyBlock(size int) []byte {
	n := size<<3 | 2<<1 | 1
	return []byte{byte(n), byte(n >> 8), byte(n >> 16)}
}

var errShort = errors.New("pack: damaged body: it ends too early")

// Attach keeps something, if it is not empty, with a body that has nothing kept
// with it.
func Attach(packed, with []byte) []byte {
	if len(with) == 0 {
		return packed
	}
	out := make([]byte, 1, len(packed)+len(with)+binary.MaxVarintLen32+2)
	out[0] = packed[0] | joined
	out = append(binary.AppendUvarint(out, uint64(len(with))), with...)
	out = binary.BigEndian.AppendUint16(out, checksum(with))
	return append(out, packed[1:]...)
}

func checksum(b []byte) uint16 { return uint16(crc32.ChecksumIEEE(b)) }

// Detach gives a body as Pack made it.
func Detach(packed []byte) ([]byte, error) {
	body, with, err := split(packed)
	if err != nil || with == nil {
		return packed, err
	}
	return append([]byte{packed[0] &^ joined}, body...), nil
}

// split gives what follows the form of a body, and what is kept with it.
func split(packed []byte) (body, with []byte, err error) {
	if len(packed) == 0 {
		return nil, nil, errors.New("pack: empty body")
	}
	body = packed[1:]
	if packed[0]&joined == 0 {
		return body, nil, nil
	}
	n, width := binary.Uvarint(body)
	if width <= 0 || len(body) < width+2 || n > uint64(len(body)-width-2) {
		return nil, nil, errShort
	}
	with, body = body[width:width+int(n):width+int(n)], body[width+int(n):]
	if binary.BigEndian.Uint16(body) != checksum(with) {
		return nil, nil, errors.New("pack: damaged body: what is kept with it has another checksum")
	}
	return body[2:], with, nil
}

// Unpack gives back the JSON that Pack was given. Checksums find damage.
func (p *Packer) Unpack(packed []byte) ([]byte, error) {
	json, _, err := p.UnpackAll(packed)
	return json, err
}

// UnpackAll gives back all that Pack and Attach were given.
func (p *Packer) UnpackAll(packed []byte) (json, with []byte, err error) {
	body, with, err := split(packed)
	if err != nil {
		return nil, nil, err
	}
	switch form := packed[0] &^ joined; form {
	case raw:
		return body, with, nil
	case frame, short, frame | withIDs, short | withIDs:
		json, err = p.unpack(form, body)
		return json, with, err
	}
	return nil, nil, fmt.Errorf("pack: unknown form %d of a body; it was written by another version", packed[0])
}

func (p *Packer) unpack(form byte, b []byte) (json []byte, err error) {
	var kept []byte
	if form&withIDs != 0 {
		if kept, b, err = cutIDs(b); err != nil {
			return nil, err
		}
	}
	if len(b) < sizeBytes+crc32.Size {
		return nil, errShort
	}
	b, sum := b[:len(b)-crc32.Size], binary.BigEndian.Uint32(b[len(b)-crc32.Size:])
	s := p.scratch.Get().(*scratch)
	defer p.release(s)
	if form&short != 0 {
		s.frame = lengthen(s.frame[:0], b)
		b = s.frame
	}
	if kept == nil {
		json, err = p.decoder.DecodeAll(b, nil)
	} else if s.text, err = p.decoder.DecodeAll(b, s.text[:0]); err == nil {
		json, err = putIDs(s.text, kept)
	}
	if err != nil {
		return nil, fmt.Errorf("pack: damaged body: %w", err)
	}
	if crc32.ChecksumIEEE(json) != sum {
		return nil, errors.New("pack: damaged body: it has another checksum")
	}
	return json, nil
}

// Close releases the coders.
func (p *Packer) Close() {
	p.decoder.Close()
}
