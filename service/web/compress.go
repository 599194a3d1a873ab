package web

import (
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// acceptEncoding picks zstd, gzip or "" from Accept-Encoding (RFC 9110
// §12.5.3): the highest weight wins, zstd among equals.
func acceptEncoding(headers []string) string {
	best, weight := "", 0.0
	for _, header := range headers {
		for item := range strings.SplitSeq(header, ",") {
			name, q := weighted(item)
			switch name {
			case "*":
				name = "gzip"
			case "x-gzip":
				name = "gzip"
			}
			if (name == "gzip" || name == "zstd") && (q > weight || q == weight && q > 0 && name == "zstd") {
				best, weight = name, q
			}
		}
	}
	return best
}

// weighted splits "gzip;q=0.5" into its name and weight.
func weighted(item string) (name string, q float64) {
	name, params, _ := strings.Cut(item, ";")
	q = 1
	for param := range strings.SplitSeq(params, ";") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(param), "q="); ok {
			parsed, err := strconv.ParseFloat(v, 64)
			if err != nil || parsed < 0 || parsed > 1 {
				return "", 0
			}
			q = parsed
		}
	}
	return strings.ToLower(strings.TrimSpace(name)), q
}

// compressible says whether answers of a media type gain from compression.
func compressible(contentType string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	t = strings.TrimSpace(t)
	return strings.HasPrefix(t, "text/") || strings.HasSuffix(t, "json") || strings.HasSuffix(t, "xml")
}

func shorter(length string, than int) bool {
	n, err := strconv.Atoi(length)
	return err == nil && n < than
}

type encoder interface {
	io.WriteCloser
	Flush() error
	discard()
}

var gzipWriters = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return w
}}

var zstdWriters = sync.Pool{New: func() any {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(256<<10))
	if err != nil {
		panic(err) // the options are constants
	}
	return w
}}

func openEncoder(encoding string, dst io.Writer) encoder {
	if encoding == "zstd" {
		w := zstdWriters.Get().(*zstd.Encoder)
		w.Reset(dst)
		return zstdWriter{w}
	}
	w := gzipWriters.Get().(*gzip.Writer)
	w.Reset(dst)
	return gzipWriter{w}
}

type gzipWriter struct{ *gzip.Writer }

func (w gzipWriter) Close() error {
	err := w.Writer.Close()
	w.discard()
	return err
}

func (w gzipWriter) discard() {
	w.Reset(io.Discard)
	gzipWriters.Put(w.Writer)
}

type zstdWriter struct{ *zstd.Encoder }

func (w zstdWriter) Close() error {
	err := w.Encoder.Close()
	w.discard()
	return err
}

func (w zstdWriter) discard() {
	w.Reset(io.Discard)
	zstdWriters.Put(w.Encoder)
}
