package audit

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/inglehealth/ingle/store"
)

// Proof shows that an event is in the log: what it takes to compute, from the event,
// the root that a signed checkpoint has. It says of other patients nothing but how
// many parts the event has.
type Proof struct {
	Event      int64       `json:"event"`
	Parts      []ProofPart `json:"parts"`
	Path       []string    `json:"path"` // hashes of the tree (RFC 6962 §2.1.1)
	Checkpoint string      `json:"checkpoint"`
	Verifiers  []string    `json:"verifiers"` // keys that the checkpoint may be signed with
}

// ProofPart is a part of the event: its text and salt, or its hash alone.
type ProofPart struct {
	Text string `json:"text,omitzero"`
	Salt string `json:"salt,omitzero"`
	Hash string `json:"hash,omitzero"`
}

// Checkpoint is the last signed head of the log, after all that was appended before
// is in it: the form of Go's checksum database.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	if err := errors.Join(l.Seal(ctx), l.store.FlushAudit(ctx)); err != nil {
		return nil, err
	}
	h, err := l.store.AuditHead(ctx)
	return h.Note, err
}

// Prove proves that an event is in the log, for the i-th of its patients to see; -1
// is for who may see all of it. store.ErrNotFound when there is no such event, or it
// was erased.
func (l *Log) Prove(ctx context.Context, number int64, patient int) ([]byte, error) {
	checkpoint, err := l.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	return Prove(ctx, l.store, number, patient, checkpoint)
}

// Prove is Log.Prove of a log that nobody need have open, against its last
// checkpoint.
func Prove(ctx context.Context, s store.Audit, number int64, patient int, checkpoint []byte) ([]byte, error) {
	l := &Log{store: s}
	b, err := l.block(ctx, number)
	if err != nil {
		return nil, err
	}
	at := int(number - b.first)
	parts := b.parts[at]
	of := len(parts) - 2 // patients
	if of > 0 {
		if _, text, _ := openPart(salt{}, 0, parts[len(parts)-1]); tellsGrounds(text) {
			of--
		}
	}
	if len(parts) == 0 || patient >= of {
		return nil, store.ErrNotFound
	}
	p := Proof{Event: number, Checkpoint: string(checkpoint)}
	for i, part := range parts {
		own, text, h := openPart(b.salts[at], i, part)
		// With several patients the second part may tell of all of them.
		if shown := patient < 0 || i == 0 || i == patient+2 || i == 1 && of == 1; shown && text != nil {
			p.Parts = append(p.Parts, ProofPart{Text: string(text), Salt: encode(own[:])})
			continue
		}
		p.Parts = append(p.Parts, ProofPart{Hash: encode(h[:])})
	}
	signers, err := Signers(ctx, s)
	if err != nil {
		return nil, err
	}
	for _, one := range signers {
		p.Verifiers = append(p.Verifiers, one.Verifier)
	}
	signed, err := openHead(checkpoint, p.Verifiers)
	if err != nil {
		return nil, err
	}
	path, err := tlog.ProveRecord(signed.N, number, hashes{ctx, s})
	if err != nil {
		return nil, err
	}
	for _, h := range path {
		p.Path = append(p.Path, encode(h[:]))
	}
	return json.Marshal(p, jsontext.WithIndent("  "))
}

// Consistency proves that the log of an earlier size is the beginning of that of a
// later one (RFC 6962 §2.1.2).
func Consistency(ctx context.Context, s store.Audit, earlier, later int64) ([]string, error) {
	proof, err := tlog.ProveTree(later, earlier, hashes{ctx, s})
	var path []string
	for _, h := range proof {
		path = append(path, encode(h[:]))
	}
	return path, err
}

// CheckConsistency checks what Consistency made for two checkpoints, which are
// signed by some of the verifiers.
func CheckConsistency(path []string, earlier, later []byte, verifiers []string) error {
	old, err1 := openHead(earlier, verifiers)
	now, err2 := openHead(later, verifiers)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	proof, err := pathOf(path)
	if err != nil {
		return err
	}
	return tlog.CheckTree(tlog.TreeProof(proof), now.N, now.Hash, old.N, old.Hash)
}

// CheckProof checks a proof and returns the event as far as it is shown. verifiers
// are the keys to trust; with none those that the proof brings are taken.
func CheckProof(text []byte, verifiers []string) (*Event, error) {
	var p Proof
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, fmt.Errorf("audit: this is no proof: %w", err)
	}
	if len(verifiers) == 0 {
		verifiers = p.Verifiers
	}
	signed, err := openHead([]byte(p.Checkpoint), verifiers)
	if err != nil {
		return nil, err
	}
	var partHashes []tlog.Hash
	var shown [][]byte
	for i, part := range p.Parts {
		if part.Text == "" {
			h, err := decode(part.Hash, tlog.HashSize)
			if err != nil {
				return nil, err
			}
			partHashes = append(partHashes, tlog.Hash(h))
			if i == 1 {
				shown = append(shown, []byte("{}"))
			}
			continue
		}
		own, err := decode(part.Salt, len(salt{}))
		if err != nil {
			return nil, err
		}
		partHashes = append(partHashes, salt(own).hash([]byte(part.Text)))
		shown = append(shown, []byte(part.Text))
	}
	path, err := pathOf(p.Path)
	if err != nil {
		return nil, err
	}
	if err := tlog.CheckRecord(path, signed.N, signed.Hash, p.Event, recordOf(join(p.Event, partHashes))); err != nil {
		return nil, fmt.Errorf("audit: the event is not the one in the log: %w", err)
	}
	return eventOf(p.Event, shown)
}

func pathOf(texts []string) (tlog.RecordProof, error) {
	var path tlog.RecordProof
	for _, text := range texts {
		h, err := decode(text, tlog.HashSize)
		if err != nil {
			return nil, err
		}
		path = append(path, tlog.Hash(h))
	}
	return path, nil
}

func encode(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func decode(text string, size int) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err == nil && len(b) != size {
		err = fmt.Errorf("audit: %d bytes stand where %d are expected", len(b), size)
	}
	return b, err
}
