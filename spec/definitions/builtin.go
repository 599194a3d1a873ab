package definitions

import (
	_ "embed" // the generated files
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/inglehealth/ingle/spec/definitions/internal/record"
)

//go:generate go run ./generate

// files are the embedded files of one release.
type files struct{ structure, profiles, terminology []byte }

var (
	//go:embed data/r4-structure.zst
	r4Structure []byte
	//go:embed data/r4-profiles.zst
	r4Profiles []byte
	//go:embed data/r4-terminology.zst
	r4Terminology []byte
	//go:embed data/r4b-structure.zst
	r4bStructure []byte
	//go:embed data/r4b-profiles.zst
	r4bProfiles []byte
	//go:embed data/r4b-terminology.zst
	r4bTerminology []byte
)

var builtIn = map[Release]func() (*Definitions, error){
	R4:  sync.OnceValues(func() (*Definitions, error) { return load(files{r4Structure, r4Profiles, r4Terminology}) }),
	R4B: sync.OnceValues(func() (*Definitions, error) { return load(files{r4bStructure, r4bProfiles, r4bTerminology}) }),
}

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
func load(f files) (*Definitions, error) {
	text, err := unpack(f.structure)
	if err != nil {
		return nil, err
	}
	set, err := record.DecodeStructures(text)
	if err != nil {
		return nil, err
	}
	d, err := link(set)
	if err != nil {
		return nil, err
	}
	d.profiles = &profiles{load: func() ([]record.Structure, error) {
		text, err := unpack(f.profiles)
		if err != nil {
			return nil, err
		}
		set, err := record.DecodeStructures(text)
		return set.Structures, err
	}}
	d.terminology = &terminology{load: func() (record.Chunked, error) { return record.DecodeChunks(f.terminology) }}
	return d, nil
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
