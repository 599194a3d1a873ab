package console

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/spec/fault"
)

// exportedAt is how many events are read at a time.
const exportedAt = 500

// exportEvents sends the events that the form asks for, the oldest first, as lines of
// JSON or as a table.
func (v *visit) exportEvents() error {
	s, err := v.session()
	if err != nil {
		return err
	}
	a, err := v.ask()
	if err != nil {
		return err
	}
	if a.Problems != nil {
		return fault.New(fault.Invalid, fault.CodeValue, "", "%s", a.Problems[0].Message)
	}
	q := a.Query
	q.Newest, q.Before, q.Limit = false, 0, exportedAt
	format, kind := v.Query.Get("format"), "application/x-ndjson"
	out := bufio.NewWriter(v.W)
	write := jsonLines(out)
	switch format {
	case "ndjson":
	case "csv":
		kind, write = "text/csv; charset=utf-8; header=present", csvLines(out)
	default:
		return fault.New(fault.Invalid, fault.CodeValue, "", "format is ndjson or csv.")
	}
	v.Note(audit.Export, "the audit log was exported as "+format)
	found, err := s.FindEvents(v.R.Context(), q)
	if err != nil {
		return err
	}
	v.attach(kind, "audit-"+v.Now.UTC().Format("20060102T150405Z")+"."+format)
	for {
		if err = write(found.Events); err == nil {
			err = out.Flush()
		}
		if q.From = found.Next; err != nil || q.From < 0 {
			break
		}
		if found, err = s.FindEvents(v.R.Context(), q); err != nil {
			break
		}
	}
	if err != nil {
		panic(http.ErrAbortHandler) // a file that is cut off must not look whole
	}
	return nil
}

// attach begins a file to be kept.
func (v *visit) attach(kind, name string) {
	h := v.W.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

func jsonLines(out io.Writer) func([]*audit.Event) error {
	return func(events []*audit.Event) error {
		for _, e := range events {
			line, err := e.Line()
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(out, "%s\n", line); err != nil {
				return err
			}
		}
		return nil
	}
}

func csvLines(out io.Writer) func([]*audit.Event) error {
	w := csv.NewWriter(out)
	header := []string{"number", "time", "kind", "outcome", "status", "login", "fhirUser", "roles", "purpose", "client", "address", "request", "target", "query", "note", "why", "count", "patients", "resources"}
	return func(events []*audit.Event) error {
		if header != nil {
			if err := w.Write(header); err != nil {
				return err
			}
			header = nil
		}
		for _, e := range events {
			row := csvRow(e)
			for i := range row {
				row[i] = plainCell(row[i])
			}
			if err := w.Write(row); err != nil {
				return err
			}
		}
		w.Flush()
		return w.Error()
	}
}

func csvRow(e *audit.Event) []string {
	var patients, touched []string
	for _, n := range e.Entities {
		touched = append(touched, n.Key)
	}
	for _, p := range e.Patients {
		if p.Key == "" {
			continue
		}
		patients = append(patients, p.Key)
		for _, n := range p.Entities {
			touched = append(touched, n.Key)
		}
	}
	a := &e.Agent
	return []string{
		strconv.FormatInt(e.Number, 10), e.Time.UTC().Format(time.RFC3339Nano), string(e.Kind), strconv.Itoa(e.Outcome()), strconv.Itoa(e.Status), a.Login, a.Is,
		strings.Join(a.Roles, " "), a.Purpose, a.Client, a.Address, e.Request, e.Target, e.Query, e.Note, strings.Join(e.Why, " "), strconv.Itoa(e.Count),
		strings.Join(patients, " "), strings.Join(touched, " "),
	}
}

// plainCell keeps a spreadsheet from taking what somebody sent for a formula.
func plainCell(text string) string {
	if text != "" && strings.ContainsAny(text[:1], "=+-@\t\r") {
		return "'" + text
	}
	return text
}

// checkpoint sends the signed head of the log, to be kept elsewhere.
func (v *visit) checkpoint() error {
	s, err := v.session()
	if err != nil {
		return err
	}
	v.Note(audit.Read, "a checkpoint of the audit log")
	text, err := s.Checkpoint(v.R.Context())
	if err != nil {
		return err
	}
	if len(text) == 0 {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "The log is empty: there is nothing to sign yet.")
	}
	v.attach("text/plain; charset=utf-8", "audit-checkpoint-"+v.Now.UTC().Format("20060102T150405Z")+".txt")
	_, _ = v.W.Write(text) // the client may be gone
	return nil
}
