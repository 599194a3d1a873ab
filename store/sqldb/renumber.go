package sqldb

import "github.com/inglehealth/ingle/store"

// Renumber gives the versions that a Put has just made the numbers that their
// Writes ask for (store.Write.Version), in their rows and in records. Most ask
// for none, or for the one they got.
func Renumber(d Dialect, writes []store.Write, records []store.Record, run func(text string, args ...any) error) error {
	for i := range writes {
		w, r := &writes[i], &records[i]
		if w.Version == 0 || w.Version == r.Version {
			continue
		}
		if w.Version < r.Version {
			return &store.VersionError{Key: w.Key, Expect: w.Version - 1, Current: r.Version - 1}
		}
		seq := int64(r.Seq)
		if err := run(d.Rebind("UPDATE version SET version = ? WHERE seq = ?"), w.Version, seq); err != nil {
			return err
		}
		if err := run(d.Rebind("UPDATE resource SET version = ? WHERE rid = (SELECT rid FROM version WHERE seq = ?)"), w.Version, seq); err != nil {
			return err
		}
		r.Version = w.Version
	}
	return nil
}
