package definitions

import (
	"embed"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/inglehealth/ingle/spec/definitions/internal/record"
)

//go:generate go run ./generate

//go:embed data/*.zst
var data embed.FS

// BuiltIn returns a release that comes with the program: R4 or R4B. It is
// loaded on first use, once. For any other release the error says how to get
// it.
func BuiltIn(r Release) (*Definitions, error) {
	if load := builtIn[r]; load != nil {
		return load()
	}
	return nil, fmt.Errorf("FHIR %s is not built in (R4 and R4B are); load its package, such as hl7.fhir.r5.core, with --package", r)
}

// MustBuiltIn is BuiltIn for a release that is known to be built in; it
// panics otherwise.
func MustBuiltIn(r Release) *Definitions {
	d, err := BuiltIn(r)
	if err != nil {
		panic(err)
	}
	return d
}

// load reads the embedded files of a release: the structure now, profiles and
// terminology when they are first asked for.
func load(name string) (*Definitions, error) {
	text, err := embedded(name + "-structure.zst")
	if err != nil {
		return nil, err
	}
	set, err := record.DecodeStructures(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	d, err := link(set)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}

func embedded(name string) ([]byte, error) {
	packed, err := data.ReadFile("data/" + name)
	if err != nil {
		return nil, err
	}
	return unpack(packed)
}

// unpack decompresses one zstd frame.
func unpack(packed []byte) ([]byte, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer dec.Close()
	return dec.DecodeAll(packed, nil)
}
