package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/engine/synth"
)

type synthCommand struct {
	Patients int    `default:"100" placeholder:"N" help:"How many patients (${default})."`
	Seed     uint64 `default:"1" help:"Another seed makes other patients, all but the first four (${default})."`
	AsOf     string `placeholder:"DATE" help:"The day until which they have lived: 2026-05-01. Default: today."`
	Format   string `enum:"ndjson,bundles" default:"ndjson" help:"NDJSON, one file a type, or transaction Bundles, one file a patient (${enum})."`
	Out      string `required:"" placeholder:"DIR" help:"Folder for the files, made if it is not there; it must be empty. With - everything goes to the standard output, a resource or a Bundle a line."`
}

// Help is shown by `ingle synth --help`.
func (c *synthCommand) Help() string {
	return `Examples:

  ingle synth --patients 1000 --out ./patients
      ./patients/Patient.ndjson, ./patients/Observation.ndjson and so on, for ingle import or any bulk import.

  ingle synth --patients 10 --seed 7 --as-of 2026-05-01 --format bundles --out ./patients
      ./patients/clinic.json, which is to be loaded first, and ./patients/maria.json and so on.

  ingle synth --patients 1000 --out - | gzip > patients.ndjson.gz
      All resources in one file.

The patients are made up, with visits, problems, drugs, measurements, papers and bills of years; none is a real person. The
same seed, number and day give the same bytes. maria and emma have every element that US Core 6.1 and 7.0 call must-support.`
}

// Run makes the patients.
func (c *synthCommand) Run(ctx context.Context, m *Main) error {
	if c.Patients < 0 {
		return usage("--patients %d: there are none or more", c.Patients)
	}
	asOf := time.Now()
	if c.AsOf != "" {
		var err error
		if asOf, err = time.Parse(time.DateOnly, c.AsOf); err != nil {
			return usage("--as-of %s is not a day: it looks like 2026-05-01", c.AsOf)
		}
		if y := asOf.Year(); y < synth.FirstYear || y > synth.LastYear {
			return usage("--as-of %s: it is a day from %d to %d", c.AsOf, synth.FirstYear, synth.LastYear)
		}
		asOf = asOf.Add(12 * time.Hour) // that day in every time zone of America
	}
	var to recordWriter = &lineWriter{out: bufio.NewWriter(m.Stdout), bundles: c.Format == "bundles"}
	told := m.Stderr
	if c.Out != "-" {
		if err := emptyFolder(c.Out); err != nil {
			return err
		}
		told = m.Stdout
		if to = (&typeFiles{dir: c.Out}); c.Format == "bundles" {
			to = bundleFiles{c.Out}
		}
	}
	resources, size := 0, 0
	for r := range synth.Generate(c.Seed, c.Patients, asOf) {
		if ctx.Err() != nil {
			return errors.Join(fmt.Errorf("stopped after %s resources", humanize.Comma(int64(resources))), to.close())
		}
		if err := to.write(r); err != nil {
			return errors.Join(err, to.close())
		}
		resources += len(r.Resources)
		for _, x := range r.Resources {
			size += len(x.JSON)
		}
	}
	if err := to.close(); err != nil {
		return err
	}
	fmt.Fprintf(told, "%s resources of %s patients, %s\n", humanize.Comma(int64(resources)), humanize.Comma(int64(c.Patients)), humanize.IBytes(uint64(size)))
	return nil
}

// emptyFolder makes a folder, or sees that it is empty.
func emptyFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return usage("--out %s is not empty: name a new folder", dir)
	}
	return nil
}

// recordWriter is where records go.
type recordWriter interface {
	write(synth.Record) error
	close() error
}

// lineWriter writes all resources, or Bundles, to one stream.
type lineWriter struct {
	out     *bufio.Writer
	bundles bool
}

func (w *lineWriter) write(r synth.Record) error {
	if w.bundles {
		_, err := w.out.Write(append(r.Bundle(), '\n'))
		return err
	}
	for _, x := range r.Resources {
		if err := writeLine(w.out, x.JSON); err != nil {
			return err
		}
	}
	return nil
}

func (w *lineWriter) close() error { return w.out.Flush() }

// typeFiles has a file for each type of resource.
type typeFiles struct {
	dir  string
	open map[string]*typeFile
}

type typeFile struct {
	*bufio.Writer
	file *os.File
}

func (w *typeFiles) write(r synth.Record) error {
	for _, x := range r.Resources {
		f := w.open[string(x.Type)]
		if f == nil {
			file, err := os.Create(filepath.Join(w.dir, string(x.Type)+".ndjson"))
			if err != nil {
				return err
			}
			if w.open == nil {
				w.open = map[string]*typeFile{}
			}
			f = &typeFile{bufio.NewWriter(file), file}
			w.open[string(x.Type)] = f
		}
		if err := writeLine(f, x.JSON); err != nil {
			return err
		}
	}
	return nil
}

func (w *typeFiles) close() error {
	var errs []error
	for _, f := range w.open {
		errs = append(errs, f.Flush(), f.file.Close())
	}
	return errors.Join(errs...)
}

// bundleFiles has a file for each record.
type bundleFiles struct{ dir string }

func (w bundleFiles) write(r synth.Record) error {
	name := string(r.Patient)
	if name == "" {
		name = "clinic"
	}
	return os.WriteFile(filepath.Join(w.dir, name+".json"), append(r.Bundle(), '\n'), 0o600)
}

func (w bundleFiles) close() error { return nil }

func writeLine(w io.Writer, json []byte) error {
	if _, err := w.Write(json); err != nil {
		return err
	}
	_, err := w.Write([]byte{'\n'})
	return err
}
