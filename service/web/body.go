package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/inglehealth/ingle/spec/fault"
)

// ReadBody reads and decompresses the whole body of a request that a Site
// serves. The bytes may be kept until the request ends. Errors are
// *fault.Error: TooLarge beyond Config.MaxBody (told at once when
// Content-Length says so), UnsupportedMedia for an unknown Content-Encoding,
// Invalid for a broken one.
func ReadBody(r *http.Request) ([]byte, error) {
	x := From(r.Context())
	limit := x.site.config.MaxBody
	body, plain, err := OpenBody(r)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	expect := int64(-1)
	if plain {
		expect = r.ContentLength
	}
	if expect > free {
		if err := x.site.memory.reserve(r.Context(), expect, x.site.config.Patience); err != nil {
			// A client that is still sending would miss the answer.
			_, _ = io.Copy(io.Discard, body)
			return nil, err
		}
		x.held += expect
	}
	// The first allocation trusts the client up to 1 MiB only. Who has sent a
	// quarter of what was announced is trusted for the rest.
	buf := make([]byte, 0, max(512, min(expect+1, 1<<20)))
	for {
		if len(buf) == cap(buf) {
			size := min(int64(cap(buf))*2, limit+1)
			if expect > int64(cap(buf)) && expect <= size*2 {
				size = expect + 1
			}
			if extra := size - max(x.held, free); extra > 0 && expect <= free {
				if err := x.site.memory.take(extra); err != nil {
					return nil, err
				}
				x.held += extra
			}
			grown := make([]byte, len(buf), size)
			copy(grown, buf)
			buf = grown
		}
		n, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if int64(len(buf)) > limit {
			return nil, errTooLarge(limit)
		}
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return nil, BodyError(err)
		}
	}
}

// OpenBody opens the body for streaming, decompressed; plain says that it was
// not compressed, so that Content-Length is its size. The reader fails with
// TooLarge after Config.MaxBody bytes. The caller closes it.
func OpenBody(r *http.Request) (body io.ReadCloser, plain bool, err error) {
	c := From(r.Context()).site.config
	if r.ContentLength > c.MaxBody {
		if r.ContentLength <= 2*c.MaxBody && r.Header.Get("Expect") == "" {
			// A client that is still sending would miss the answer.
			_, _ = io.Copy(io.Discard, r.Body)
		}
		return nil, false, errTooLarge(c.MaxBody)
	}
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
		return &bounded{src: r.Body, left: c.MaxBody, limit: c.MaxBody}, true, nil
	case "gzip", "x-gzip", "zstd":
		in := &counting{src: &bounded{src: r.Body, left: c.MaxBody, limit: c.MaxBody}}
		out, err := openDecoder(encoding, in)
		if err != nil {
			return nil, false, BodyError(err)
		}
		return &bounded{src: &guarded{decoder: out, in: in, ratio: c.MaxRatio}, left: c.MaxBody, limit: c.MaxBody}, false, nil
	default:
		return nil, false, fault.New(fault.UnsupportedMedia, fault.CodeNotSupported, "",
			"Content-Encoding %q is not supported. Send the body as it is, or with gzip or zstd.", encoding)
	}
}

func errTooLarge(limit int64) error {
	return fault.New(fault.TooLarge, fault.CodeTooLong, "",
		"The body is larger than %s, the limit of this server. Send it in smaller pieces, or use 'ingle import' for bulk data.",
		humanize.IBytes(uint64(limit)))
}

// BodyError says what a failure to read or decode a body means.
func BodyError(err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fault.Wrap(err, fault.Unavailable, fault.CodeTimeout, "", "The body did not arrive in time. Nothing was changed; try again.")
	}
	return fault.Wrap(err, fault.Invalid, fault.CodeStructure, "", "The body ended early or its Content-Encoding is broken. Nothing was changed; send it again.")
}

// bounded fails with TooLarge beyond its limit.
type bounded struct {
	src         io.ReadCloser
	left, limit int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.src.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return 0, errTooLarge(b.limit)
	}
	return n, err
}

func (b *bounded) Close() error { return b.src.Close() }

