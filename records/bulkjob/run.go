package bulkjob

import (
	"bufio"
	"container/heap"
	"context"
	bin "encoding/binary"
	"fmt"
	"io"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Run is a file of lines that are sorted by the Patient to whom they belong, or a shelf.
type Run struct {
	Name  string `json:"name"`
	Level int    `json:"level,omitempty"` // how often its lines were merged
}

// entry is a line of a run.
type entry struct {
	patient fhir.ID
	targets []records.Place // on the shelves, to which it refers
	line    []byte
}

// maxEntry bounds a part of an entry, in bytes.
const maxEntry = 1 << 30

func (x *entry) write(to *bufio.Writer) error {
	head := bin.AppendUvarint(nil, uint64(len(x.patient)))
	head = append(head, x.patient...)
	head = bin.AppendUvarint(head, uint64(len(x.targets)))
	for _, t := range x.targets {
		head = bin.AppendUvarint(head, uint64(t))
	}
	head = bin.AppendUvarint(head, uint64(len(x.line)))
	_, _ = to.Write(head) // the next one tells
	_, err := to.Write(x.line)
	return err
}

// entryReader reads entries from a place in a file.
type entryReader struct {
	file io.ReadSeekCloser
	in   *bufio.Reader
	head entry
	at   int64 // in the file, where head begins
	next int64
	end  bool // there is no head
	nth  int  // among those that are merged
}

// openEntries reads the first entry from a place on; the caller closes the file.
func (e *export) openEntries(ctx context.Context, name string, at int64) (*entryReader, error) {
	file, err := e.Files.Open(ctx, e.name(name))
	if err != nil {
		return nil, err
	}
	r := &entryReader{file: file, in: bufio.NewReaderSize(file, 64<<10), next: at}
	if _, err = file.Seek(at, io.SeekStart); err == nil {
		err = r.read()
	}
	if err != nil {
		_ = file.Close() // the error is what matters
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

// read goes on to the next entry.
func (r *entryReader) read() error {
	r.at = r.next
	if _, err := r.in.Peek(1); err == io.EOF {
		r.end = true
		return nil
	}
	patient, err := r.bytes()
	if err != nil {
		return err
	}
	r.head = entry{patient: fhir.ID(patient)}
	n, err := r.number()
	for range n {
		if err != nil {
			break
		}
		var place uint64
		place, err = r.number()
		r.head.targets = append(r.head.targets, records.Place(place))
	}
	if err == nil {
		r.head.line, err = r.bytes()
	}
	return err
}

func (r *entryReader) number() (uint64, error) {
	n, err := bin.ReadUvarint(r.in)
	r.next += int64(len(bin.AppendUvarint(nil, n)))
	return n, err
}

func (r *entryReader) bytes() ([]byte, error) {
	n, err := r.number()
	if err != nil {
		return nil, err
	}
	if n > maxEntry {
		return nil, fmt.Errorf("an entry of %d bytes", n)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r.in, b)
	r.next += int64(n)
	return b, err
}

// merge reads the entries of several runs in the order of their Patients, those of one in
// the order of the runs.
type merge struct {
	all  []*entryReader
	rest mergeHeap
}

// openMerge opens runs, each from its place on; nil: from the beginning.
func (e *export) openMerge(ctx context.Context, runs []Run, at []int64) (*merge, error) {
	m := &merge{}
	for i, run := range runs {
		from := int64(0)
		if at != nil {
			from = at[i]
		}
		r, err := e.openEntries(ctx, run.Name, from)
		if err != nil {
			m.close()
			return nil, err
		}
		r.nth = i
		m.all = append(m.all, r)
		if !r.end {
			m.rest = append(m.rest, r)
		}
	}
	heap.Init(&m.rest)
	return m, nil
}

// head is the next entry; nil at the end.
func (m *merge) head() *entry {
	if len(m.rest) == 0 {
		return nil
	}
	return &m.rest[0].head
}

// read goes on to the next entry.
func (m *merge) read() error {
	r := m.rest[0]
	if err := r.read(); err != nil {
		return err
	}
	if r.end {
		heap.Pop(&m.rest)
	} else {
		heap.Fix(&m.rest, 0)
	}
	return nil
}

// places are where the heads of the runs begin.
func (m *merge) places() []int64 {
	all := make([]int64, len(m.all))
	for i, r := range m.all {
		all[i] = r.at
	}
	return all
}

func (m *merge) close() {
	for _, r := range m.all {
		_ = r.file.Close() // it was read only
	}
}

type mergeHeap []*entryReader

func (h mergeHeap) Len() int { return len(h) }
func (h mergeHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	return a.head.patient < b.head.patient || a.head.patient == b.head.patient && a.nth < b.nth
}
func (h mergeHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *mergeHeap) Push(x any)   { *h = append(*h, x.(*entryReader)) }
func (h *mergeHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
