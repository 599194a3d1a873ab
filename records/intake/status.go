package intake

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkload"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// Import is an import as it stands.
type Import struct {
	ID      string
	Order   Order
	By      records.Standing // who ordered it
	Upload  bool
	Ordered time.Time
	Began   time.Time // of loading
	Ended   time.Time // zero: it has not
	Error   string    // why it failed; "" when it did not
	Phase   string    // exporting, fetching, loading or over
	Waiting string    // why nothing happens just now; ""
	bulkload.Counts
	Files []File
	// Report is how many lines the report has, and Size how many bytes; Refusals are
	// those of its lines that refuse something.
	Report, Size, Refusals int64

	report file
}

// File is a file of an import.
type File struct {
	Type                       fhir.Type
	URL                        string
	Fetched                    int64  // bytes
	Failed                     string // why it could not be fetched
	Accepted, Matched, Refused int64
}

// Import returns an import that was ordered by who acts in a session. NotFound when there
// is none, or it was cancelled.
func (s *Service) Import(ctx context.Context, session *records.Session, id string) (*Import, error) {
	j, err := s.config.Door.Jobs().ReadJob(ctx, importKind+"-"+id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	var a arguments
	if err != nil || j.Kind != importKind || j.State == store.JobCancelled || json.Unmarshal(j.Args, &a) != nil || !a.Standing.Same(session.Principal().Standing) {
		return nil, fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no such import of yours: it was cancelled, has been over for too long, or never was.")
	}
	i, err := importOf(id, j, &a)
	if why, ok := s.waiting.Load(j.ID); ok && err == nil && i.Ended.IsZero() {
		i.Waiting = why.(string)
	}
	return i, err
}

func importOf(id string, j store.Job, a *arguments) (*Import, error) {
	var st state
	if text := jobs.Progress(j); text != nil {
		if err := json.Unmarshal(text, &st); err != nil {
			return nil, err
		}
	} else {
		st.begin(a)
	}
	i := &Import{
		ID: id, Order: a.Order, By: a.Standing, Upload: a.Upload != nil, Ordered: j.Created, Began: st.Began, Ended: j.Ended,
		Phase: string(st.Phase), Waiting: st.Waiting, Counts: st.Counts,
		Report: st.Lines, Size: st.Report.Size, Refusals: st.Refused, report: st.Report,
	}
	if j.State == store.JobFailed {
		i.Error = j.Error
	}
	if j.State == store.JobReady && j.Error != "" {
		i.Waiting = j.Error
	}
	for _, in := range st.Inputs {
		i.Files = append(i.Files, File{
			Type: in.Type, URL: in.URL, Fetched: in.File.Size, Failed: in.Failed,
			Accepted: in.Counts.Accepted, Matched: in.Counts.Matched, Refused: in.Counts.Refused,
		})
	}
	return i, nil
}

// Open reads the report from a byte on. What it holds is durable; of an import that goes
// on there is more later. The caller closes it.
func (s *Service) Open(ctx context.Context, i *Import, from int64) (io.ReadCloser, error) {
	in := &pieces{ctx: ctx, door: s.config.Door, names: i.report.Pieces, read: unpack}
	if _, err := io.CopyN(io.Discard, in, from); err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, in.Close())
	}
	return in, nil
}

// Cancel ends an import, and lets go of what is kept of it. What is loaded stays.
func (s *Service) Cancel(ctx context.Context, i *Import) error {
	id := importKind + "-" + i.ID
	err := s.runner.Cancel(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil {
		return nil // Clean does the rest, when nobody has it in hand any more
	}
	if !errors.Is(err, store.ErrVersion) {
		return err
	}
	j, err := s.config.Door.Jobs().ReadJob(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.forget(ctx, j)
}

// Expires is when an import that has ended, and its report, go.
func (s *Service) Expires(i *Import) time.Time { return i.Ended.Add(s.config.Keep) }
