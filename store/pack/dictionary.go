package pack

import (
	_ "embed"

	"github.com/klauspost/compress/zstd"
)

//go:generate go run ./generate dictionary-1002.bin

// dictionary1002 was trained on synthetic resources by the command generate.
//
//go:embed dictionary-1002.bin
var dictionary1002 []byte

// dictionaries are all that stored bodies may need; the last one packs.
var dictionaries = [][]byte{dictionary1002}

func encoderOptions() []zstd.EOption {
	return []zstd.EOption{zstd.WithEncoderDict(dictionaries[len(dictionaries)-1])}
}

func decoderOptions() []zstd.DOption {
	return []zstd.DOption{zstd.WithDecoderDicts(dictionaries...)}
}
