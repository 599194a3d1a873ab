package search

import "time"

// ParseOptions says how a search URL is read. The zero value is strict
// handling with default limits.
type ParseOptions struct {
	// Lenient records parameters that are not understood in Query.Ignored
	// instead of refusing them (Prefer: handling=lenient).
	Lenient bool
	// Now is the time that prefix ap measures distance from.
	Now time.Time
	// DefaultCount and MaxCount are the page size without _count and the
	// greatest one; 0 means 20 and 1000. A greater _count is lowered.
	DefaultCount, MaxCount int
	// Terminology tells :in, :not-in, :above and :below what they mean; nil: they
	// are refused.
	Terminology Terminology
	// Limits; 0 means the default.
	Limits Limits
}

// Limits bound what one search URL may ask for.
type Limits struct {
	Parameters int // name=value pairs; default 100
	Values     int // values joined by commas in one parameter; default 1000
	Chain      int // links in a chain, _has included; default 4
	Length     int // bytes in one name or value; default 16384
	Codes      int // codes of a value set, or of a part of a code system; default 100000
}
