package fhir

import (
	"strconv"
	"time"
)

// InstantFormat is the time layout of instants that Ingle writes.
const InstantFormat = "2006-01-02T15:04:05.000Z07:00"

// Type is the type of the resource.
func (t *Tree) Type() Type { return Type(t.Root().Type().Name) }

// ID is the resource's logical id, "" when it has none.
func (t *Tree) ID() ID { return ID(t.Root().Child("id").Text()) }

// Key is the resource's type and id.
func (t *Tree) Key() Key { return Key{t.Type(), t.ID()} }

// SetID gives the resource a logical id.
func (t *Tree) SetID(id ID) error {
	_, err := t.Root().Set("id", string(id))
	return err
}

// Meta returns Resource.meta, none when it is absent.
func (t *Tree) Meta() Node { return t.Root().Child("meta") }

// VersionID is meta.versionId, "" when it is absent.
func (t *Tree) VersionID() string { return t.Meta().Child("versionId").Text() }

// LastUpdated is meta.lastUpdated, the zero time when it is absent.
func (t *Tree) LastUpdated() time.Time {
	at, _ := time.Parse(time.RFC3339Nano, t.Meta().Child("lastUpdated").Text())
	return at
}

// Source is meta.source, "" when it is absent.
func (t *Tree) Source() string { return t.Meta().Child("source").Text() }

// Profiles are the canonicals of meta.profile.
func (t *Tree) Profiles() []string {
	var urls []string
	for p := range t.Meta().All("profile") {
		if p.HasValue() {
			urls = append(urls, p.Text())
		}
	}
	return urls
}

// EnsureMeta returns Resource.meta and adds it when it is absent.
func (t *Tree) EnsureMeta() (Node, error) {
	if m := t.Meta(); !m.IsZero() {
		return m, nil
	}
	return t.Root().Add("meta")
}

// Stamp sets the id, meta.versionId and meta.lastUpdated, as a server does on
// each write.
func (t *Tree) Stamp(id ID, version int64, updated time.Time) error {
	if err := t.SetID(id); err != nil {
		return err
	}
	meta, err := t.EnsureMeta()
	if err != nil {
		return err
	}
	if _, err = meta.Set("versionId", strconv.FormatInt(version, 10)); err != nil {
		return err
	}
	_, err = meta.Set("lastUpdated", updated.Format(InstantFormat))
	return err
}

// SetSource sets meta.source.
func (t *Tree) SetSource(uri string) error {
	meta, err := t.EnsureMeta()
	if err != nil {
		return err
	}
	_, err = meta.Set("source", uri)
	return err
}
