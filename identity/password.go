package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/secure/precis"
)

// Cost is what a password's hash by argon2id takes.
type Cost struct {
	Memory  uint32 // KiB
	Time    uint32 // passes over the memory
	Threads uint8
}

// bounded says whether hashes may take so much.
func (c Cost) bounded() bool {
	return c.Memory <= mostMemory && c.Time >= 1 && c.Time <= mostTime && c.Threads >= 1
}

// DefaultCost is OWASP's first choice for 19 MiB.
func DefaultCost() Cost { return Cost{Memory: 19 << 10, Time: 2, Threads: 1} }

// Bounds of hashing: memory and processors that sign-ins may take.
const (
	hashesAtOnce = 2
	hashesQueued = 64
	saltBytes    = 16
	sumBytes     = 32
	mostMemory   = 256 << 10 // KiB, of a hash that the store holds
	mostTime     = 16
)

// hasher hashes passwords with argon2id, two at once; others wait.
type hasher struct {
	cost    Cost
	slots   chan struct{}
	waiting atomic.Int64
	nobody  string // a hash that no password has
}

func newHasher(c Cost) *hasher {
	h := &hasher{cost: c, slots: make(chan struct{}, hashesAtOnce)}
	var random [saltBytes + sumBytes]byte
	_, _ = rand.Read(random[:]) // never fails
	h.nobody = encodeHash(h.cost, random[:saltBytes], random[saltBytes:])
	return h
}

// hash returns the password's hash in the PHC format, with its parameters.
// ErrBusy when too many wait.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails
	sum, err := h.sum(ctx, password, h.cost, salt, sumBytes)
	if err != nil {
		return "", err
	}
	return encodeHash(h.cost, salt, sum), nil
}

// verify says whether a password has a hash, and whether the hash is of another
// cost than new ones. No hash, "", takes as long as any.
func (h *hasher) verify(ctx context.Context, password, hash string) (ok, stale bool, err error) {
	if hash == "" {
		hash = h.nobody
	}
	if len(password) > maxPassword {
		password = "" // which is nobody's either
	}
	c, salt, want, err := decodeHash(hash)
	if err != nil {
		return false, false, err
	}
	got, err := h.sum(ctx, password, c, salt, len(want))
	if err != nil {
		return false, false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1, c != h.cost, nil
}

func (h *hasher) sum(ctx context.Context, password string, c Cost, salt []byte, size int) ([]byte, error) {
	if h.waiting.Add(1) > hashesAtOnce+hashesQueued {
		h.waiting.Add(-1)
		return nil, ErrBusy
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	return argon2.IDKey([]byte(prepared(password)), salt, c.Time, c.Memory, c.Threads, uint32(size)), nil
}

// prepared is the password as it is hashed: RFC 8265, OpaqueString. One that
// cannot be a password stays as it is.
func prepared(password string) string {
	if p, err := precis.OpaqueString.String(password); err == nil {
		return p
	}
	return password
}

func encodeHash(c Cost, salt, sum []byte) string {
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.Memory, c.Time, c.Threads, b.EncodeToString(salt), b.EncodeToString(sum))
}

// decodeHash reads what encodeHash wrote. Costs beyond any that Ingle ever set
// are refused.
func decodeHash(hash string) (c Cost, salt, sum []byte, err error) {
	parts := strings.Split(hash, "$")
	var version int
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return c, nil, nil, errors.New("identity: a password's hash cannot be read")
	}
	_, err = fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &c.Memory, &c.Time, &c.Threads)
	if err == nil && (version != argon2.Version || !c.bounded()) {
		err = errors.New("unknown version or cost")
	}
	if err == nil {
		salt, err = base64.RawStdEncoding.DecodeString(parts[4])
	}
	if err == nil {
		sum, err = base64.RawStdEncoding.DecodeString(parts[5])
	}
	if err == nil && (len(sum) < 16 || len(sum) > 64) {
		err = errors.New("unknown length")
	}
	if err != nil {
		return c, nil, nil, fmt.Errorf("identity: a password's hash cannot be read: %w", err)
	}
	return c, salt, sum, nil
}
