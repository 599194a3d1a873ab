package audit

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"
)

// Groups of a spool that are brought to the store have an event before them, in the same
// append, which names the spool and the place of the last of them: so a spool that is
// put back as it was earlier is known, and so are groups that were brought when a process
// ended before it had emptied its spool.

// spoolTarget is how a spool is named in the log.
func spoolTarget(id [16]byte) string { return "spool/" + hex.EncodeToString(id[:]) }

// taking is the event that n groups of a spool up to place last are taken up.
func (l *Log) taking(id [16]byte, last, n int) []byte {
	e := &Event{
		Time: l.config.Clock().UTC().Truncate(time.Microsecond), Kind: TakeUp, Target: spoolTarget(id), Count: last,
		Note: fmt.Sprintf("%d groups of events that waited in the spool, up to the place that count says, follow", n),
	}
	return e.append(nil)
}

// clocksDiffer is by how much the clocks of two processes may.
const clocksDiffer = 24 * time.Hour

// taken is the place of the last group of a spool that is in the log, whose events are not
// from before since; 0 for none. Where since is to come a clock was ahead, and says nothing of
// when they were taken up.
func (l *Log) taken(ctx context.Context, id [16]byte, since time.Time) (last int, err error) {
	if err := l.Seal(ctx); err != nil {
		return 0, err
	}
	q := Query{Limit: 1000, Match: func(e *Event) bool { return e.Kind == TakeUp && e.Target == spoolTarget(id) }}
	if !since.After(l.config.Clock()) {
		q.Since = since.Add(-clocksDiffer)
	}
	q.need(termTouched, []string{spoolTarget(id)})
	for {
		found, err := l.Find(ctx, q)
		if err != nil {
			return 0, err
		}
		for _, e := range found.Events {
			last = max(last, e.Count)
		}
		if q.From = found.Next; q.From < 0 {
			return last, nil
		}
	}
}

// refuseTaken leaves out of what waits what the log has already, and tells how many
// events that are.
func (l *Log) refuseTaken(ctx context.Context, verifiers []string) (refused int, err error) {
	s := l.room.spool
	groups, before, err := s.left(verifiers, l.alter)
	if err != nil || len(groups) == 0 {
		return 0, err
	}
	entries, err := entriesOf(groups[0])
	if err != nil {
		return 0, err
	}
	last, err := l.taken(ctx, s.id, time.UnixMicro(entries[0].time))
	if err != nil || last <= before {
		return 0, err
	}
	was := s.holds()
	if err := s.pass(groups[:min(last-before, len(groups))]); err != nil {
		return 0, err
	}
	refused = was - s.holds()
	l.alter(fmt.Sprintf("%d events of the spool are in the log already and were not taken up again: a process ended before it had emptied the spool, another process took up a copy of it at the same time, or somebody put an earlier state of the file back", refused))
	return refused, nil
}
