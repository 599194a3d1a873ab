package bulk

import (
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkjob"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// linkLife is how long an address is good that needs no token.
const linkLife = 15 * time.Minute

// file answers with a file of an export, whole or in ranges. Whoever fetches it is who
// asked for the export, and may see as many resources of the types in it as then.
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
		if !covers(c.Session.Principal().Standing.Scopes, x.For.Scopes, t) {
			return fault.Wrap(records.ErrScope, fault.Forbidden, fault.CodeForbidden, "", "the export was asked for with scopes that show more of %s than those of this token: ask for a token with the same", t)
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

// covers says whether scopes show all resources of a type that those which an export was
// asked for with do.
func covers(scopes, asked smart.Scopes, t fhir.Type) bool {
	const seeing = smart.Read | smart.Search
	has := scopes.Resources()
	for _, s := range asked.Resources() {
		if s.Type != smart.Any && s.Type != string(t) || s.Interactions&seeing == 0 {
			continue
		}
		s.Type, s.Interactions = string(t), 0
		if !slices.ContainsFunc(has, func(one smart.Scope) bool { return one.Interactions&seeing != 0 && one.Covers(s) }) {
			return false
		}
	}
	return true
}

func errNoFile() error {
	return fault.New(fault.NotFound, fault.CodeNotFound, "", "the export has no such file")
}
