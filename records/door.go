package records

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/engine/subscribe"
	"github.com/inglehealth/ingle/internal/recent"
	"github.com/inglehealth/ingle/limits"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/span"
)

// Config is what a Door needs.
type Config struct {
	Name        string                     // of the tenant; "" for the default one
	Store       store.Store                // required; the Door closes it
	Definitions *definitions.Definitions   // required: the release of resources that name none
	Others      []*definitions.Definitions // further releases, each with another Release
	Base        string                     // public base URL without trailing slash: "https://ehr.example/fhir"
	Clock       func() time.Time           // nil: time.Now
	NewID       func() fhir.ID             // nil: UUIDv7
	Policy      Policy                     // DefaultPolicy() is a safe start
	Log         *slog.Logger               // nil: nothing is logged; never receives clinical data
	Audit       *audit.Log                 // nil: nothing is recorded; the Door closes it
	Traces      *span.Tracer               // makes traces of background work; nil: none
	Limits      []limits.Rule              // where none is set; nil: limits.Defaults(), empty: none
}

// Door is the way to one tenant's records.
type Door struct {
	readOnly atomic.Bool // see SetReadOnly

	config  Config
	policy  Policy
	store   store.Store
	base    string
	address *url.URL // base with a slash at the end
	log     *slog.Logger
	changed broadcast
	room    room
	cursors cursors
	indexes *indexes
	terms   *readyCache
	lists   *codeLists
	buffers sync.Pool // *[]byte, for JSON

	usage  *usage
	limits *limits.Limiter
	// retainedOn is the day of the last job that applies the retention rules, as far as
	// the watcher knows.
	retainedOn string
	ownership  *access.Ownership
	book       *access.Book
	bookReads  bookReads
	unnamed    unnamed
	known      *recent.Map[written, access.Consent] // of which events tell
	consented  *recent.Map[fhir.ID, knownConsents]  // of patients, up to maxKnown together
	labels     *labels

	topics        []subscribe.Topic // of packages
	subscriptions *Subscriptions    // nil: nobody is told of changes, see Subscribe
}

// Open makes a Door over an open store and takes the store over. It compiles
// the search parameters of each release and reads the key of page links.
func Open(ctx context.Context, c Config) (*Door, error) {
	if c.Store == nil || c.Definitions == nil {
		return nil, errors.New("records: a Door needs a store and definitions")
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.NewID == nil {
		c.NewID = newUUID
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	d := &Door{
		config:    c,
		policy:    c.Policy.withDefaults(),
		store:     c.Store,
		base:      strings.TrimRight(c.Base, "/"),
		log:       c.Log,
		room:      newRoom(),
		terms:     newReadyCache(),
		usage:     newUsage(),
		known:     recent.NewMap[written, access.Consent](maxKnown),
		consented: recent.NewMap[fhir.ID, knownConsents](maxKnown),
		lists:     &codeLists{recent.NewMap[listKey, codeListing](maxListed)},
	}
	var err error
	if d.address, err = url.Parse(d.base + "/"); err != nil {
		return nil, fmt.Errorf("records: the base URL: %w", err)
	}
	releases := map[definitions.Release]*release{}
	for _, defs := range append([]*definitions.Definitions{c.Definitions}, c.Others...) {
		if releases[defs.Release] != nil {
			return nil, fmt.Errorf("records: definitions of %s are given twice", defs.Release)
		}
		r, err := openRelease(defs, d.base, d.policy.IndexContent, c.Clock)
		if err != nil {
			return nil, err
		}
		releases[defs.Release] = r
	}
	catalogs := []*search.Catalog{releases[c.Definitions.Release].catalog}
	for _, other := range c.Others {
		catalogs = append(catalogs, releases[other.Release].catalog)
	}
	d.ownership = access.NewOwnership(catalogs, d.catalogs)
	if d.cursors, err = openCursors(ctx, c.Store); err != nil {
		return nil, fmt.Errorf("records: the key of page links: %w", err)
	}
	if d.indexes, err = openIndexes(ctx, c, releases); err != nil {
		return nil, fmt.Errorf("records: the state of the index: %w", err)
	}
	d.store = guarded{c.Store, d.indexes}
	d.topics = d.packagedTopics(ctx)
	if d.limits, err = limits.Open(ctx, limits.Config{Store: c.Store, Clock: c.Clock, Log: c.Log, Defaults: c.Limits}); err != nil {
		return nil, err
	}
	if err := d.openLabels(ctx); err != nil {
		return nil, fmt.Errorf("records: the rules of labels: %w", err)
	}
	if err := d.openBook(ctx); err != nil {
		return nil, fmt.Errorf("records: the consents of patients: %w", err)
	}
	return d, nil
}

func newUUID() fhir.ID {
	id, err := uuid.NewV7()
	if err != nil {
		// The system's random source failed: no id can be trusted to be new.
		panic(err)
	}
	return fhir.ID(id.String())
}

// Close closes the audit log and the store. Feeds that are being watched end with
// an error.
func (d *Door) Close() error {
	if d.config.Audit != nil {
		return errors.Join(d.config.Audit.Close(), d.store.Close())
	}
	return d.store.Close()
}

// Ping says whether the store answers and can be written, and the audit log has room.
func (d *Door) Ping(ctx context.Context) error {
	if d.config.Audit != nil {
		return errors.Join(d.config.Audit.Health(), d.store.Ping(ctx))
	}
	return d.store.Ping(ctx)
}

// Name is the tenant's name, "" for the default one.
func (d *Door) Name() string { return d.config.Name }

// Base is the public base URL without trailing slash.
func (d *Door) Base() string { return d.base }

// Policy is the policy in force.
func (d *Door) Policy() Policy { return d.policy }

// Definitions returns the tables of a release, "" for the primary one; nil
// when the release is not loaded.
func (d *Door) Definitions(r definitions.Release) *definitions.Definitions {
	if rel := d.release(r); rel != nil {
		return rel.defs
	}
	return nil
}

// Releases are the tables of the releases that are loaded, the primary one first.
func (d *Door) Releases() []*definitions.Definitions {
	return append([]*definitions.Definitions{d.config.Definitions}, d.config.Others...)
}

// Catalog returns the search parameters of a release, "" for the primary one;
// nil when the release is not loaded.
func (d *Door) Catalog(r definitions.Release) *search.Catalog {
	if rel := d.release(r); rel != nil {
		return rel.catalog
	}
	return nil
}

// catalogs are those of the releases now, the primary one first.
func (d *Door) catalogs() []*search.Catalog {
	by := d.indexes.current()
	list := []*search.Catalog{by.releases[d.config.Definitions.Release].catalog}
	for _, other := range d.config.Others {
		list = append(list, by.releases[other.Release].catalog)
	}
	return list
}

// Session binds a principal and what it may do, which is part of every query;
// nil allows everything, and is for the program itself.
func (d *Door) Session(p Principal, a Access) *Session {
	s := &Session{door: d, principal: p, access: a}
	if g, ok := a.(interface{ Governs() bool }); ok && g.Governs() {
		s.at = d.now().UnixMicro()
	}
	if m, ok := a.(masking); ok {
		s.masks = m.Masks()
	}
	return s
}

// Stats counts current resources by type.
func (d *Door) Stats(ctx context.Context) (map[fhir.Type]int64, error) {
	n, err := d.store.Stats(ctx)
	return n, d.fault(err)
}

// now is the time as FHIR instants are stored, in whole milliseconds.
func (d *Door) now() time.Time { return d.config.Clock().UTC().Truncate(time.Millisecond) }
