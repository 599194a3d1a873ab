package intake

import (
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"hash"
	"io"

	"github.com/inglehealth/ingle/records"
)

// pieceSize is how much of a file is kept together.
const pieceSize = 4 << 20

// file is a file in pieces, as a job knows it.
type file struct {
	Pieces []string `json:"pieces,omitempty"`
	// Pending are pieces that may have been kept when the job was last saved, and do not
	// count.
	Pending []string `json:"pending,omitempty"`
	Size    int64    `json:"size,omitempty"`
	Digest  []byte   `json:"digest,omitempty"` // state of the SHA-256 of what is there
	Hash    string   `json:"hash,omitempty"`   // once it is whole
}

// digest goes on with the hash of what is there.
func (f *file) digest() (hash.Hash, error) {
	h := sha256.New()
	if f.Digest == nil {
		return h, nil
	}
	return h, h.(encoding.BinaryUnmarshaler).UnmarshalBinary(f.Digest)
}

// append keeps content as the next piece. save makes durable what f says, before the
// piece is kept, so that none is ever there that nobody knows of.
func (f *file) append(ctx context.Context, door *records.Door, content []byte, save func(context.Context) error) error {
	h, err := f.digest()
	if err != nil {
		return err
	}
	h.Write(content)
	digest, err := h.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return err
	}
	p := records.NewPiece(content)
	f.Pending = append(f.Pending, p.Name)
	if err := save(ctx); err != nil {
		return err
	}
	if err := door.KeepPiece(ctx, p); err != nil {
		return err
	}
	f.Pending = f.Pending[:len(f.Pending)-1]
	f.Pieces, f.Size, f.Digest = append(f.Pieces, p.Name), f.Size+int64(len(content)), digest
	return nil
}

// finish says that the file is whole.
func (f *file) finish() error {
	h, err := f.digest()
	f.Digest, f.Hash = nil, hex.EncodeToString(h.Sum(nil))
	return err
}

// drop removes all pieces.
func (f *file) drop(ctx context.Context, door *records.Door) error {
	if err := f.settle(ctx, door); err != nil {
		return err
	}
	for _, name := range f.Pieces {
		if err := door.DropPiece(ctx, name); err != nil {
			return err
		}
	}
	f.Pieces, f.Size, f.Digest, f.Hash = nil, 0, nil, ""
	return nil
}

// settle removes the pieces that do not count.
func (f *file) settle(ctx context.Context, door *records.Door) error {
	for _, name := range f.Pending {
		if err := door.DropPiece(ctx, name); err != nil {
			return err
		}
	}
	f.Pending = nil
	return nil
}

// open reads the file. The caller closes it.
func (f *file) open(ctx context.Context, door *records.Door) io.ReadCloser {
	return &pieces{ctx: ctx, door: door, names: f.Pieces}
}

// pieces reads pieces behind each other.
type pieces struct {
	ctx   context.Context
	door  *records.Door
	names []string
	read  func([]byte) ([]byte, error) // makes content of a piece; nil: it is the piece
	rest  []byte
}

func (p *pieces) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		if len(p.names) == 0 {
			return 0, io.EOF
		}
		text, err := p.door.ReadPiece(p.ctx, p.names[0])
		if err == nil && p.read != nil {
			text, err = p.read(text)
		}
		if err != nil {
			return 0, err
		}
		p.names, p.rest = p.names[1:], text
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func (p *pieces) Close() error { return nil }

// sink gathers what is written into pieces of a file.
type sink struct {
	file *file
	door *records.Door
	save func(context.Context) error
	buf  []byte
}

// take gathers content and keeps every piece that is full.
func (s *sink) take(ctx context.Context, content []byte) error {
	for len(content) > 0 {
		n := min(len(content), pieceSize-len(s.buf))
		s.buf, content = append(s.buf, content[:n]...), content[n:]
		if len(s.buf) == pieceSize {
			if err := s.flush(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush keeps what was gathered.
func (s *sink) flush(ctx context.Context) error {
	if len(s.buf) == 0 {
		return nil
	}
	err := s.file.append(ctx, s.door, s.buf, s.save)
	if err == nil {
		s.buf = s.buf[:0]
	}
	return err
}
