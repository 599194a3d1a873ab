package search

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

// extractionVersions are the versions of the rules by which entries are made of each
// kind of parameter. Whoever changes what Extract gives for the same
// definitions raises it, so that what is stored is indexed anew.
var extractionVersions = map[definitions.SearchType]int{
	definitions.SearchToken: 1, definitions.SearchString: 2, definitions.SearchReference: 1, definitions.SearchURI: 1,
	definitions.SearchDate: 1, definitions.SearchNumber: 1, definitions.SearchQuantity: 1, definitions.SearchComposite: 1,
	definitions.SearchSpecial: 1,
}

// leftVersion is the version of what deletes leave of the entries, which those before them
// have to be given.
const leftVersion = 1

// insideVersion is the version of the rules by which contained resources are
// followed.
const insideVersion = 2

// ContainedPrint differs when the entries of contained resources may, which stand
// with the resources that contain them (Param.Inside).
func (c *Catalog) ContainedPrint() string {
	h := fnv.New64a()
	fmt.Fprintln(h, insideVersion)
	for _, t := range c.defs.ResourceTypes() {
		fmt.Fprintln(h, t, c.Print(t))
	}
	return printed(h.Sum64())
}

// Print is a short text that differs when the entries of resources of a type
// may differ: by other definitions, or by other rules of Extract.
func (c *Catalog) Print(resourceType string) string {
	h := fnv.New64a()
	fmt.Fprintln(h, c.defs.Release, c.defs.Version, c.Content, leftVersion)
	var text []byte
	for _, def := range c.definitionsOf(resourceType) {
		text = c.describe(text[:0], def)
		h.Write(text)
	}
	return printed(h.Sum64())
}

// Prints are the parameters of a type that have entries of their own, by code,
// each with a text that differs when its entries may.
func (c *Catalog) Prints(resourceType string) map[string]string {
	t := c.lookup(resourceType)
	if t == nil {
		return nil
	}
	prints := make(map[string]string, len(t.list))
	for _, p := range t.list {
		if p.problem != "" || !p.indexed() || p.unites() {
			continue
		}
		h := fnv.New64a()
		fmt.Fprintln(h, c.defs.Release, c.defs.Version, p.Of)
		h.Write(c.describe(nil, p.def))
		prints[p.Code] = printed(h.Sum64())
	}
	return prints
}

// describe appends what decides a parameter's entries.
func (c *Catalog) describe(b []byte, def *definitions.SearchParameter) []byte {
	b = append(quote(b, def.Code), ' ')
	b = append(quote(b, string(def.Type)), ' ')
	b = append(strconv.AppendInt(b, int64(extractionVersions[def.Type]), 10), ' ')
	b = append(quote(b, def.Expression), '\n')
	for _, part := range def.Components {
		b = append(quote(append(b, "  "...), part.Definition), ' ')
		b = quote(b, part.Expression)
		if one := c.defs.SearchParameterByURL(part.Definition); one != nil {
			b = quote(append(b, ' '), string(one.Type))
			b = strconv.AppendInt(append(b, ' '), int64(extractionVersions[one.Type]), 10)
		}
	}
	return b
}

// quote is strconv.AppendQuote, in a quarter of its time for the plain texts that nearly all are.
func quote(b []byte, s string) []byte {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		return strconv.AppendQuote(b, s)
	}
	return append(append(append(b, '"'), s...), '"')
}

func printed(sum uint64) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, sum))
}
