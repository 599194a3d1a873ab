package records

import (
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/smart"
)

// SetReadOnly says whether the door refuses all writes of principals, as in a
// downtime; what the server does by itself goes on. Reading is as ever.
func (d *Door) SetReadOnly(on bool) { d.readOnly.Store(on) }

// ReadOnly says whether the door refuses all writes.
func (d *Door) ReadOnly() bool { return d.readOnly.Load() }

// writing are the interactions that change something.
const writing = smart.Create | smart.Update | smart.Delete

// admits refuses what changes something while the door is read-only.
func (d *Door) admits(i smart.Interactions) error {
	if i&writing == 0 || !d.ReadOnly() {
		return nil
	}
	return fault.New(fault.Unavailable, fault.CodeTransient, "", "This server is in read-only downtime mode: records can be read, and nothing was changed. Try again when it has ended.")
}
