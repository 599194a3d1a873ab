package bulkload

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sync/semaphore"

	"github.com/inglehealth/ingle/spec/fault"
)

// collect counts what became of the groups, in order, and makes checkpoints.
func (l *load) collect(ctx context.Context, groups <-chan *group, held *semaphore.Weighted) error {
	for g := range groups {
		select {
		case <-g.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if g.err != nil {
			return g.err
		}
		if g.trail != nil && g.trail.Grew() {
			if err := l.o.Record(ctx, g.trail); err != nil {
				return err
			}
		}
		for i, it := range g.items {
			if err := l.count(it, g.outcomes[i]); err != nil {
				return err
			}
		}
		for _, s := range g.steps {
			l.advance(s)
			held.Release(s.size)
		}
		l.tell(g.steps[len(g.steps)-1])
		if l.o.Clock().Sub(l.saved) >= l.o.Checkpoint {
			if err := l.checkpoint(ctx); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// advance moves the position of the pass behind a document.
func (l *load) advance(s *step) {
	f := &l.state.Files[s.file]
	l.state.File = s.file
	if s.end {
		l.state.File++
		l.passed += l.sources[s.file].Size
		return
	}
	f.Lines, f.Ordinal = s.line, s.ordinal+s.count
	if l.state.Pass == 1 && s.count > 0 {
		l.state.Lines++
		l.state.Resources += s.count
	}
}

func (l *load) count(it item, o outcome) error {
	if o.waits && o.err != nil && !l.state.Final {
		l.state.Files[it.file].Deferred.add(it.ordinal)
		return nil
	}
	if l.o.Each != nil {
		if err := l.o.Each(Outcome{File: it.file, Line: it.line, Entry: it.entry, Key: o.key, Matched: o.matched, Err: o.err}); err != nil {
			return err
		}
	}
	switch {
	case o.err == nil && o.matched:
		l.state.Matched++
	case o.err == nil:
		l.state.Accepted++
	default:
		l.state.Refused++
		r := Refusal{File: l.sources[it.file].Name, Line: it.line, Entry: it.entry, Reason: reason(o.err)}
		if o.key.Type != "" {
			r.Resource = o.key.String()
		}
		return l.refuse(r)
	}
	return nil
}

func (l *load) tell(s *step) {
	if l.o.Progress == nil {
		return
	}
	p := Progress{Counts: l.state.Counts, File: l.sources[s.file].Name, Pass: l.state.Pass, Deferred: l.state.deferred(), Read: l.passed}
	if !s.end {
		p.Read += min(s.offset, l.sources[s.file].Size)
	}
	for _, s := range l.sources {
		p.Total += s.Size
	}
	l.o.Progress(p)
}

// reason is an error as a line of the report has it.
func reason(err error) string {
	text := err.Error()
	if e, ok := errors.AsType[*fault.Error](err); ok {
		parts := make([]string, len(e.Issues))
		for i, issue := range e.Issues {
			parts[i] = issue.String()
		}
		text = strings.Join(parts, "; ")
	}
	return strings.Join(strings.Fields(text), " ")
}

const reportHeader = "# file\tline\tentry of the bundle\tresource\treason\n"

// prepareReport drops what a killed run wrote after its last checkpoint, and
// the report of an earlier load. It fails where no report can be written, rather
// than at the first refusal, which may be hours away.
func (l *load) prepareReport() error {
	if l.o.Report == "" {
		return nil
	}
	if l.state.ReportSize > 0 {
		f, err := openReport(l.o.Report, l.state.ReportSize)
		l.report = f
		return err
	}
	f, err := openReport(l.o.Report, 0)
	if err != nil {
		return fmt.Errorf("the report cannot be written: %w", err)
	}
	return errors.Join(f.Close(), os.Remove(l.o.Report))
}

func (l *load) refuse(r Refusal) error {
	if l.o.Report == "" {
		return nil
	}
	line := r.text()
	if l.report == nil {
		f, err := openReport(l.o.Report, 0)
		if err != nil {
			return err
		}
		l.report = f
		line = reportHeader + line
	}
	n, err := l.report.WriteString(line)
	l.state.ReportSize += int64(n)
	return err
}

func (r Refusal) text() string {
	entry := ""
	if r.Entry >= 0 {
		entry = fmt.Sprint(r.Entry)
	}
	return fmt.Sprintf("%s\t%d\t%s\t%s\t%s\n", r.File, r.Line, entry, r.Resource, r.Reason)
}
