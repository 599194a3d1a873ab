package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dustin/go-humanize"
	"github.com/klauspost/compress/zstd"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkload"
	"github.com/inglehealth/ingle/spec/fault"
)

// line is what the report of an upload says of a line.
type line struct {
	Line     int64    `json:"line,omitempty"`     // none when it is of several
	Count    int64    `json:"count,omitempty"`    // of how many, then
	Entry    *int     `json:"entry,omitempty"`    // of the Bundle on it, from 0
	Status   string   `json:"status"`             // accepted, matched or refused
	Resource string   `json:"resource,omitempty"` // Patient/1
	Outcome  *outcome `json:"outcome,omitempty"`  // why it was refused
}

// outcome is an OperationOutcome.
type outcome struct {
	Type      string      `json:"resourceType"`
	Extension []extension `json:"extension,omitempty"`
	Issue     []issue     `json:"issue"`
}

type issue struct {
	Severity   fault.Severity `json:"severity"`
	Code       fault.Code     `json:"code"`
	Details    details        `json:"details"`
	Expression []string       `json:"expression,omitempty"`
}

type details struct {
	Text string `json:"text"`
}

type extension struct {
	URL       string      `json:"url"`
	Extension []extension `json:"extension,omitempty"`
	URI       string      `json:"valueUri,omitempty"`
	Number    int64       `json:"valuePositiveInt,omitempty"`
	Index     *int        `json:"valueUnsignedInt,omitempty"`
}

// placeExtension says where what an OperationOutcome refuses stands.
const placeExtension = "https://ingle.health/fhir/StructureDefinition/import-place"

// tell notes what became of a resource: of an upload each, of files that were fetched
// those that were refused, as OperationOutcomes.
func (r *run) tell(ctx context.Context, o *bulkload.Outcome) error {
	c := &r.live[o.File]
	l := line{Line: o.Line, Status: "accepted"}
	if o.Entry >= 0 {
		l.Entry = &o.Entry
	}
	if o.Key.Type != "" {
		l.Resource = o.Key.String()
	}
	switch {
	case o.Err != nil:
		l.Status = "refused"
		l.Outcome = outcomeOf(o.Err)
		c.Refused++
		if r.refused >= maxRefusals {
			r.untold[l.Outcome.Issue[0].Code]++
			return nil
		}
		r.refused++
	case o.Matched:
		l.Status = "matched"
		c.Matched++
	default:
		c.Accepted++
	}
	if r.order.Upload != nil {
		return r.write(ctx, l)
	}
	if o.Err == nil {
		return nil
	}
	return r.write(ctx, placed(l.Outcome, r.state.Inputs[o.File].URL, o))
}

// A report tells so many refusals one by one, and so many issues of each: few bytes that
// are sent can make very many.
const (
	maxRefusals = 10_000
	maxIssues   = 10
)

// tellRest says how many refusals were not told one by one, by their reason.
func (r *run) tellRest(ctx context.Context) error {
	if len(r.untold) == 0 {
		return nil
	}
	for _, code := range slices.Sorted(maps.Keys(r.untold)) {
		n := r.untold[code]
		out := &outcome{Type: "OperationOutcome", Issue: []issue{{Severity: fault.ErrorLevel, Code: code, Details: details{
			fmt.Sprintf("%s further resources were refused for the reason %q: only the first refusals are told one by one", humanize.Comma(n), code)}}}}
		err := error(nil)
		if r.order.Upload != nil {
			err = r.write(ctx, line{Status: "refused", Count: n, Outcome: out})
		} else {
			err = r.write(ctx, out)
		}
		if err != nil {
			return err
		}
	}
	clear(r.untold)
	return r.keepReport(ctx)
}

func (r *run) write(ctx context.Context, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	r.lines++
	r.report = append(append(r.report, text...), '\n')
	if len(r.report) < pieceSize {
		return nil
	}
	return r.spill(ctx)
}

// spill keeps what the report gathered. It counts with the next checkpoint.
func (r *run) spill(ctx context.Context) error {
	if len(r.report) == 0 {
		return nil
	}
	p := records.NewPiece(packer.EncodeAll(r.report, nil))
	r.state.Report.Pending = append(r.state.Report.Pending, p.Name)
	if err := r.save(ctx); err != nil {
		return err
	}
	if err := r.s.config.Door.KeepPiece(ctx, p); err != nil {
		return err
	}
	r.spilled, r.report = r.spilled+int64(len(r.report)), r.report[:0]
	return nil
}

// The pieces of a report are packed one by one.
var (
	packer, _   = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))                                   // the options are right
	unpacker, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30)) // likewise
)

// unpack is what a piece of a report holds.
func unpack(piece []byte) ([]byte, error) {
	text, err := unpacker.DecodeAll(piece, nil)
	if errors.Is(err, zstd.ErrMagicMismatch) {
		return piece, nil // it was kept before pieces were packed
	}
	return text, err
}

// outcomeOf says in an OperationOutcome why a line was refused.
func outcomeOf(err error) *outcome {
	out := &outcome{Type: "OperationOutcome"}
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		out.Issue = []issue{{Severity: fault.ErrorLevel, Code: fault.CodeStructure, Details: details{(&bulkload.Outcome{Err: err}).Reason()}}}
		return out
	}
	for n, i := range e.Issues {
		if n == maxIssues {
			out.Issue = append(out.Issue, issue{Severity: fault.Information, Code: fault.CodeInformation, Details: details{fmt.Sprintf("%d further issues", len(e.Issues)-n)}})
			break
		}
		one := issue{Severity: i.Severity, Code: i.Code, Details: details{i.Message}}
		if i.Path != "" {
			one.Expression = []string{i.Path}
		}
		out.Issue = append(out.Issue, one)
	}
	return out
}

// placed says of an outcome where it is about.
func placed(out *outcome, url string, o *bulkload.Outcome) *outcome {
	place := extension{URL: placeExtension, Extension: []extension{{URL: "file", URI: url}, {URL: "line", Number: o.Line}}}
	where := fmt.Sprintf("%s, line %d", url, o.Line)
	if o.Entry >= 0 {
		place.Extension = append(place.Extension, extension{URL: "entry", Index: &o.Entry})
		where += fmt.Sprintf(", entry %d", o.Entry)
	}
	if o.Key.Type != "" {
		where += ", " + o.Key.String()
	}
	out.Extension = []extension{place}
	for i := range out.Issue {
		out.Issue[i].Details.Text = where + ": " + out.Issue[i].Details.Text
	}
	return out
}
