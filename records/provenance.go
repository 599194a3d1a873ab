package records

import (
	"context"
	"fmt"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// provenance makes the Provenance of an X-Provenance header, whose targets are
// the versions that writes make (R4 §6.3.4.4). It goes into the same
// transaction.
func (s *Session) provenance(ctx context.Context, c Content, r Request, writes []store.Write) (*draft, store.Write, error) {
	if err := s.may("Provenance", smart.Create); err != nil {
		return nil, store.Write{}, inProvenance(err)
	}
	// The header is used again when the write is prepared anew.
	c.JSON = append([]byte(nil), c.JSON...)
	r.Provenance = nil
	w, err := s.draft(ctx, "Provenance", c, r)
	if err != nil {
		return nil, store.Write{}, inProvenance(err)
	}
	root := w.tree.Root()
	if !root.Child("target").IsZero() {
		return nil, store.Write{}, fault.New(fault.Invalid, fault.CodeBusinessRule, "Provenance.target", "X-Provenance must have no target: the server fills in what was written")
	}
	for _, write := range writes {
		target, err := root.Add("target")
		if err == nil {
			_, err = target.AddText("reference", fmt.Sprintf("%s/_history/%d", write.Key, write.Expect+1))
		}
		if err != nil {
			return nil, store.Write{}, err
		}
	}
	w.key.ID = s.door.config.NewID()
	err = s.check(ctx, w, smart.Create)
	if err == nil {
		own := keysOf(writes)
		err = s.door.refers(w, store.Record{}, func(k fhir.Key) bool { return own[k] })
	}
	if err == nil {
		err = w.arrives(made(writes))
	}
	if err != nil {
		return nil, store.Write{}, inProvenance(err)
	}
	write, err := s.door.write(w, "POST", store.Record{})
	return w, write, err
}

// inProvenance says of errors that they mean the header.
func inProvenance(err error) error { return inside(err, "X-Provenance", "X-Provenance") }
