package records_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store"
)

// walked is a store that counts how often the history of all Binaries is begun.
type walked struct {
	store.Store
	walks atomic.Int64
}

func (w *walked) History(ctx context.Context, q store.HistoryQuery) (store.HistoryPage, error) {
	if q.Type == "Binary" && q.ID == "" && q.After == "" {
		w.walks.Add(1)
	}
	return w.Store.History(ctx, q)
}

func TestSweepingManyContentsWalksAllBinariesTwice(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		st := &walked{Store: db.open(t)}
		d := must(records.Open(t.Context(), records.Config{Store: st, Definitions: definitions.MustBuiltIn(definitions.R4), Base: base, Policy: records.Policy{Expunge: true}}))(t)
		s := d.Session(records.Principal{ID: "tester"}, nil)
		const n = 12
		for _, whose := range []string{"gone", "stays"} {
			patient(t, s, whose)
			for i := range n {
				if whose == "stays" && i > 0 {
					break
				}
				text := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "content %d", i))
				put(t, s, fmt.Sprintf("Binary/%s%d", whose, i), `{"resourceType":"Binary","id":"%s%d","contentType":"text/plain","securityContext":{"reference":"Patient/%[1]s"},"data":"%[3]s"}`, whose, i, text)
			}
		}
		working(t, d)
		st.walks.Store(0)
		must(s.Erase(t.Context(), "gone", "asked"))(t)
		if e := erased(t, s, "gone"); e.Error != "" || e.Contents != n {
			t.Errorf("%+v", e)
		}
		if got := st.walks.Load(); got > 2 {
			t.Errorf("all Binaries are walked %d times for %d contents", got, n)
		}
		if _, c, err := s.ReadBinary(t.Context(), "stays0", "", 0, -1); err != nil || c.Size == 0 {
			t.Errorf("what another one has, too: %+v, %v", c, err)
		}
	})
}
