package fhirapi

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// format is how an answer is written (R4 §3.1.0.1.9).
type format struct {
	xml     bool
	pretty  bool
	browser bool // Accept asked for HTML: JSON that a browser shows
	release definitions.Release
	raw     string // media type of a Binary that is wanted as it is
	asked   string // _format
}

// contentType is the Content-Type of an answer.
func (f format) contentType() string {
	switch {
	case f.browser:
		return "application/json; charset=utf-8"
	case f.xml && f.release != "":
		return "application/fhir+xml; fhirVersion=" + mimeVersion(f.release) + "; charset=utf-8"
	case f.xml:
		return "application/fhir+xml; charset=utf-8"
	case f.release != "":
		return "application/fhir+json; fhirVersion=" + mimeVersion(f.release) + "; charset=utf-8"
	}
	return "application/fhir+json; charset=utf-8"
}

// mimeVersions are the values of the fhirVersion parameter (R4 §3.1.0.1.12).
var mimeVersions = map[string]definitions.Release{"4.0": definitions.R4, "4.3": definitions.R4B, "5.0": definitions.R5}

func mimeVersion(r definitions.Release) string {
	for v, release := range mimeVersions {
		if release == r {
			return v
		}
	}
	return string(r)
}

func parseMimeVersion(v string) (definitions.Release, error) {
	v = strings.Trim(v, `"`)
	if r, ok := mimeVersions[v]; ok {
		return r, nil
	}
	return "", fault.New(fault.NotAcceptable, fault.CodeNotSupported, "",
		"fhirVersion=%s is not known here; known are 4.0 (R4), 4.3 (R4B) and 5.0 (R5).", fault.Shorten(v))
}

// negotiate picks the format from _format and _pretty, which it takes out of
// pairs, and from Accept. loaded says which releases can be answered with.
func negotiate(h http.Header, pairs []search.Pair, loaded func(definitions.Release) bool) (format, []search.Pair, error) {
	var f format
	asked, asks, err := given(pairs, "_format")
	if err != nil {
		return f, pairs, err
	}
	pretty, says, err := given(pairs, "_pretty")
	if err != nil {
		return f, pairs, err
	}
	if asks || says {
		kept := make([]search.Pair, 0, len(pairs))
		for _, p := range pairs {
			if p.Name != "_format" && p.Name != "_pretty" {
				kept = append(kept, p)
			}
		}
		pairs = kept
	}
	if asks && asked == "" {
		return f, pairs, fault.New(fault.Invalid, fault.CodeValue, "", "_format has no value. It is json or xml (application/fhir+json, application/fhir+xml).")
	}
	if err := f.negotiate(h.Values("Accept"), asked, loaded); err != nil {
		return f, pairs, err
	}
	switch {
	case !says:
		f.pretty = f.pretty || f.browser
	case pretty == "true":
		f.pretty = true
	case pretty == "false":
		f.pretty = false
	default:
		return f, pairs, fault.New(fault.Invalid, fault.CodeValue, "", "_pretty is true or false, not %q.", fault.Shorten(pretty))
	}
	return f, pairs, nil
}

// given is the value of a parameter that may be there once.
func given(pairs []search.Pair, name string) (value string, there bool, err error) {
	for _, p := range pairs {
		if p.Name != name {
			continue
		}
		if there {
			return "", true, fault.New(fault.Invalid, fault.CodeInvalid, "", "%s is given twice.", name)
		}
		value, there = p.Value, true
	}
	return value, there, nil
}

func (f *format) negotiate(accepts []string, asked string, loaded func(definitions.Release) bool) error {
	if asked != "" {
		// A '+' that was not escaped arrives as a space.
		f.asked = strings.ReplaceAll(asked, " ", "+")
		ok, err := f.take(f.asked, loaded)
		if err == nil && !ok {
			f.raw = f.asked
			if tableFormat(f.asked) == "" {
				err = f.acceptable()
			}
		}
		return err
	}
	if len(accepts) == 0 || len(accepts) == 1 && (accepts[0] == "application/fhir+json" || accepts[0] == "*/*" || accepts[0] == "") {
		return nil
	}
	best, weight := format{}, 0.0
	var wild bool           // the best one is a wildcard
	var noJSON, noXML bool  // they have the weight 0
	var raw, refused string // a media type that is none of FHIR's, and one of weight 0
	var unknown error       // a release that cannot be answered with
	for _, header := range accepts {
		for item := range strings.SplitSeq(header, ",") {
			q, err := quality(item)
			if err != nil {
				return err
			}
			candidate := format{}
			ok, err := candidate.take(item, loaded)
			if err != nil && q > 0 {
				unknown = err
				continue
			}
			if ok && q > weight {
				best, weight, wild = candidate, q, strings.Contains(item, "*")
			}
			if ok && q == 0 {
				refused = item
				noXML, noJSON = noXML || candidate.xml, noJSON || !candidate.xml && !candidate.browser
			}
			if !ok && q > 0 && raw == "" {
				raw, _, _ = strings.Cut(item, ";")
				raw = strings.ToLower(strings.TrimSpace(raw))
			}
		}
	}
	if weight == 0 && unknown != nil {
		return unknown
	}
	if wild && noJSON {
		best.xml, best.browser = true, false
	}
	if weight == 0 || wild && noJSON && noXML {
		// A Binary may still be served as what it is; anything else is refused
		// when it comes to rendering.
		f.raw = cmp.Or(raw, refused)
		return nil
	}
	*f = best
	return nil
}

// take sets the format that a media type or short name means; ok is false
// when it means none. The error is about the FHIR release it names.
func (f *format) take(item string, loaded func(definitions.Release) bool) (ok bool, err error) {
	name, params, _ := strings.Cut(item, ";")
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "json", "application/json", "application/fhir+json", "application/json+fhir", "text/json", "*/*", "application/*":
	case "xml", "application/xml", "application/fhir+xml", "application/xml+fhir", "text/xml":
		f.xml = true
	case "text/html", "html", "text/*", "application/xhtml+xml":
		f.browser = true
	default:
		return false, nil
	}
	for param := range strings.SplitSeq(params, ";") {
		if key, v, _ := strings.Cut(strings.TrimSpace(param), "="); strings.EqualFold(key, "fhirVersion") {
			if f.release, err = parseMimeVersion(v); err != nil {
				return false, err
			}
			if !loaded(f.release) {
				return false, fault.New(fault.NotAcceptable, fault.CodeNotSupported, "", "FHIR %s is not loaded in this server.", f.release)
			}
		}
	}
	return true, nil
}

func quality(item string) (float64, error) {
	for param := range strings.SplitSeq(item, ";") {
		if key, v, _ := strings.Cut(strings.TrimSpace(param), "="); strings.EqualFold(key, "q") {
			q, err := strconv.ParseFloat(v, 64)
			if err != nil || q < 0 || q > 1 {
				return 0, fault.New(fault.Invalid, fault.CodeValue, "", "Accept holds a weight that is not between 0 and 1: %q.", fault.Shorten(item))
			}
			return q, nil
		}
	}
	return 1, nil
}

// acceptable refuses a request whose _format or Accept allows neither JSON nor XML.
func (f format) acceptable() error {
	if f.raw == "" {
		return nil
	}
	if f.asked != "" {
		return fault.New(fault.NotAcceptable, fault.CodeNotSupported, "",
			"_format=%s is not supported here. Use json or xml (application/fhir+json, application/fhir+xml).", fault.Shorten(f.asked))
	}
	return fault.New(fault.NotAcceptable, fault.CodeNotSupported, "",
		"Nothing in Accept can be served here. Ask for application/fhir+json or application/fhir+xml.")
}
