package bulk

import (
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"time"

	"github.com/inglehealth/ingle/records/bulkjob"
	"github.com/inglehealth/ingle/spec/fault"
)

// linkLife is how long an address is good that needs no token.
const linkLife = 15 * time.Minute

// file answers with a file of an export, whole or in ranges. Whoever fetches it is who
// asked for the export, and may see resources of the types in it.
func (c *call) file(id, name string) error {
	x, err := c.mine(id)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(x.Output, func(f bulkjob.File) bool { return f.Name == name })
	if i < 0 || x.Phase == bulkjob.Failed || x.Phase != bulkjob.Done && !x.Partial {
		return errNoFile()
	}
	for _, t := range x.Output[i].Scopes {
		if err := c.Session.Exports(t); err != nil {
			return err
		}
	}
	ctx := c.r.Context()
	path, err := bulkjob.FileOf(x.ID, name)
	if err != nil {
		return errNoFile()
	}
	files := c.exports.Files()
	link, err := files.Link(ctx, path, linkLife)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Cache-Control", "no-store")
	if link != "" {
		h.Set("Location", link)
		c.w.WriteHeader(http.StatusFound)
		return nil
	}
	content, err := files.Open(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return errNoFile()
	}
	if err != nil {
		return err
	}
	defer content.Close()
	h.Set("Content-Type", "application/fhir+ndjson")
	h.Set("ETag", `"`+x.ID+"/"+name+`"`)
	if !x.Expires.IsZero() {
		h.Set("Expires", x.Expires.UTC().Format(http.TimeFormat))
	}
	http.ServeContent(c.w, c.r, "", time.Time{}, content)
	return nil
}

func errNoFile() error {
	return fault.New(fault.NotFound, fault.CodeNotFound, "", "the export has no such file")
}
