package records

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/inglehealth/ingle/store"
)

// backupSetting is what is known of the last backup.
const backupSetting = "backup"

// Backup is one that was taken.
type Backup struct {
	Taken time.Time `json:"taken"` // all that was acknowledged before is in it
	Bytes int64     `json:"bytes"` // of its file
	To    string    `json:"to"`    // the file's name
}

// NoteBackup keeps that a backup was taken and is durably where it belongs.
func NoteBackup(ctx context.Context, s store.Settings, b Backup) error {
	text, err := json.Marshal(b)
	if err != nil {
		return err
	}
	return s.WriteSetting(ctx, backupSetting, text)
}

// LastBackup is the last one that was noted; the zero Backup when there was none.
func LastBackup(ctx context.Context, s store.Settings) (b Backup, err error) {
	text, err := s.ReadSetting(ctx, backupSetting)
	if errors.Is(err, store.ErrNotFound) {
		return b, nil
	}
	if err != nil {
		return b, err
	}
	return b, json.Unmarshal(text, &b)
}

// NoteBackup is NoteBackup for the door's tenant.
func (s *Session) NoteBackup(ctx context.Context, b Backup) error {
	return s.door.fault(NoteBackup(ctx, s.door.store, b))
}

// LastBackup is LastBackup for the door's tenant.
func (d *Door) LastBackup(ctx context.Context) (Backup, error) {
	b, err := LastBackup(ctx, d.store)
	return b, d.fault(err)
}
