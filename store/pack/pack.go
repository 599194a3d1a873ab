// Package pack compresses resource bodies for storage: zstd with a dictionary
// trained on FHIR JSON, so that a small resource shrinks to about a quarter.
//
// A packed body begins with one byte that says how to read the rest: JSON as
// it is, or zstd whose frame names its dictionary. A new dictionary gets a new
// number in dictionaries; the old ones stay, since stored bodies need them.
// What is kept with the JSON stands behind it in the same frame, where it takes
// little room since it mostly repeats the JSON; its length ends the content.
package pack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/inglehealth/ingle/store/pack/frame"
)

const (
	raw   = 0
	zstd1 = 1
	// joined is added for content that is more than JSON.
	joined = 2
)

// MaxBody bounds what Unpack makes of a packed body.
const MaxBody = 1 << 30

// Packer packs and unpacks. It is safe for concurrent use.
type Packer struct {
	dictionary *frame.Dictionary
	writers    sync.Pool     // *frame.Writer
	encoder    *zstd.Encoder // of what a frame.Writer does not take
	decoder    *zstd.Decoder
	buffers    sync.Pool // *[]byte, of JSON with what is kept with it
}

// New returns a Packer with the built-in dictionaries, packing with the
// newest.
func New() (*Packer, error) {
	dictionary, err := newest()
	if err != nil {
		return nil, err
	}
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
	return &Packer{dictionary: dictionary, encoder: encoder, decoder: decoder}, nil
}

// Pack compresses json and what is kept with it, which may be nil.
func (p *Packer) Pack(json, with []byte) []byte {
	content, form := json, byte(0)
	if len(with) > 0 {
		buffer, _ := p.buffers.Get().(*[]byte)
		if buffer == nil {
			buffer = new([]byte)
		}
		defer p.buffers.Put(buffer)
		*buffer = binary.BigEndian.AppendUint32(append(append((*buffer)[:0], json...), with...), uint32(len(with)))
		content, form = *buffer, joined
	}
	packed := make([]byte, 1, len(content)/3+64)
	packed[0] = zstd1 + form
	packed = p.compress(packed, content)
	if len(packed) > len(content) {
		return append([]byte{raw + form}, content...)
	}
	return packed
}

// compress appends a frame of content to dst.
func (p *Packer) compress(dst, content []byte) []byte {
	w, _ := p.writers.Get().(*frame.Writer)
	if w == nil {
		w = frame.NewWriter(p.dictionary)
	}
	defer p.writers.Put(w)
	packed, ok := w.Append(dst, content)
	if !ok {
		packed = p.encoder.EncodeAll(content, dst)
	}
	return packed
}

// Unpack gives back the JSON that Pack was given. Checksums find damage.
func (p *Packer) Unpack(packed []byte) ([]byte, error) {
	json, _, err := p.UnpackAll(packed)
	return json, err
}

// UnpackAll gives back all that Pack was given.
func (p *Packer) UnpackAll(packed []byte) (json, with []byte, err error) {
	if len(packed) == 0 {
		return nil, nil, errors.New("pack: empty body")
	}
	content := packed[1:]
	switch packed[0] &^ joined {
	case raw:
	case zstd1:
		if content, err = p.decoder.DecodeAll(content, nil); err != nil {
			return nil, nil, fmt.Errorf("pack: damaged body: %w", err)
		}
	default:
		return nil, nil, fmt.Errorf("pack: unknown form %d of a body; it was written by a newer version", packed[0])
	}
	if packed[0]&joined == 0 {
		return content, nil, nil
	}
	end := len(content) - 4
	if end < 0 {
		return nil, nil, errors.New("pack: damaged body: it ends too early")
	}
	start := end - int(binary.BigEndian.Uint32(content[end:]))
	if start < 0 {
		return nil, nil, errors.New("pack: damaged body: it ends too early")
	}
	return content[:start:start], content[start:end], nil
}

// Close releases the coders.
func (p *Packer) Close() {
	p.decoder.Close()
}
