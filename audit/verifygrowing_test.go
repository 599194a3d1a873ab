package audit

import "testing"

func TestALogIsVerifiedWhileItGrows(t *testing.T) {
	b := newBench(t)
	grow := func() {
		b.record(seen("maria 1"))
		b.seal()
	}
	for range verifyBlocks + 2 {
		grow()
	}
	told := int64(0)
	r, err := b.Verify(t.Context(), Verification{
		Found: func(problem string) { t.Error(problem) },
		Progress: func(events int64) error {
			if events < told {
				t.Errorf("%d events were read after %d", events, told)
			}
			told = events
			grow()
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if told <= verifyBlocks || r.Events <= verifyBlocks+2 || r.Size != r.Events {
		t.Errorf("told %d, %+v", told, r)
	}
	s, err := b.State(t.Context())
	if err != nil || s.Events <= r.Events || s.Waiting != 0 {
		t.Errorf("%+v %v", s, err)
	}
}

func TestEventsBehindTheLastCheckpointAreNamedThoughTheLogGrows(t *testing.T) {
	problems, _ := tampered(t, 8, 4, "UPDATE audit_head SET size = 4, note = (SELECT note FROM audit_head)", "INSERT INTO audit_block SELECT 8, count, since, until, body FROM audit_block WHERE first = 4")
	expect(t, "a block behind the end", problems, "event 8 was altered, or stands in the place of another", "events 8 to 11 were added behind the last checkpoint")
}
