package intake

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

// Upload takes NDJSON, gzipped or not, and orders its import; it returns the id when
// all of the body has been kept. Of what does not arrive whole nothing is imported, nor
// kept. The body is not closed.
func (s *Service) Upload(ctx context.Context, session *records.Session, o Order, body io.Reader) (id string, err error) {
	a, err := s.admit(ctx, session, o)
	if err != nil {
		return "", err
	}
	select {
	case s.uploads <- struct{}{}:
		defer func() { <-s.uploads }()
	default:
		return "", fault.New(fault.Unavailable, fault.CodeThrottled, "", "This server takes as many uploads just now as it can: try again in a moment.")
	}
	random, err := uuid.NewRandom()
	if err != nil {
		return "", err
	}
	id = random.String()
	a.Upload = new(file)
	kind := uploadKind + id
	config := jobs.Config{Store: s.config.Door.Jobs(), Clock: s.config.Clock, Lease: uploadLease, Log: s.config.Log}
	err = jobs.Do(ctx, config, jobs.Job{ID: kind, Kind: kind}, func(ctx context.Context, w *jobs.Work) error {
		save := func(ctx context.Context) error { return w.Save(ctx, a.Upload) }
		if err := s.take(ctx, a.Upload, body, save); err != nil {
			return err
		}
		if err := save(ctx); err != nil {
			return err
		}
		return s.enqueue(ctx, id, a)
	}, nil)
	// The job of the upload has served, whatever came of it.
	lasting, stop := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer stop()
	if cleaned := s.forgetUpload(lasting, id); err == nil && cleaned != nil {
		s.config.Log.WarnContext(ctx, "the job of an upload was not removed; it will be", "import", id, "error", cleaned)
	}
	return id, err
}

// uploadLease is how long an upload whose process died is left alone.
const uploadLease = 20 * time.Second

// take keeps what a body gives.
func (s *Service) take(ctx context.Context, f *file, body io.Reader, save func(context.Context) error) error {
	in := &sink{file: f, door: s.config.Door, save: save}
	buf := make([]byte, 64<<10)
	for {
		n, err := body.Read(buf)
		if taken := in.take(ctx, buf[:n]); taken != nil {
			return taken
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
	if err := in.flush(ctx); err != nil {
		return err
	}
	return f.finish()
}

// forgetUpload removes the job that took an upload, and, unless an import has them, the
// pieces.
func (s *Service) forgetUpload(ctx context.Context, id string) error {
	list := s.config.Door.Jobs()
	j, err := list.ReadJob(ctx, uploadKind+id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = list.ReadJob(ctx, importKind+"-"+id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		var f file
		if state := jobs.Progress(j); state != nil {
			if err := json.Unmarshal(state, &f); err != nil {
				return err
			}
		}
		if err := f.drop(ctx, s.config.Door); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	if err := list.DeleteJob(ctx, j.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}
