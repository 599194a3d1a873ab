package pack

import (
	_ "embed"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/inglehealth/ingle/store/pack/frame"
)

//go:generate go run ./generate dictionary-1001.bin

// dictionary1001 was trained on synthetic resources by the command generate.
//
//go:embed dictionary-1001.bin
var dictionary1001 []byte

// dictionaries are all that stored bodies may need; the last one packs.
var dictionaries = [][]byte{dictionary1001}

func encoderOptions() []zstd.EOption {
	return []zstd.EOption{zstd.WithEncoderDict(dictionaries[len(dictionaries)-1])}
}

func decoderOptions() []zstd.DOption {
	return []zstd.DOption{zstd.WithDecoderDicts(dictionaries...)}
}

// newest is the dictionary that packs.
var newest = sync.OnceValues(func() (*frame.Dictionary, error) {
	return frame.ReadDictionary(dictionaries[len(dictionaries)-1])
})