// counting counts the compressed bytes.
type counting struct {
	src io.ReadCloser
	n   int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.src.Read(p)
	c.n += int64(n)
	return n, err
}

// guarded refuses what decompresses beyond all reason.
type guarded struct {
	decoder io.ReadCloser
	in      *counting
	out     int64
	ratio   int64
}

// unguarded is how much may come out before the ratio counts: small bodies of
// repeated text compress very well.
const unguarded = 4 << 20

func (g *guarded) Read(p []byte) (int, error) {
	n, err := g.decoder.Read(p)
	g.out += int64(n)
	if g.out > unguarded && g.out > g.in.n*g.ratio {
		return 0, fault.New(fault.TooLarge, fault.CodeTooCostly, "",
			"The body decompresses to more than %d times its size, which this server refuses. Send it uncompressed.", g.ratio)
	}
	return n, err
}

func (g *guarded) Close() error { return errors.Join(g.decoder.Close(), g.in.src.Close()) }

var gzipReaders = sync.Pool{New: func() any { return new(gzip.Reader) }}

var zstdReaders = sync.Pool{New: func() any {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderLowmem(true))
	if err != nil {
		panic(err) // the options are constants
	}
	return d
}}

func openDecoder(encoding string, src io.Reader) (io.ReadCloser, error) {
	if encoding == "zstd" {
		d := zstdReaders.Get().(*zstd.Decoder)
		if err := d.Reset(src); err != nil {
			return nil, err
		}
		return pooledZstd{d}, nil
	}
	d := gzipReaders.Get().(*gzip.Reader)
	if err := d.Reset(src); err != nil {
		return nil, err
	}
	return pooledGzip{d}, nil
}

type pooledZstd struct{ *zstd.Decoder }

func (p pooledZstd) Close() error {
	err := p.Reset(nil)
	zstdReaders.Put(p.Decoder)
	return err
}

type pooledGzip struct{ *gzip.Reader }

func (p pooledGzip) Close() error {
	gzipReaders.Put(p.Reader)
	return nil
}

// pacedBody moves the read deadline along with the bytes: a client may stand
// still for Patience and must send MinRate bytes a second on the whole.
type pacedBody struct {
	body     io.ReadCloser
	control  *http.ResponseController
	config   Config
	cut      context.Context // when it ends nothing more is read; nil: it never does
	deadline time.Time
	start    time.Time
	read     int64
}

func newPacedBody(w http.ResponseWriter, r *http.Request, c Config) *pacedBody {
	return &pacedBody{body: r.Body, control: http.NewResponseController(w), config: c}
}

func (b *pacedBody) Read(p []byte) (int, error) {
	now := time.Now()
	if b.start.IsZero() {
		b.start = now
	}
	byRate := b.start.Add(b.config.Patience + time.Duration(float64(b.read)/float64(b.config.MinRate)*float64(time.Second)))
	deadline := now.Add(b.config.Patience)
	if byRate.Before(deadline) {
		deadline = byRate
	}
	// Moving a deadline costs; a little imprecision does not.
	if d := deadline.Sub(b.deadline).Abs(); d > b.config.slack() {
		if b.control.SetReadDeadline(deadline) == nil {
			b.deadline = deadline
		}
		if b.cut != nil && b.cut.Err() != nil { // before the deadline was moved
			b.end()
		}
	}
	n, err := b.body.Read(p)
	b.read += int64(n)
	if err == io.EOF {
		b.relax()
	}
	return n, err
}

// end has what waits for bytes fail.
func (b *pacedBody) end() { _ = b.control.SetReadDeadline(time.Now()) }

// relax takes the deadline away: the server goes on reading in the background
// to notice that the client left, and a deadline would cancel the request.
func (b *pacedBody) relax() {
	if !b.deadline.IsZero() && b.control.SetReadDeadline(time.Time{}) == nil {
		b.deadline = time.Time{}
	}
}

// Close reads a little of what is left, so that the connection can be used
// again; the deadline holds for that, too.
func (b *pacedBody) Close() error {
	err := b.body.Close()
	b.relax()
	return err
}
