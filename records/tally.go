package records

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// Tally is what a tenant holds, in numbers that two stores can be compared by.
type Tally struct {
	Versions  int64
	Resources map[fhir.Type]int64 // current ones
	Contents  int64               // bytes of Binaries' content, of all versions
	// Hash is the SHA-256 over key, number, time, method, release and JSON of
	// every version, in the order of the change feed, and the length of its
	// content where it is kept elsewhere, whose name is its own hash.
	Hash string
	// Settings is the SHA-256 over the settings that move.
	Settings string
	// Items is how many things identity remembers: users, clients, grants,
	// tokens; ItemsHash is the SHA-256 over them.
	Items     int64
	ItemsHash string
	// Events is the SHA-256 over the numbered events of the audit log.
	Events string
}

func (t *Tally) equal(o *Tally) bool {
	return t.Versions == o.Versions && t.Contents == o.Contents && t.Hash == o.Hash && t.Settings == o.Settings &&
		t.Items == o.Items && t.ItemsHash == o.ItemsHash && t.Events == o.Events &&
		maps.Equal(t.Resources, o.Resources)
}

// tally counts and hashes, of the audit log so many events. progress is told of the
// versions read.
func (d *Door) tally(ctx context.Context, progress func(versions int64), events int64) (t Tally, err error) {
	h := sha256.New()
	for batch, err := range d.feed(ctx, 0) {
		if err != nil {
			return t, err
		}
		for _, r := range batch {
			if err := d.add(ctx, h, &t, r); err != nil {
				return t, err
			}
		}
		t.Versions += int64(len(batch))
		progress(t.Versions)
	}
	t.Hash = hex.EncodeToString(h.Sum(nil))
	if t.Resources, err = d.store.Stats(ctx); err != nil {
		return t, err
	}
	if t.Events, err = audit.Print(ctx, d.store, events); err != nil {
		return t, err
	}
	settings, err := d.moved(ctx)
	t.Settings = hashOf(settings)
	if err != nil {
		return t, err
	}
	return t, d.tallyItems(ctx, sha256.New(), &t)
}

// moved are the settings that move with the records. What is indexed by which
// parameters is each side's own.
func (d *Door) moved(ctx context.Context) (map[string][]byte, error) {
	settings, err := d.store.ListSettings(ctx)
	delete(settings, cursorKey)
	delete(settings, indexSetting)
	delete(settings, epochSetting)
	delete(settings, consentsSetting)
	return settings, err
}

// add hashes one version. Its content must be there.
func (d *Door) add(ctx context.Context, h hash.Hash, t *Tally, r store.Record) error {
	fmt.Fprintf(h, "%s %d %d %s %s %t %d\n", r.Key, r.Version, r.Updated.UnixMicro(), r.Method, r.Release, r.Deleted, len(r.Body))
	h.Write(r.Body)
	b, ok := blobOf(r)
	if !ok {
		return nil
	}
	_, size, err := d.store.ReadBlob(ctx, b.name, 0, 0)
	if err != nil {
		return fmt.Errorf("%s/_history/%d: its content: %w", r.Key, r.Version, err)
	}
	t.Contents += size
	fmt.Fprintf(h, "%d\n", size)
	return nil
}

// blobOf is the content of a Binary that is kept outside its row.
func blobOf(r store.Record) (blob, bool) {
	if r.Key.Type != "Binary" || r.Deleted {
		return blob{}, false
	}
	b, _, ok := unmark(r.Body)
	return b, ok
}

func hashOf(settings map[string][]byte) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(h, "%q %q\n", name, settings[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}
