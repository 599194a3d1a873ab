package pack

import "github.com/klauspost/compress/zstd"

func encoderOptions() []zstd.EOption { return nil }
func decoderOptions() []zstd.DOption { return nil }
