package audit

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/inglehealth/ingle/store"
)

// spool is where groups of events wait while the store has no room: a file of this
// process, which has its size from the beginning. Each group is signed, with its place
// and with the hash of all before it, so that none can be altered, taken out of the
// middle or moved unseen. Who cuts the file off at its end while no process has it open
// takes out the last ones.
type spool struct {
	path string
	mu   sync.Mutex
	file *os.File
	id   [16]byte // of this use of the file, from its first group on
	next int64    // place of the next group; 0 before the first
	last link     // of the last group
	// waiting are events, moved the groups that are in the store since the file was begun.
	waiting, moved int
	// aside says that the file was altered, and stays as it is; renamed, that it has another
	// name.
	aside, renamed bool
}

// link is a place in the chain of groups.
type link struct {
	count uint64
	hash  [sha256.Size]byte
}

const (
	spoolMark   = "ingle audit spool 1\n"
	spoolHeader = int64(len(spoolMark) + 16) // with the id
	spoolSize   = 16 << 20
	spoolFrame  = 8 // lengths of group and signature
)

// errSpool says that the spool has no more room.
var errSpool = fmt.Errorf("audit: the spool is full as well: %w", store.ErrFull)

// openSpool opens the file, makes it if it is not there, and takes it for this process.
// It follows no link, and nobody else may read the file.
func openSpool(path string) (*spool, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(0o600); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("audit: the spool %s is in use by another process: each needs a folder of its own", path), f.Close())
	}
	s := &spool{path: path, file: f}
	info, err := f.Stat()
	for at := int64(0); err == nil && info.Size()+at < spoolSize; at += 1 << 20 {
		_, err = f.WriteAt(make([]byte, min(1<<20, spoolSize-info.Size()-at)), info.Size()+at)
	}
	if err = errors.Join(err, f.Sync()); err != nil {
		return nil, errors.Join(fmt.Errorf("audit: the spool: %w", err), f.Close())
	}
	return s, nil
}

func (s *spool) close() error {
	if s == nil {
		return nil
	}
	return s.file.Close()
}

// holds says how many events wait.
func (s *spool) holds() int {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}

// append keeps a group of so many events, durably when it returns, if first, or when
// others wait already; taken says whether it did.
func (s *spool) append(group []byte, events int, by note.Signer, first bool) (taken bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == 0 && !first {
		return false, nil
	}
	if s.aside {
		if err := s.renew(); err != nil {
			return true, errors.Join(errSpool, err)
		}
	}
	if s.next == 0 {
		if err := s.begin(); err != nil {
			return true, err
		}
	}
	now := s.last.over(group)
	signature, err := by.Sign(now.signed(s.id))
	if err != nil {
		return true, err
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(len(group)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(signature)))
	b = append(append(b, group...), signature...)
	if s.next+int64(len(b)) > spoolSize {
		return true, errSpool
	}
	if _, err := s.file.WriteAt(b, s.next); err != nil {
		return true, err
	}
	if err := s.file.Sync(); err != nil {
		return true, err
	}
	s.next, s.last = s.next+int64(len(b)), now
	s.waiting += events
	return true, nil
}

// begin begins the file anew, under an id of its own.
func (s *spool) begin() error {
	if err := s.blank(); err != nil {
		return err
	}
	if _, err := rand.Read(s.id[:]); err != nil {
		return err
	}
	if _, err := s.file.WriteAt(append([]byte(spoolMark), s.id[:]...), 0); err != nil {
		return err
	}
	s.next, s.last, s.moved = spoolHeader, link{}, 0
	return nil
}

// blank leaves nothing in the file that could be taken for a group.
func (s *spool) blank() error {
	for at := int64(0); at < max(s.next, spoolHeader); at += 1 << 20 {
		if _, err := s.file.WriteAt(make([]byte, min(1<<20, spoolSize-at)), at); err != nil {
			return err
		}
	}
	return s.file.Sync()
}

// over is the link of a group behind l.
func (l link) over(group []byte) link {
	h := sha256.New()
	h.Write(l.hash[:])
	h.Write(group)
	next := link{count: l.count + 1}
	h.Sum(next.hash[:0])
	return next
}

// signed is what a group's signature is about.
func (l link) signed(id [16]byte) []byte {
	b := append([]byte(spoolMark), id[:]...)
	return append(binary.BigEndian.AppendUint64(b, l.count), l.hash[:]...)
}

// spooled is what a spool holds.
type spooled struct {
	id     [16]byte
	groups [][]byte
	events int
	last   link
	end    int64  // behind the last group that is good
	bad    string // what is wrong behind it; "" for nothing
}

// readSpool reads a spool by the keys that may have signed.
func readSpool(file io.ReaderAt, verifiers []string) (s spooled, err error) {
	var keys []note.Verifier
	for _, v := range verifiers {
		key, err := note.NewVerifier(v)
		if err != nil {
			return s, fmt.Errorf("audit: a key: %w", err)
		}
		keys = append(keys, key)
	}
	all, err := io.ReadAll(io.NewSectionReader(file, 0, spoolSize))
	if err != nil {
		return s, err
	}
	if len(all) < int(spoolHeader) || string(all[:len(spoolMark)]) != spoolMark {
		if !blankBytes(all) {
			s.bad = "the spool was altered at its beginning"
		}
		return s, nil
	}
	copy(s.id[:], all[len(spoolMark):])
	s.end = spoolHeader
	for {
		rest := all[s.end:]
		if len(rest) < spoolFrame || blankBytes(rest[:spoolFrame]) {
			if !blankBytes(rest) {
				s.bad = fmt.Sprintf("the spool was altered or not finished behind its %d events", s.events)
			}
			return s, nil
		}
		n, m := int64(binary.BigEndian.Uint32(rest)), int64(binary.BigEndian.Uint32(rest[4:]))
		if n+m+spoolFrame > int64(len(rest)) {
			s.bad = fmt.Sprintf("the spool was altered or not finished behind its %d events", s.events)
			return s, nil
		}
		group, signature := rest[spoolFrame:spoolFrame+n], rest[spoolFrame+n:spoolFrame+n+m]
		now := s.last.over(group)
		entries, wrong := entriesOf(group)
		if wrong != nil || !signedByOne(keys, now.signed(s.id), signature) {
			s.bad = fmt.Sprintf("the spool was altered or not finished behind its %d events", s.events)
			return s, nil
		}
		s.groups, s.last = append(s.groups, group), now
		s.events, s.end = s.events+len(entries), s.end+n+m+spoolFrame
	}
}

func signedByOne(keys []note.Verifier, text, signature []byte) bool {
	for _, key := range keys {
		if key.Verify(text, signature) {
			return true
		}
	}
	return false
}

func blankBytes(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// check says what is wrong with the file; "" for nothing.
func (s *spool) check(verifiers []string) (problem string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := readSpool(s.file, verifiers)
	if s.aside { // which was told
		found.bad = ""
	}
	if found.bad == "" && err == nil && s.waiting > 0 && (found.id != s.id || found.last != s.last) {
		found.bad = fmt.Sprintf("the spool was cut off behind its %d events", found.events)
	}
	return found.bad, err
}

// CheckSpool looks through the spool of a process, by the keys that may have signed: how
// many events wait there, and what is wrong with them, "" for nothing. A server may run.
func CheckSpool(path string, verifiers []string) (events int, problem string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	var s spooled
	for range 5 { // a server may be writing a group
		if s, err = readSpool(f, verifiers); err != nil || s.bad == "" {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return s.events, s.bad, err
}
