package sqlite

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/inglehealth/ingle/store"
)

// journal is where groups of events wait for their numbers: a file to which they
// are appended one after the other, each with one write and one sync of data alone,
// since the file has its size before. Groups are counted; when all have their numbers, which is then in the
// database, durably, the file is written from its beginning again. What stands behind the last
// group is of lower counts, or damaged, so that it is not taken for one.
type journal struct {
	mu   sync.Mutex
	file *os.File
	size int64 // of the file
	next int64 // place of the next group
	last int64 // count of the last group
	// waits are the lengths of the groups that have no numbers, with their headers;
	// they lie before next.
	waits  []int
	buf    []byte
	read   []byte // of waiting
	spoilt bool   // there are groups in the file of events that were erased since, perhaps
	closed bool
}

const (
	journalName = "audit.journal"
	journalStep = 256 << 10 // by which the file grows
	journalTurn = 1 << 20   // from which on it is begun again
	frameHeader = 16        // count, length, checksum of those and the group
)

// openJournal opens the journal in dir, in which groups up to a count have their
// numbers.
func openJournal(dir string, sealed int64) (*journal, error) {
	f, err := os.OpenFile(filepath.Join(dir, journalName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &journal{file: f, spoilt: true}
	if err := j.load(sealed); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return j, syncDirectory(dir)
}

// load finds the groups without numbers.
func (j *journal) load(sealed int64) error {
	all, err := io.ReadAll(j.file)
	if err != nil {
		return err
	}
	j.size = int64(len(all))
	for before := int64(0); ; {
		count, group := readFrame(all[j.next:])
		if group == nil || before > 0 && count != before+1 {
			break
		}
		length := frameHeader + len(group)
		before, j.last, j.next = count, count, j.next+int64(length)
		if count > sealed {
			j.waits = append(j.waits, length)
		}
	}
	if len(j.waits) == 0 {
		j.last, j.next = max(j.last, sealed), 0
	}
	return nil
}

// readFrame is the group at the beginning of b and its count; nil when there is no
// whole one.
func readFrame(b []byte) (count int64, group []byte) {
	if len(b) < frameHeader {
		return 0, nil
	}
	n := int64(binary.BigEndian.Uint32(b[8:]))
	if n > int64(len(b)-frameHeader) {
		return 0, nil
	}
	group = b[frameHeader : frameHeader+n : frameHeader+n]
	if binary.BigEndian.Uint32(b[12:]) != frameSum(b[:12], group) {
		return 0, nil
	}
	return int64(binary.BigEndian.Uint64(b)), group
}

func frameSum(header, group []byte) uint32 {
	return crc32.Update(crc32.Checksum(header, castagnoli), castagnoli, group)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// append appends a group, durably. After an error there is nothing of it, or the
// next one takes its place.
func (j *journal) append(group []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return store.ErrClosed
	}
	b := binary.BigEndian.AppendUint64(j.buf[:0], uint64(j.last+1))
	b = binary.BigEndian.AppendUint32(b, uint32(len(group)))
	b = binary.BigEndian.AppendUint32(b, frameSum(b, group))
	b = append(b, group...)
	if cap(b) <= journalStep {
		j.buf = b
	}
	if err := j.grow(j.next + int64(len(b))); err != nil {
		return err
	}
	if _, err := j.file.WriteAt(b, j.next); err != nil {
		return err
	}
	if err := syncData(j.file); err != nil {
		return err
	}
	j.next += int64(len(b))
	j.last++
	j.waits = append(j.waits, len(b))
	return nil
}

// grow gives the file its size before it is needed, so that a sync has no more to do
// than the data.
func (j *journal) grow(to int64) error {
	if to <= j.size {
		return nil
	}
	size := (to + journalStep - 1) / journalStep * journalStep
	if _, err := j.file.WriteAt(make([]byte, size-j.size), j.size); err != nil {
		return errors.Join(err, j.file.Truncate(j.size))
	}
	if err := j.file.Sync(); err != nil {
		return err
	}
	j.size = size
	return nil
}

// waiting are up to limit groups without numbers, the oldest first, and the count of
// the group before them. They are good until it is called again, by one at a time.
func (j *journal) waiting(limit int) (groups [][]byte, before int64, err error) {
	j.mu.Lock()
	lengths := j.waits[:min(limit, len(j.waits))]
	at, before := j.next, j.last-int64(len(j.waits))
	for _, n := range j.waits {
		at -= int64(n)
	}
	j.mu.Unlock()
	sum := 0
	for _, n := range lengths {
		sum += n
	}
	// It is not written over before it has its numbers.
	all := slices.Grow(j.read[:0], sum)[:sum]
	if cap(all) <= journalTurn {
		j.read = all
	}
	if _, err := j.file.ReadAt(all, at); err != nil {
		return nil, 0, err
	}
	for range lengths {
		_, group := readFrame(all)
		if group == nil {
			return nil, 0, errJournal
		}
		groups = append(groups, group)
		all = all[frameHeader+len(group):]
	}
	return groups, before, nil
}

var errJournal = errors.New("the journal of the audit log cannot be read back")

// pass notes that the first n groups have their numbers.
func (j *journal) pass(n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.waits = append([]int(nil), j.waits[n:]...)
}

// spoil says that something in the file is to be there no longer than needed.
func (j *journal) spoil() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.spoilt = true
}

// turn begins the file again if it is long, or spoilt, and all groups have their
// numbers, which flush makes durable. A spoilt one is wiped: written over.
func (j *journal) turn(flush func() error) (wiped bool, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.next < journalTurn && !j.spoilt || len(j.waits) > 0 {
		return false, nil
	}
	if err := flush(); err != nil {
		return false, err
	}
	j.next = 0
	if !j.spoilt {
		return false, nil
	}
	if _, err := j.file.WriteAt(make([]byte, j.size), 0); err != nil {
		return false, err
	}
	if err := syncData(j.file); err != nil {
		return false, err
	}
	j.spoilt = false
	return true, nil
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	j.closed = true
	return j.file.Close()
}
