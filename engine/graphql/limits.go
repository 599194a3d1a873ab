package graphql

// Limits bound one query; a zero field means its default.
type Limits struct {
	Query     int   // bytes of the query: 256 KiB
	Variables int   // bytes of the variables, as JSON: 1 MiB
	Tokens    int   // words and signs of the query: 20,000
	Depth     int   // fields inside one another: 25
	Fields    int   // fields asked for, with those of each use of a fragment: 2,000
	Resources int   // resources read or found: 5,000
	Searches  int   // searches, of which one may be for many resources: 200
	Answer    int64 // bytes of the answer: 32 MiB
}

func (l Limits) withDefaults() Limits {
	set(&l.Query, 256<<10)
	set(&l.Variables, 1<<20)
	set(&l.Tokens, 20_000)
	set(&l.Depth, 25)
	set(&l.Fields, 2000)
	set(&l.Resources, 5000)
	set(&l.Searches, 200)
	set(&l.Answer, 32<<20)
	return l
}

func set[T int | int64](limit *T, value T) {
	if *limit <= 0 {
		*limit = value
	}
}
