package bulkjob

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

const (
	defaultPart = 64 << 20
	saveEvery   = 3 * time.Second // while nothing is found
)

// fetched is a portion, or why there is none.
type fetched struct {
	session *records.Session
	portion *records.Portion
	targets map[records.Place][]records.Place // of the resources, when files are organized by Patient
	err     error
}

// portions fetches the portions of a step, one ahead of who takes them, each with a
// session of that moment. The last one ends, or has an error.
func (e *export) portions(ctx context.Context, step Step) <-chan fetched {
	to := make(chan fetched, 1)
	go func() {
		defer close(to)
		for after := e.After; ; {
			var f fetched
			if f.session, f.err = e.session(ctx); f.err == nil {
				r := e.request(step, after)
				if e.spools(step) {
					f.targets = map[records.Place][]records.Place{}
					keep := r.Keep
					r.Targets = true
					r.Keep = func(p records.Place, targets []records.Place) bool {
						f.targets[p] = targets
						return keep == nil || keep(p, targets)
					}
				}
				f.portion, f.err = f.session.Portion(ctx, r)
			}
			select {
			case to <- f:
			case <-ctx.Done():
				return
			}
			if f.err != nil || f.portion.End {
				return
			}
			after = f.portion.Next
		}
	}()
	return to
}

// sink takes what the portions of a step have.
type sink interface {
	take(ctx context.Context, f fetched) error
	// commit makes durable what was taken and adds it to the state, which the caller saves.
	commit(ctx context.Context) error
	full() bool // it is time to commit
	empty() bool
	abort()
}

// spools says whether what a step finds is sorted by Patient before it is written.
func (e *export) spools(step Step) bool {
	return e.Organize != "" && (step.What == stepOwned || step.What == stepReferred || step.What == stepProvenance)
}

// sink is a new one for a step.
func (e *export) sink(step Step) sink {
	switch {
	case !e.spools(step):
		return &part{e: e, step: step}
	case step.What == stepReferred:
		return &shelver{e: e}
	}
	return &sorter{e: e, step: step}
}

// write does the rest of a step, file by file.
func (e *export) write(ctx context.Context, step Step) error {
	ctx, stop := context.WithCancel(ctx)
	from := e.portions(ctx, step)
	defer func() {
		stop()
		for range from { // until it has ended
		}
	}()
	p := e.sink(step)
	defer func() { p.abort() }()
	for f := range from {
		if f.err != nil {
			return f.err
		}
		if err := p.take(ctx, f); err != nil {
			return err
		}
		e.Withheld += int64(f.portion.Withheld)
		switch {
		case f.portion.End:
			if err := p.commit(ctx); err != nil {
				return err
			}
			e.Step, e.After, e.Found = e.Step+1, 0, 0
			return e.save(ctx)
		case p.full():
			if err := p.commit(ctx); err != nil {
				return err
			}
			e.After = f.portion.Next
			if err := e.save(ctx); err != nil {
				return err
			}
			p = e.sink(step)
		case p.empty() && e.clock().Sub(e.saved) > saveEvery:
			e.After = f.portion.Next
			if err := e.save(ctx); err != nil {
				return err
			}
		}
	}
	return context.Cause(ctx)
}

// part is a file that is being written.
type part struct {
	e        *export
	step     Step
	name     string
	file     Writer // nil before the first line
	out      *bufio.Writer
	count    int64 // of lines
	headers  int64 // among them, of blocks
	size     int64
	session  *records.Session
	patients map[fhir.Key]bool
}

// take writes what a portion has.
func (p *part) take(ctx context.Context, f fetched) error {
	if p.file == nil && len(f.portion.Resources) > 0 {
		if err := p.e.afford(ctx); err != nil {
			return err
		}
	}
	p.session = f.session
	p.e.Found += int64(len(f.portion.Resources))
	if p.step.What == stepDeleted {
		if len(f.portion.Resources) == 0 {
			return nil
		}
		return p.line(ctx, deletes(f.portion.Resources))
	}
	for i := range f.portion.Resources {
		one := &f.portion.Resources[i]
		if err := p.line(ctx, one.JSON); err != nil {
			return err
		}
		for _, key := range one.Patients {
			p.patients[key] = true
		}
	}
	return nil
}

// deletes is the transaction that repeats deletes.
func deletes(gone []records.Exported) []byte {
	line := []byte(`{"resourceType":"Bundle","type":"transaction","entry":[`)
	for i, one := range gone {
		if i > 0 {
			line = append(line, ',')
		}
		line = append(line, `{"request":{"method":"DELETE","url":"`...)
		line = append(append(line, one.Key.String()...), `"}}`...)
	}
	return append(line, "]}"...)
}

func (p *part) line(ctx context.Context, json []byte) error {
	if p.file == nil {
		if err := p.create(ctx); err != nil {
			return err
		}
	}
	if _, err := p.out.Write(json); err != nil {
		return err
	}
	p.count++
	p.size += int64(len(json)) + 1
	return p.out.WriteByte('\n')
}

