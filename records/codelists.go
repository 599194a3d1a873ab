package records

import (
	"context"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/internal/recent"
	"github.com/inglehealth/ingle/spec/definitions"
)

// maxListed bounds what is kept of listed value sets, in bytes.
const maxListed = 16 << 20

// codeLists keeps the codes of value sets that searches named, with the stored
// versions that each list was made of. While a session sees those and no
// others, the value set has those codes, whichever process wrote them.
type codeLists struct {
	*recent.Map[listKey, codeListing]
}

type listKey struct {
	release  definitions.Release
	valueSet string // its canonical
	limit    int
}

type codeListing struct {
	of    sight
	codes *search.CodeList
}

// codes gives a list that was made of what t sees, or has list make it of that.
func (l *codeLists) codes(ctx context.Context, k listKey, t *termSource, list func() (*search.CodeList, error)) (*search.CodeList, error) {
	if made, ok := l.Get(k); ok {
		same, err := t.sees(ctx, made.of)
		if err != nil || same {
			return made.codes, err
		}
	}
	codes, err := list()
	if err != nil {
		return nil, err
	}
	size := 0
	for _, c := range codes.Codings() {
		size += 32 + len(c.System) + len(c.Code) // two strings and what is in them
	}
	l.PutSized(k, size, codeListing{t.sight(), codes})
	return codes, nil
}
