package bulkexport

import (
	"cmp"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// ManifestFile is the name of the manifest. It is written last: where it is,
// the export is whole.
const ManifestFile = "manifest.json"

// Manifest tells what an export holds. Its names follow the manifest of FHIR's
// bulk data export.
type Manifest struct {
	TransactionTime time.Time   `json:"transactionTime"` // when the place in the feed was chosen
	Seq             records.Seq `json:"seq"`             // the place in the change feed that the files show
	Types           []fhir.Type `json:"types,omitempty"` // when not all
	Since           *time.Time  `json:"since,omitempty"`
	Count           int64       `json:"count"` // resources in all files
	Output          []Output    `json:"output"`
}

// Output is one file.
type Output struct {
	Type        fhir.Type           `json:"type"`
	FHIRRelease definitions.Release `json:"fhirRelease"`
	URL         string              `json:"url"` // the file's name
	Count       int64               `json:"count"`
	Size        int64               `json:"size"`   // in bytes, as it is stored
	SHA256      string              `json:"sha256"` // likewise
}

func (e *export) manifest() Manifest {
	m := Manifest{TransactionTime: e.state.Time, Seq: e.state.At, Types: e.o.Types, Count: e.state.Written, Output: []Output{}}
	if !e.o.Since.IsZero() {
		m.Since = &e.o.Since
	}
	for name, f := range e.files {
		m.Output = append(m.Output, Output{
			Type: f.state.Type, FHIRRelease: f.state.Release, URL: name, Count: f.state.Lines, Size: f.state.Size, SHA256: f.sum(),
		})
	}
	slices.SortFunc(m.Output, func(a, b Output) int { return cmp.Compare(a.URL, b.URL) })
	return m
}

func writeManifest(dir string, m Manifest) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, ManifestFile)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return syncFolder(dir)
}

// wants says whether resources of a type are exported.
func (o *Options) wants(t fhir.Type) bool { return len(o.Types) == 0 || slices.Contains(o.Types, t) }