func (p *part) create(ctx context.Context) (err error) {
	stem := string(p.step.Type)
	switch p.step.What {
	case stepDeleted:
		stem = "deleted-" + stem
	case stepNotes:
		stem = "error"
	case stepOrganize:
		stem = "patients"
	}
	p.name = fmt.Sprintf("%s-%d-%s.ndjson", stem, len(p.e.Output)+1, p.e.attempt())
	p.patients = map[fhir.Key]bool{}
	if p.file, err = p.e.Files.Create(ctx, p.e.name(p.name)); err == nil {
		p.out = bufio.NewWriterSize(p.file, 256<<10)
	}
	return err
}

// attempt tells the files of attempts apart.
func (e *export) attempt() string { return strconv.Itoa(e.work.Attempt()) }

func (p *part) full() bool  { return p.size >= cmp.Or(p.e.Part, defaultPart) }
func (p *part) empty() bool { return p.count == 0 }

func (p *part) abort() {
	if p.file != nil {
		p.file.Abort()
	}
}

// commit makes the file durable, records whose data left with it, and adds it to the
// manifest; the caller saves that.
func (p *part) commit(ctx context.Context) error {
	if p.file == nil {
		return nil
	}
	if err := p.out.Flush(); err != nil {
		return err
	}
	if err := p.file.Commit(); err != nil {
		return err
	}
	if err := p.record(ctx); err != nil {
		return err
	}
	f := File{Name: p.name, In: Resource, Type: p.step.Type, Count: p.count, Size: p.size, Scopes: []fhir.Type{p.step.Type}}
	switch p.step.What {
	case stepDeleted:
		f.In, f.Type = Deleted, "Bundle"
	case stepNotes:
		f.In, f.Type, f.Scopes = Errors, "OperationOutcome", nil
	case stepOrganize:
		f.Scopes = p.e.exports()
		p.e.Resources += p.count - p.headers
	default:
		p.e.Resources += p.count
	}
	p.e.Output = append(p.e.Output, f)
	if p.session != nil {
		p.session.CountExport(p.count-p.headers, p.size)
	}
	return nil
}

// patientsTold is of how many Patients an event tells.
const patientsTold = 500

// record has events recorded of the file, which name all whom its resources concern.
func (p *part) record(ctx context.Context) error {
	log := p.e.Door.Audit()
	if log == nil || p.session == nil {
		return nil
	}
	next := func() *audit.Event {
		return &audit.Event{
			Kind: audit.Export, Agent: p.session.Principal().Agent, Target: "$export/" + p.e.name(p.name), Count: int(p.count - p.headers),
		}
	}
	record := func(e *audit.Event) error {
		p.session.Justify(ctx, e, p.step.Type)
		return log.Record(ctx, e)
	}
	event := next()
	for key := range p.patients {
		if len(event.Patients) == patientsTold {
			if err := record(event); err != nil {
				return err
			}
			event = next()
		}
		event.Patients = append(event.Patients, audit.Patient{Key: key.String()})
	}
	return record(event)
}

// notes writes what the client should know.
func (e *export) notes(ctx context.Context) error {
	issues := e.Notes
	if e.Level == System && e.Organize != "" {
		issues = append(issues[:len(issues):len(issues)], fault.Issue{Severity: fault.Information, Code: fault.CodeInformation,
			Message: "what neither belongs to a Patient nor is referred to by what does is not part of the export, since its files are organized by Patient"})
	}
	if e.Withheld > 0 {
		issues = append(issues[:len(issues):len(issues)], fault.Issue{Severity: fault.Warning, Code: fault.CodeIncomplete, Message: fmt.Sprintf(
			"%d resources are not part of the export: the role does not show all of them, and what is left would not be valid", e.Withheld)})
	}
	p := &part{e: e, step: Step{What: stepNotes}}
	defer p.abort()
	for _, issue := range issues {
		line, err := json.Marshal(outcome{"OperationOutcome", []outcomeIssue{{string(issue.Severity), string(issue.Code), outcomeText{issue.Message}}}})
		if err != nil {
			return err
		}
		if err := p.line(ctx, line); err != nil {
			return err
		}
	}
	if err := p.commit(ctx); err != nil {
		return err
	}
	e.Step++
	return e.save(ctx)
}

type (
	outcome struct {
		ResourceType string         `json:"resourceType"`
		Issue        []outcomeIssue `json:"issue"`
	}
	outcomeIssue struct {
		Severity string      `json:"severity"`
		Code     string      `json:"code"`
		Details  outcomeText `json:"details"`
	}
	outcomeText struct {
		Text string `json:"text"`
	}
)

// recorded is when a Provenance was recorded, in microseconds since the Unix epoch.
func recorded(resource []byte) int64 {
	var p struct {
		Recorded time.Time `json:"recorded"`
	}
	if json.Unmarshal(resource, &p) != nil {
		return 0
	}
	return p.Recorded.UnixMicro()
}
