package bulkjob

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// organizer writes a block for each Patient: a header, what belongs to the Patient, and
// that to which it refers (Bulk Data Access 3.0 §Bulk Data Output File Organization).
type organizer struct {
	e       *export
	from    *merge
	shelves *shelves
	part    *part
	wanted  map[records.Place]bool // on the shelves, by the block under way
}

// organize does the rest of the step, file by file. A file that a block fills twice over
// is continued in another; the state is saved between blocks alone.
func (e *export) organize(ctx context.Context) error {
	shelves, err := e.openShelves(ctx)
	if err != nil {
		return err
	}
	defer shelves.close()
	from, err := e.openMerge(ctx, e.Runs, e.Merged)
	if err != nil {
		return err
	}
	defer from.close()
	o := &organizer{e: e, from: from, shelves: shelves}
	defer func() { o.part.abort() }()
	if err := o.begin(ctx); err != nil {
		return err
	}
	for from.head() != nil {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if o.part.empty() {
			if err := e.afford(ctx); err != nil {
				return err
			}
		}
		if err := o.block(ctx, from.head().patient); err != nil {
			return err
		}
		if o.part.full() {
			if err := o.part.commit(ctx); err != nil {
				return err
			}
			e.Merged = from.places()
			if err := e.save(ctx); err != nil {
				return err
			}
			if err := o.begin(ctx); err != nil {
				return err
			}
		}
	}
	if err := o.part.commit(ctx); err != nil {
		return err
	}
	e.Step, e.Found, e.Runs, e.Shelves, e.Merged = e.Step+1, 0, nil, nil, nil
	return e.save(ctx)
}

// begin begins a file as whom the export is for, now.
func (o *organizer) begin(ctx context.Context) error {
	session, err := o.e.session(ctx)
	o.part = &part{e: o.e, step: Step{What: stepOrganize}, session: session}
	return err
}

func (o *organizer) block(ctx context.Context, id fhir.ID) error {
	if err := o.header(ctx, id); err != nil {
		return err
	}
	o.wanted = map[records.Place]bool{}
	for head := o.from.head(); head != nil && head.patient == id; head = o.from.head() {
		if err := o.line(ctx, id, head); err != nil {
			return err
		}
		o.e.Found++
		if err := o.from.read(); err != nil {
			return err
		}
	}
	return o.supporting(ctx, id)
}

// supporting writes what the block refers to, and to what that does.
func (o *organizer) supporting(ctx context.Context, id fhir.ID) error {
	written := map[records.Place]bool{}
	for range 1 + rounds {
		for _, place := range slices.Sorted(maps.Keys(o.wanted)) {
			if written[place] {
				continue
			}
			written[place] = true
			one, err := o.shelves.take(place)
			if err != nil {
				return err
			}
			if one == nil {
				continue
			}
			if err := o.line(ctx, id, one); err != nil {
				return err
			}
		}
	}
	return nil
}

// line writes a line of a block, into another file if this one has become too large.
func (o *organizer) line(ctx context.Context, id fhir.ID, one *entry) error {
	if o.part.size >= 2*cmp.Or(o.e.Part, defaultPart) {
		if err := o.part.commit(ctx); err != nil {
			return err
		}
		last := len(o.e.Output) - 1
		if err := o.begin(ctx); err != nil {
			return err
		}
		if err := o.header(ctx, id); err != nil {
			return err
		}
		o.e.Output[last].Continues = o.part.name
	}
	for _, t := range one.targets {
		o.wanted[t] = true
	}
	return o.part.line(ctx, one.line)
}

// header begins the block of a Patient in a file.
func (o *organizer) header(ctx context.Context, id fhir.ID) error {
	key := fhir.Key{Type: patient, ID: id}
	line, err := json.Marshal(header{"Parameters", []headerParameter{{"header", headerReference{key.String()}}}})
	if err != nil {
		return err
	}
	if err := o.part.line(ctx, line); err != nil {
		return err
	}
	o.part.headers++
	o.part.patients[key] = true
	return nil
}

type (
	header struct {
		ResourceType string            `json:"resourceType"`
		Parameter    []headerParameter `json:"parameter"`
	}
	headerParameter struct {
		Name  string          `json:"name"`
		Value headerReference `json:"valueReference"`
	}
	headerReference struct {
		Reference string `json:"reference"`
	}
)
