package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	lib "modernc.org/sqlite/lib"

	"github.com/inglehealth/ingle/store"
)

// Vitals implements store.Store.
func (s *Store) Vitals(context.Context) (store.Vitals, error) {
	if err := s.gate.Enter(); err != nil {
		return store.Vitals{}, err
	}
	defer s.gate.Leave()
	others := 1 // the writer's
	if s.checkpointer.open.Load() {
		others++
	}
	v := store.Vitals{
		Commits: s.writer.commits.Load(), MaxConnections: s.pool.size() + 2, Busy: s.pool.busy(), Connections: int(s.opened.Load()) + others,
		CacheBytes: cacheBytes.Load(), Now: time.Now(), Version: "SQLite " + lib.SQLITE_VERSION,
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return v, err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || filepath.Ext(e.Name()) == ".reserve" {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return v, err
		}
		v.Bytes += info.Size()
	}
	return v, nil
}
