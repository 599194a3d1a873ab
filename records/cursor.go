package records

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"

	"github.com/inglehealth/ingle/store"
)

// cursors seals the places of pages, so that a page link is good for nothing
// but the tenant that gave it out. The store itself binds it to its query. The
// zero value cannot be used.
type cursors struct{ key []byte }

// sealSize is how many bytes of the seal a cursor carries.
const sealSize = 8

// cursorKey is the setting that holds the key.
const cursorKey = "cursor-key"

// openCursors reads the tenant's key, which is made when it is first asked
// for: all processes on one database have the same.
func openCursors(ctx context.Context, settings store.Settings) (cursors, error) {
	fresh := make([]byte, 32)
	if _, err := rand.Read(fresh); err != nil {
		return cursors{}, err
	}
	key, err := settings.InitSetting(ctx, cursorKey, fresh)
	return cursors{key}, err
}

// seal makes a cursor of the store fit to be given out; "" stays "".
func (c cursors) seal(cursor string) string {
	if cursor == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(c.sum(cursor)) + cursor
}

// open takes the seal off again. It fails with store.ErrBadCursor.
func (c cursors) open(sealed string) (string, error) {
	if sealed == "" {
		return "", nil
	}
	n := base64.RawURLEncoding.EncodedLen(sealSize)
	if len(sealed) <= n {
		return "", store.ErrBadCursor
	}
	sum, err := base64.RawURLEncoding.DecodeString(sealed[:n])
	if err != nil || !hmac.Equal(sum, c.sum(sealed[n:])) {
		return "", store.ErrBadCursor
	}
	return sealed[n:], nil
}

func (c cursors) sum(cursor string) []byte {
	h := hmac.New(sha256.New, c.key)
	h.Write([]byte(cursor))
	return h.Sum(nil)[:sealSize]
}
