package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
)

// longestLine bounds one Bundle of a population, in bytes.
const longestLine = 64 << 20

// population is as many copies of some files of Bundles as are asked for, each
// under names of its own. It holds one Bundle at a time. Not safe for
// concurrent use.
type population struct {
	paths  []string
	seed   uint64
	copied int // whole copies so far
	next   int // index of the file after the open one
	path   string
	line   int
	found  bool // whether this copy had a Bundle
	file   *os.File
	lines  *bufio.Scanner
}

func newPopulation(paths []string, seed uint64) *population {
	return &population{paths: paths, seed: seed}
}

// read returns the next Bundle, appended to into. There is always another one
// unless the files hold none.
func (p *population) read(into []byte) (freshBundle, error) {
	for {
		if p.lines == nil {
			if err := p.open(); err != nil {
				return freshBundle{}, err
			}
		}
		if !p.lines.Scan() {
			if err := p.lines.Err(); err != nil {
				return freshBundle{}, fmt.Errorf("bench: %s, after line %d (a line may have %d MB): %w", p.path, p.line, longestLine>>20, err)
			}
			p.close()
			continue
		}
		p.line++
		line := bytes.TrimSpace(p.lines.Bytes())
		if len(line) == 0 {
			continue
		}
		p.found = true
		f, err := newRenaming(p.seed, p.copied).bundle(into, line)
		if err != nil {
			return f, fmt.Errorf("bench: %s, line %d: %w", p.path, p.line, err)
		}
		return f, nil
	}
}

// open goes to the next file, gzipped or not, or to the first one of the next
// copy.
func (p *population) open() error {
	if p.next == len(p.paths) {
		if !p.found {
			return errors.New("bench: the files to make a population from hold no Bundle")
		}
		p.next, p.found = 0, false
		p.copied++
	}
	file, err := os.Open(p.paths[p.next])
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	p.path, p.line = p.paths[p.next], 0
	p.next++
	buffered := bufio.NewReaderSize(file, 256<<10)
	var content io.Reader = buffered
	if magic, _ := buffered.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		if content, err = gzip.NewReader(buffered); err != nil {
			file.Close()
			return fmt.Errorf("bench: %s: %w", p.path, err)
		}
	}
	p.file, p.lines = file, bufio.NewScanner(content)
	p.lines.Buffer(make([]byte, 0, 1<<20), longestLine)
	return nil
}

func (p *population) close() {
	if p.file != nil {
		p.file.Close()
	}
	p.file, p.lines = nil, nil
}

// WritePopulation writes Bundles of at least the given number of resources to
// a gzipped NDJSON file, one Bundle a line, made of the files as Options.From
// says. It returns how many resources those are. A file that could not be
// finished is removed.
func WritePopulation(ctx context.Context, path string, from []string, resources int, seed uint64) (written int, err error) {
	p := newPopulation(from, seed)
	defer p.close()
	file, err := os.Create(path)
	if err != nil {
		return 0, fmt.Errorf("bench: %w", err)
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	packed, err := gzip.NewWriterLevel(file, gzip.BestSpeed)
	if err != nil {
		return 0, err
	}
	var f freshBundle
	for written < resources {
		if err := ctx.Err(); err != nil {
			return written, err
		}
		if f, err = p.read(f.body[:0]); err != nil {
			return written, err
		}
		f.body = append(f.body, '\n')
		if _, err := packed.Write(f.body); err != nil {
			return written, fmt.Errorf("bench: %w", err)
		}
		written += f.resources
	}
	return written, packed.Close()
}
