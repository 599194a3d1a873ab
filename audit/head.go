package audit

import (
	"context"
	"fmt"

	"github.com/inglehealth/ingle/store"
)

// CheckHead looks whether a log's last checkpoint is signed by one of verifiers, nil for
// those that the log lists, and whether it is that of the tree as it is stored. It reads
// a handful of rows; Verify reads everything.
func CheckHead(ctx context.Context, s store.Audit, verifiers []string) (events int64, problems []string, err error) {
	w := &verifier{store: s, Verification: Verification{Verifiers: verifiers, Found: func(p string) { problems = append(problems, p) }}}
	if err := w.heads(ctx); err != nil || w.last == nil {
		return 0, problems, err
	}
	t, err := loadTree(w.last.N, hashes{ctx, s})
	if err != nil {
		return w.last.N, append(problems, fmt.Sprintf("the tree below the last checkpoint cannot be read: %v", err)), nil
	}
	if t.hash() != w.last.Hash {
		problems = append(problems, fmt.Sprintf("the tree of %d events is not that of the last checkpoint", w.last.N))
	}
	return w.last.N, problems, nil
}

// CheckHead is CheckHead by the keys that the log's key file knows.
func (l *Log) CheckHead(ctx context.Context) (events int64, problems []string, err error) {
	keys, err := Authentic(ctx, l.store, l.config.Secret)
	if err != nil {
		return 0, nil, err
	}
	return CheckHead(ctx, l.store, keys)
}
