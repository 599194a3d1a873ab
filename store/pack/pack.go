// Package pack compresses resource bodies for storage: zstd with a dictionary
// trained on FHIR JSON, so that a small resource shrinks to about a quarter.
//
// A packed body begins with one byte that says how to read the rest: JSON as
// it is, or zstd whose frame names its dictionary. A new dictionary gets a new
// number in dictionaries; the old ones stay, since stored bodies need them.
// What is kept with the JSON stands before that, as it is, between its length and
// its checksum.
package pack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"runtime"

	"github.com/klauspost/compress/zstd"
)

const (
	raw   = 0
	zstd1 = 1
	// joined is added when something is kept with the JSON.
	joined = 2
)

// MaxBody bounds what Unpack makes of a packed body.
const MaxBody = 1 << 30

// Packer packs and unpacks. It is safe for concurrent use.
type Packer struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

// New returns a Packer with the built-in dictionaries, packing with the
// newest.
func New() (*Packer, error) {
	encoder, err := zstd.NewWriter(nil, append(encoderOptions(), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithWindowSize(128<<10),
		zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(true))...)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	decoder, err := zstd.NewReader(nil, append(decoderOptions(), zstd.WithDecoderConcurrency(runtime.GOMAXPROCS(0)),
		zstd.WithDecoderMaxMemory(MaxBody), zstd.WithDecoderLowmem(true))...)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	return &Packer{encoder: encoder, decoder: decoder}, nil
}

// Pack compresses json; with, which may be nil, is kept with it as Attach does.
func (p *Packer) Pack(json, with []byte) []byte {
	packed := make([]byte, 1, len(json)/3+64)
	packed[0] = zstd1
	packed = p.encoder.EncodeAll(json, packed)
	if len(packed) > len(json) {
		packed = append([]byte{raw}, json...)
	}
	return Attach(packed, with)
}

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
		return nil, nil, errors.New("pack: damaged body: it ends too early")
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
	switch packed[0] &^ joined {
	case raw:
		return body, with, nil
	case zstd1:
		if json, err = p.decoder.DecodeAll(body, nil); err != nil {
			return nil, nil, fmt.Errorf("pack: damaged body: %w", err)
		}
		return json, with, nil
	}
	return nil, nil, fmt.Errorf("pack: unknown form %d of a body; it was written by a newer version", packed[0])
}

// Close releases the coders.
func (p *Packer) Close() {
	p.decoder.Close()
}
