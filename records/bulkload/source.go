package bulkload

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/dustin/go-humanize"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/gzip"

	"github.com/inglehealth/ingle/spec/fhir"
)

// Source is what is loaded: a file, or what takes its place. The job's arguments keep
// it.
type Source struct {
	Name string `json:"path"` // as it is reported
	Size int64  `json:"size"`
	Hash string `json:"hash"` // SHA-256 of the content as it lies there
	// Type is that of all of its resources; "": of any.
	Type  fhir.Type `json:"type,omitempty"`
	Lines bool      `json:"lines,omitempty"` // it is NDJSON, whatever its name
	// Open opens it, as often as it is read; nil: Name is the path of a file.
	Open func(ctx context.Context) (io.ReadCloser, error) `json:"-"`
}

func (s *Source) open(ctx context.Context) (io.ReadCloser, error) {
	if s.Open != nil {
		return s.Open(ctx)
	}
	return os.Open(s.Name)
}

// inspect reads and orders the files; when ctx ends, it stops at once with ctx's error.
func inspect(ctx context.Context, paths []string) ([]Source, error) {
	var list []Source
	for _, p := range paths {
		s, err := hashed(ctx, p)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	slices.SortStableFunc(list, func(a, b Source) int { return Rank(a.Name) - Rank(b.Name) })
	return list, nil
}

// hashed reads a file to its end, or until ctx ends and it is closed.
func hashed(ctx context.Context, path string) (Source, error) {
	f, err := os.Open(path)
	if err != nil {
		return Source{}, err
	}
	closed := sync.OnceValue(f.Close)
	defer context.AfterFunc(ctx, func() { _ = closed() })()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return Source{Name: path, Size: n, Hash: hex.EncodeToString(h.Sum(nil))}, errors.Join(err, closed())
}

// early are the beginnings of names of files whose content others refer to.
// Any order leads to the same end; a good one needs one pass.
var early = []string{"referenced", "infrastructure", "hospital", "organization", "location", "practitioner", "practitionerrole",
	"medication.", "substance", "device", "patient", "relatedperson", "group", "episodeofcare", "encounter", "condition", "careteam",
	"allergyintolerance", "procedure", "immunization", "observation", "imagingstudy", "diagnosticreport", "documentreference"}

// Rank is the place of a file, or of a type of resources, in a good order.
func Rank(path string) int {
	name := strings.ToLower(filepath.Base(path))
	best, length := len(early), 0
	for i, prefix := range early {
		if strings.HasPrefix(name, prefix) && len(prefix) > length {
			best, length = i, len(prefix)
		}
	}
	return best
}

// reader gives the lines of a file.
type reader struct {
	file  io.ReadCloser
	count *counter
	lines *bufio.Reader
	line  []byte // scratch
	blank int    // bytes of the blank lines read last
	whole bool   // one document over many lines
	done  bool
	max   int
}

// counter counts what is read of the file itself.
type counter struct {
	io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// errLong says that a line is beyond the limit; it has been skipped.
var errLong = errors.New("the line is too long")

// A file that goes on without end is not read to it: a few bytes of gzip can
// stand for gigabytes of nothing.
const (
	maxBlank   = 1 << 20 // bytes of blank lines behind each other
	maxSkipped = 16      // a line that is skipped, in multiples of the limit
)

var (
	errBlank   = fmt.Errorf("more than %s of blank lines follow each other here; the rest of the file is not read", humanize.IBytes(maxBlank))
	errEndless = fmt.Errorf("the line is more than %d times too long; the rest of the file is not read", maxSkipped)
)

// inflated reads what gzip makes of a file, and no more of it than makes sense.
type inflated struct {
	zip  *gzip.Reader
	from *counter
	n    int64
}

// Text of resources makes some tens of times its size.
const (
	maxRatio  = 500
	unguarded = 64 << 20 // what may come of anything
)

var errRatio = fmt.Errorf("it makes more than %d times its size; the rest of the file is not read", maxRatio)

func (i *inflated) Read(p []byte) (int, error) {
	n, err := i.zip.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("the gzip archive is cut off or damaged here; the rest of the file is not read: %w", err)
	}
	if i.n += int64(n); i.n > unguarded && i.n > maxRatio*i.from.n {
		return 0, errRatio
	}
	return n, err
}

const peeked = 1 << 16

// openSource opens a file; the caller closes it.
func openSource(ctx context.Context, s Source, maxLine int) (*reader, error) {
	f, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	r := &reader{file: f, count: &counter{Reader: f}, max: maxLine}
	r.lines = bufio.NewReaderSize(r.count, 1<<20)
	if magic, _ := r.lines.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(r.lines)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", s.Name, err), f.Close())
		}
		r.lines = bufio.NewReaderSize(&inflated{zip: z, from: r.count}, 1<<20)
	}
	if bom, _ := r.lines.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		_, _ = r.lines.Discard(3)
	}
	r.whole = !s.Lines && !strings.Contains(strings.ToLower(filepath.Base(s.Name)), "ndjson") && !r.firstLineIsComplete()
	return r, nil
}

// firstLineIsComplete says whether the file looks like NDJSON, whatever its
// name: a first line that is a whole value, or one too long to tell.
func (r *reader) firstLineIsComplete() bool {
	head, err := r.lines.Peek(peeked)
	line, _, found := bytes.Cut(bytes.TrimLeft(head, " \t\r\n"), []byte("\n"))
	if !found {
		// One line, or one that is longer than what was looked at.
		return err == nil || len(line) > 0
	}
	return jsontext.Value(line).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

func (r *reader) Close() error { return r.file.Close() }

// next returns the next document, which may be blank. The error is io.EOF at
// the end, errLong for a line that was skipped, or that which ends the file:
// errBlank, errEndless or its own.
func (r *reader) next() ([]byte, error) {
	if r.whole {
		return r.document()
	}
	r.line = r.line[:0]
	long, length := false, 0
	for {
		part, err := r.lines.ReadSlice('\n')
		length += len(part)
		switch {
		case length > maxSkipped*r.max:
			return nil, errEndless
		case long:
		case len(r.line)+len(part) > r.max:
			long, r.line = true, nil
		default:
			r.line = append(r.line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case long && (err == nil || errors.Is(err, io.EOF)):
			return nil, errLong
		case errors.Is(err, io.EOF) && len(r.line) > 0:
			err = nil
		}
		if r.blank += len(r.line); !blank(r.line) {
			r.blank = 0
		} else if r.blank > maxBlank {
			return nil, errBlank
		}
		return r.take(), err
	}
}

// take returns what was read of a line. Many lines are held, so they have no
// room behind them; of a long one there is only one copy.
func (r *reader) take() []byte {
	if line := r.line; len(line) > budget/2 {
		r.line = nil
		return line
	}
	return bytes.Clone(r.line)
}

func (r *reader) document() ([]byte, error) {
	if r.done {
		return nil, io.EOF
	}
	r.done = true
	text, err := io.ReadAll(io.LimitReader(r.lines, int64(r.max)+1))
	if err == nil && len(text) > r.max {
		return nil, errLong
	}
	return text, err
}
