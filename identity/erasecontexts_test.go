package identity

import (
	"errors"
	"testing"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

func TestWhatIsKeptOfAnErasedPatientIsGoneInEveryProcess(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		u, token := lasting(t, a, "noor") // in the record of p
		c := b.app(t)
		handles := map[fhir.ID]string{}
		for _, patient := range []fhir.ID{"p", "q"} {
			if _, err := a.BreakGlass(a.ctx, u, "", patient, "unconscious in the emergency room"); err != nil {
				t.Fatal(err)
			}
			handle, err := a.RegisterLaunch(a.ctx, Launch{Client: c.ID, User: u.ID, Context: smart.Context{Patient: string(patient)}})
			if err != nil {
				t.Fatal(err)
			}
			handles[patient] = handle
		}
		if _, err := b.CheckToken(b.ctx, token); err != nil {
			t.Fatal(err)
		}
		if n, err := EraseContexts(a.ctx, a.config.Store, "p"); err != nil || n != 3 { // a grant, a launch, a breaking of the glass
			t.Errorf("%d items, %v", n, err)
		}
		if _, err := b.CheckToken(b.ctx, token); !errors.Is(err, ErrToken) {
			t.Errorf("the token: %v", err)
		}
		if grants, err := b.Grants(b.ctx, u.ID); err != nil || len(grants) != 0 {
			t.Errorf("%v, %v", grants, err)
		}
		if left, err := b.Glasses(b.ctx, true); err != nil || len(left) != 1 || left[0].Patient != "q" {
			t.Errorf("%+v, %v", left, err)
		}
		if _, err := b.Launch(b.ctx, handles["p"], c.ID); !errors.Is(err, ErrLaunch) {
			t.Errorf("the launch: %v", err)
		}
		if _, err := b.Launch(b.ctx, handles["q"], c.ID); err != nil {
			t.Errorf("another's launch: %v", err)
		}
		if n, err := EraseContexts(a.ctx, a.config.Store, "p"); err != nil || n != 0 {
			t.Errorf("again: %d items, %v", n, err)
		}
	})
}
