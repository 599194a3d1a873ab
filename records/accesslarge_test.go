package records_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"sync/atomic"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// bodies is a store that counts the bytes of the bodies that it gave out.
type bodies struct {
	store.Store
	given atomic.Int64
}

func (b *bodies) Read(ctx context.Context, key fhir.Key) (store.Record, error) {
	r, err := b.Store.Read(ctx, key)
	b.given.Add(int64(len(r.Body)))
	return r, err
}

func (b *bodies) Search(ctx context.Context, q *search.Query) (store.Page, error) {
	page, err := b.Store.Search(ctx, q)
	for _, r := range page.Records {
		b.given.Add(int64(len(r.Body)))
	}
	if page.Beside != nil {
		b.given.Add(int64(len(page.Beside.Body)))
	}
	return page, err
}

// What is hidden is not unpacked before it is said not to be there: how long that takes
// would tell that it is.
func TestAReadOfWhatIsHiddenLooksAtNoBody(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		st := &bodies{Store: db.open(t)}
		door := must(records.Open(t.Context(), records.Config{Store: st, Definitions: definitions.MustBuiltIn(definitions.R4), Base: base}))(t)
		noise := make([]byte, 1<<20)
		if _, err := rand.Read(noise); err != nil {
			t.Fatal(err)
		}
		all := door.Session(records.Principal{}, nil)
		put(t, all, "Patient/p", `{"resourceType":"Patient","id":"p"}`)
		put(t, all, "Patient/other", `{"resourceType":"Patient","id":"other"}`)
		for _, id := range []string{"p", "other"} {
			put(t, all, "DocumentReference/"+id, `{"resourceType":"DocumentReference","id":%q,"status":"current","subject":{"reference":"Patient/%s"},"content":[{"attachment":{"contentType":"application/pdf","data":%q}}]}`,
				id, id, base64.StdEncoding.EncodeToString(noise))
		}
		s := tokenSession(t, door, "patient/*.cruds")
		st.given.Store(0)
		for _, id := range []string{"other", "absent"} {
			_, err := s.Read(t.Context(), key("DocumentReference/"+id), records.ReadOptions{})
			refused(t, err, fault.NotFound, "there is no DocumentReference/"+id)
			if n := st.given.Load(); n != 0 {
				t.Errorf("%s: %d bytes", id, n)
			}
		}
		r, err := s.Read(t.Context(), key("DocumentReference/p"), records.ReadOptions{})
		if err != nil || len(r.JSON) < len(noise) {
			t.Errorf("what is shown has %d bytes, %v", len(r.JSON), err)
		}
	})
}
