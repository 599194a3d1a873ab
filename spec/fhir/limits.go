package fhir

// Limits bound what a parser takes; a zero field means its default.
type Limits struct {
	MaxBytes int // 64 MiB; never more than 2 GiB
	MaxDepth int // 100 elements inside one another
	MaxNodes int // 4 million elements
}

func (l Limits) orDefault() Limits {
	if l.MaxBytes == 0 {
		l.MaxBytes = 64 << 20
	}
	l.MaxBytes = min(l.MaxBytes, 1<<31) // a node's offset has 32 bits
	if l.MaxDepth == 0 {
		l.MaxDepth = 100
	}
	if l.MaxNodes == 0 {
		l.MaxNodes = 4 << 20
	}
	return l
}
