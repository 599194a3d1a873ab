package intake

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/store"
)

// clean removes what is no longer needed, until ctx ends.
func (s *Service) clean(ctx context.Context) {
	const every = 30 * time.Second
	for {
		if err := s.Clean(ctx); err != nil && ctx.Err() == nil {
			s.config.Log.WarnContext(ctx, "what former imports left cannot be removed", "error", err)
		}
		if sleep(ctx, every) != nil {
			return
		}
	}
}

// Clean removes imports that ended long enough ago, and what cancelled ones and uploads
// that broke off left. Work calls it now and then.
func (s *Service) Clean(ctx context.Context) error {
	all, err := jobs.All(ctx, s.config.Door.Jobs(), "")
	if err != nil {
		return err
	}
	now := s.config.Clock()
	for _, j := range all {
		id, upload := strings.CutPrefix(j.Kind, uploadKind)
		switch {
		case upload && (ended(j) || j.State == store.JobReady || now.After(j.Lease.Add(uploadLease))):
			// A ready one was given back by a process that stopped.
			if j.State == store.JobReady && now.Sub(j.RunAt) < uploadLease {
				continue
			}
			err = s.forgetUpload(ctx, id)
		case j.Kind != importKind || !ended(j):
		case j.State == store.JobCancelled && now.Sub(j.Ended) > 3*s.config.Lease || now.Sub(j.Ended) > s.config.Keep:
			// Who had a cancelled one in hand has heard of it by then.
			err = s.forget(ctx, j)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forget removes an import that has ended, with all that is kept of it.
func (s *Service) forget(ctx context.Context, j store.Job) error {
	for _, f := range filesOf(j) {
		if err := f.drop(ctx, s.config.Door); err != nil {
			return err
		}
	}
	if err := s.config.Door.Jobs().DeleteJob(ctx, j.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}

// filesOf are the files of an import.
func filesOf(j store.Job) (files []*file) {
	var a arguments
	if json.Unmarshal(j.Args, &a) == nil && a.Upload != nil {
		files = append(files, a.Upload)
	}
	var st state
	if text := jobs.Progress(j); text != nil && json.Unmarshal(text, &st) == nil {
		for i := range st.Inputs {
			files = append(files, &st.Inputs[i].File)
		}
		files = append(files, &st.Report)
	}
	return files
}
