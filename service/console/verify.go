package console

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

var verifyTemplate = parse("verify.html")

// verification shows how far the last verification of the log is, and what it found.
func (v *visit) verification() error { return v.showVerification(nil) }

func (v *visit) showVerification(problems []pages.Problem) error {
	s, err := v.session()
	if err != nil {
		return err
	}
	page := struct {
		pages.Frame
		Last              *records.Verified
		Took              string
		More              int64 // problems that are not listed
		Field             pages.Field
		Live, Keep, Again string
	}{Frame: v.frame("Verify the audit log", Path+"/audit", pages.Wide), Live: v.Path(Path + "/audit/verify/events"), Keep: v.Path(Path + "/audit/checkpoint"), Again: v.Path(Path + "/audit/verify")}
	page.Problems = problems
	if page.Last, err = s.AuditVerified(v.R.Context()); err != nil {
		return err
	}
	if l := page.Last; l != nil {
		page.More = l.Found - int64(len(l.Problems))
		page.Took = l.Ended.Sub(l.Ordered).Round(10 * time.Millisecond).String()
	}
	page.Field = pages.Field{
		ID: "checkpoint", Label: "A checkpoint that was kept elsewhere", Hint: "The log must begin with what was in it then: so you see, too, whether it was cut off or made anew.",
		Value: v.Form.Get("checkpoint"), Error: page.Problem("checkpoint"), Rows: 5, Code: true, Optional: true, Complete: "off",
	}
	return v.Write(pages.StatusOf(problems), page.Frame, verifyTemplate, page)
}

// maxCheckpoint bounds the text of a checkpoint, in bytes.
const maxCheckpoint = 4096

// verify orders a verification.
func (v *visit) verify() error {
	v.Note(audit.Administer, "verification of the audit log")
	s, err := v.session()
	if err != nil {
		return err
	}
	text := strings.ReplaceAll(strings.TrimSpace(v.Form.Get("checkpoint")), "\r\n", "\n")
	if len(text) > maxCheckpoint {
		err = fault.New(fault.Unprocessable, fault.CodeTooLong, "checkpoint", "a checkpoint has a few lines, as they were downloaded")
	} else {
		err = s.VerifyAudit(v.R.Context(), text)
	}
	if list := pages.Problems(err); list != nil {
		return v.showVerification(list)
	}
	if err != nil {
		return err
	}
	return v.done(Path+"/audit/verify", "ordered")
}

// How often progress is looked for, and how long one stream of it lasts; the browser
// then asks again.
const (
	lookEvery = 500 * time.Millisecond
	streamFor = 20 * time.Second
)

// watchVerification tells the browser when there is progress.
func (v *visit) watchVerification() error {
	s, err := v.session()
	if err != nil {
		return err
	}
	ctx := v.R.Context()
	last, err := s.AuditVerified(ctx)
	if err != nil {
		return err
	}
	if last == nil {
		v.W.WriteHeader(http.StatusNoContent) // EventSource asks no more
		return nil
	}
	h := v.W.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	flush := http.NewResponseController(v.W)
	if !last.Running { // it ended since the page was shown, which says that it runs
		_, err := fmt.Fprintf(v.W, "event: change\ndata: %d\n\n", last.Events)
		return err
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	end := time.After(streamFor)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-end:
			return nil
		case <-v.House.Done:
			return nil
		case <-tick.C:
		}
		now, err := s.AuditVerified(ctx)
		if err != nil || now == nil {
			return nil //nolint:nilerr // the browser asks again, and is told then
		}
		if now.Events == last.Events && now.Running {
			continue
		}
		last = now
		if _, err := fmt.Fprintf(v.W, "event: change\ndata: %d\n\n", now.Events); err != nil || flush.Flush() != nil || !now.Running {
			return nil
		}
	}
}

// proof sends the proof that an event is in the log.
func (v *visit) proof() error {
	s, err := v.session()
	if err != nil {
		return err
	}
	number, err := strconv.ParseInt(v.R.PathValue("number"), 10, 64)
	if err != nil {
		number = -1
	}
	e, err := s.Event(v.R.Context(), number)
	if err != nil {
		return err
	}
	v.Note(audit.Read, "a proof of event "+strconv.FormatInt(number, 10))
	patient := -1
	if len(e.Patients) > 0 {
		patient = 0
	}
	text, err := s.ProveAudit(v.R.Context(), fhir.Key{Type: "AuditEvent", ID: fhir.ID(audit.ID(number, patient))})
	if err != nil {
		return err
	}
	v.attach("application/json", fmt.Sprintf("audit-proof-%d.json", number))
	_, _ = v.W.Write(text) // the client may be gone
	return nil
}
