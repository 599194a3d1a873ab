package records

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/store"
)

// ErrUnfinished says that the source of a migration has jobs that have not
// ended. Jobs stay behind: what they keep of their progress is of the database
// that they began in.
var ErrUnfinished = errors.New("records: there are jobs that have not ended")

// maxJobs is how many jobs a source may have for Migrate to look through.
const maxJobs = 10_000

// finished refuses a source with jobs that have not ended, but for those that build
// indexes and label: the target has its own.
func (m *migration) finished(ctx context.Context) error {
	if m.o.LeaveJobs {
		return nil
	}
	list, err := m.from.store.ListJobs(ctx, "", maxJobs+1)
	if err != nil {
		return err
	}
	if len(list) > maxJobs {
		return fmt.Errorf("%w, perhaps: it has more than %d jobs", ErrUnfinished, maxJobs)
	}
	var names []string
	for _, j := range list {
		if j.Kind != indexJob && j.Kind != labelJob && (j.State == store.JobReady || j.State == store.JobRunning) {
			names = append(names, j.ID)
		}
	}
	if names == nil {
		return nil
	}
	more := ""
	if n := len(names); n > 5 {
		names, more = names[:5], fmt.Sprintf(" and %d more", n-5)
	}
	return fmt.Errorf("%w: %s%s", ErrUnfinished, strings.Join(names, ", "), more)
}
