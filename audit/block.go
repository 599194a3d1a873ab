package audit

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/inglehealth/ingle/store"
)

// block is a run of numbered events. Stored, it is their number, their leaves,
// their salts, the parts of all, compressed, and a checksum.
type block struct {
	first  int64
	leaves []tlog.Hash
	salts  []salt
	parts  [][][]byte // of an erased event: nil
}

// blockFormat is the first byte of a stored block.
const blockFormat = 1

// maxBlock is the most events that a block has, beside those of its last group.
const maxBlock = 512

// maxUnpacked bounds the parts of a block.
const maxUnpacked = 256 << 20

var (
	blockEncoder, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	blockDecoder, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxUnpacked))
)

func (b *block) add(n *entry) {
	b.leaves = append(b.leaves, leafOf(b.first+int64(len(b.leaves)), n.salt, n.parts))
	b.salts = append(b.salts, n.salt)
	b.parts = append(b.parts, n.parts)
}

func (b *block) encode() []byte {
	size := 0
	for i := range b.parts {
		size += sizeOfParts(b.parts[i])
	}
	all := make([]byte, 0, size)
	out := append(make([]byte, 0, len(b.leaves)*(tlog.HashSize+len(salt{}))+size/2), blockFormat)
	out = binary.AppendUvarint(out, uint64(len(b.leaves)))
	for _, leaf := range b.leaves {
		out = append(out, leaf[:]...)
	}
	for i := range b.salts {
		out = append(out, b.salts[i][:]...)
		all = appendParts(all, b.parts[i])
	}
	out = blockEncoder.EncodeAll(all, out)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
}

// intact says whether the bytes of a stored block are those that were written. Some
// others have the same meaning.
func intact(body []byte) bool {
	n := len(body) - crc32.Size
	return n >= 0 && binary.BigEndian.Uint32(body[n:]) == crc32.ChecksumIEEE(body[:n])
}

var errBlock = errors.New("audit: a block of events cannot be read")

// blockOf reads a stored block.
func blockOf(s store.AuditBlock) (*block, error) {
	b, packed, err := leavesOf(s)
	if err != nil {
		return nil, err
	}
	r := reader{b: packed}
	for range b.leaves {
		b.salts = append(b.salts, salt(r.bytes(len(salt{}))))
	}
	if r.bad {
		return nil, errBlock
	}
	all, err := blockDecoder.DecodeAll(r.b, nil)
	if err != nil {
		return nil, errors.Join(errBlock, err)
	}
	r = reader{b: all}
	for range b.leaves {
		b.parts = append(b.parts, r.parts())
	}
	if r.bad || len(r.b) > 0 {
		return nil, errBlock
	}
	return b, nil
}

// leavesOf reads the leaves of a stored block, and returns what stands behind them.
func leavesOf(s store.AuditBlock) (*block, []byte, error) {
	r := reader{b: s.Body[:max(0, len(s.Body)-crc32.Size)]}
	format := r.bytes(1)
	b := &block{first: s.First}
	for range r.count(tlog.HashSize) {
		b.leaves = append(b.leaves, tlog.Hash(r.bytes(tlog.HashSize)))
	}
	if r.bad || format[0] != blockFormat || len(b.leaves) != s.Count {
		return nil, nil, errBlock
	}
	return b, r.b, nil
}

// event is the i-th of the block.
func (b *block) event(i int) (*Event, error) { return eventOf(b.first+int64(i), b.parts[i]) }

// postings are the block's, of the keys of its entries.
func postings(first int64, entries []*entry) []store.AuditPosting {
	places := map[int64]int{}
	last := map[int64]int{}
	var all []store.AuditPosting
	for i, n := range entries {
		for _, key := range n.keys {
			at, ok := places[key]
			if !ok {
				at = len(all)
				places[key], last[key] = at, -1
				all = append(all, store.AuditPosting{Key: key, First: first})
			}
			if last[key] == i {
				continue // twice in one event
			}
			all[at].At = binary.AppendUvarint(all[at].At, uint64(i-last[key]-1))
			last[key] = i
		}
	}
	return all
}

// places are the events of a posting, by their place in the block.
func places(p store.AuditPosting) []int {
	r := reader{b: p.At}
	var all []int
	at := -1
	for len(r.b) > 0 {
		v, n := binary.Uvarint(r.b)
		if n <= 0 || v > maxPlace {
			break // damaged: verify says so
		}
		r.b = r.b[n:]
		at += int(v) + 1
		all = append(all, at)
	}
	return all
}

// maxPlace bounds what a posting may say.
const maxPlace = 1 << 20

// spanOf is the time between the earliest and the latest entry.
func spanOf(entries []*entry) (since, until time.Time) {
	lo, hi := entries[0].time, entries[0].time
	for _, n := range entries {
		lo, hi = min(lo, n.time), max(hi, n.time)
	}
	return time.UnixMicro(lo).UTC(), time.UnixMicro(hi).UTC()
}
