// Package pack compresses resource bodies for storage: zstd with a dictionary
// trained on FHIR JSON, so that a small resource shrinks to about a quarter.
//
// A packed body begins with one byte that says how to read the rest: 0 for
// JSON as it is, 1 for zstd whose frame names its dictionary. A new dictionary
// gets a new number in dictionaries; the old ones stay, since stored bodies
// need them.
package pack

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/klauspost/compress/zstd"
)

const (
	raw   = 0
	zstd1 = 1
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
	return &Packer{encoder, decoder}, nil
}

// Pack compresses json.
func (p *Packer) Pack(json []byte) []byte {
	dst := make([]byte, 1, len(json)/3+64)
	dst[0] = zstd1
	dst = p.encoder.EncodeAll(json, dst)
	if len(dst) > len(json) {
		return append([]byte{raw}, json...)
	}
	return dst
}

// Unpack gives back what Pack was given. Checksums find damage.
func (p *Packer) Unpack(packed []byte) ([]byte, error) {
	if len(packed) == 0 {
		return nil, errors.New("pack: empty body")
	}
	switch packed[0] {
	case raw:
		return packed[1:], nil
	case zstd1:
		json, err := p.decoder.DecodeAll(packed[1:], nil)
		if err != nil {
			return nil, fmt.Errorf("pack: damaged body: %w", err)
		}
		return json, nil
	}
	return nil, fmt.Errorf("pack: unknown form %d of a body; it was written by a newer version", packed[0])
}

// Close releases the coders.
func (p *Packer) Close() {
	p.decoder.Close()
}
