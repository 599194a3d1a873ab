package records

import "time"

// IDPolicy says who chooses logical ids.
type IDPolicy uint8

// Id policies.
const (
	ClientMayChoose IDPolicy = iota // PUT to an id that does not exist creates it
	ServerChooses                   // such a PUT is refused (405)
)

// SourcePolicy says what becomes of meta.source.
type SourcePolicy uint8

// Source policies.
const (
	SourceKeep    SourcePolicy = iota // what the client wrote stays; nothing is added
	SourceFill                        // as SourceKeep, but when the client wrote none, "#" and the request's id
	SourceReplace                     // always the caller's source and the request's id: "SOURCE#ID"
)

// Strictness says what is checked before a write.
type Strictness uint8

// Strictness of writes. Structure (names, types, repetition) is always
// checked by the parser.
const (
	ValidateFull      Strictness = iota // cardinality, required bindings and invariants as well
	ValidateStructure                   // the parser's checks only
)

// Policy is what a tenant may decide about its records. The zero Policy is
// strict with the default limits; DefaultPolicy spells them out.
type Policy struct {
	ClientIDs IDPolicy
	// AllowDangling accepts references to resources of this server that do not
	// exist. Otherwise such a write is refused.
	AllowDangling bool
	// AllowDeleteReferred lets a resource be deleted to which others refer.
	// Otherwise that is a conflict.
	AllowDeleteReferred bool
	MetaSource          SourcePolicy
	// MultipleDelete lets a conditional delete remove several matches, at
	// most MaxDelete. Otherwise more than one match is refused (412).
	MultipleDelete bool
	MaxDelete      int // 0: 1000
	// KeepUnchanged makes a new version even when an update changes nothing.
	// Otherwise such an update succeeds and the version stays.
	KeepUnchanged bool
	// Expunge enables the removal of history.
	Expunge    bool
	Validation Strictness
	// DefaultCount and MaxCount bound _count; 0: 20 and 1000.
	DefaultCount int
	MaxCount     int
	// MaxIncludes bounds the resources that _include adds to a page; 0: 2000.
	MaxIncludes int
	// MaxLooks bounds the resources that a page of the $everything of all of a
	// type looks at; 0: 200,000.
	MaxLooks int
	// MaxPage ends a page of a search or history early, and what _include
	// adds to it, once the resources hold so many bytes; 0: 16 MiB.
	MaxPage int64
	// MaxAnswers bounds what the reading entries of one transaction or batch
	// answer together, in bytes; 0: 64 MiB.
	MaxAnswers int64
	// MaxEntries bounds a transaction or batch; 0: 50,000.
	MaxEntries int
	// MaxBytes bounds one resource or bundle; 0: 512 MiB. MaxBinary bounds
	// the content of a Binary; 0: 1 GiB.
	MaxBytes  int64
	MaxBinary int64
	// SearchTime bounds each reading entry of a batch, those of a transaction
	// together, and each condition of a conditional interaction or reference;
	// 0: 60 seconds.
	SearchTime time.Duration
	// LenientSearch ignores unknown search parameters, with a note in the
	// result, unless the request says otherwise. Otherwise they are errors.
	LenientSearch bool
	// Reindex enables $reindex, which has all resources indexed anew.
	Reindex bool
	// Explain lets clients ask what a search did (_explain): the SQL, its plan
	// and how many index rows there are. Sessions with a filter learn none of
	// that.
	Explain bool
	// IndexContent indexes all text of resources, so that _content finds it.
	// What was stored without it has to be indexed anew. Otherwise _content is
	// refused.
	IndexContent bool
}

// DefaultPolicy is the policy of a new tenant.
func DefaultPolicy() Policy { return Policy{}.withDefaults() }

func (p Policy) withDefaults() Policy {
	set(&p.MaxDelete, 1000)
	set(&p.DefaultCount, 20)
	set(&p.MaxCount, 1000)
	set(&p.MaxIncludes, 2000)
	set(&p.MaxLooks, 200_000)
	set(&p.MaxPage, 16<<20)
	set(&p.MaxAnswers, 64<<20)
	set(&p.MaxEntries, 50_000)
	set(&p.MaxBytes, 512<<20)
	set(&p.MaxBinary, 1<<30)
	set(&p.SearchTime, time.Minute)
	return p
}

func set[T int | int64 | time.Duration](p *T, v T) {
	if *p == 0 {
		*p = v
	}
}
