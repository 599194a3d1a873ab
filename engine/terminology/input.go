package terminology

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Input is one parameter of a request for an operation. Of a parameter of a
// Parameters resource Node is that parameter; otherwise Text is the value, as
// in a URL.
type Input struct {
	Name string
	Text string
	Node fhir.Node
}

// URLInput is a parameter with its value in a URL. The error says that no
// element can have the value, so that no answer could repeat it.
func URLInput(name, text string) (Input, error) {
	typ := "string"
	switch name {
	case "url", "system", "exclude-system", "source", "sourceSystem", "sourceScope", "target", "targetsystem", "targetSystem", "targetScope":
		typ = "uri"
	case "code", "codeA", "codeB", "sourceCode", "targetCode", "displayLanguage":
		typ = "code"
	}
	if text != "" {
		if wrong := fhir.CheckText(typ, text); wrong != "" {
			return Input{}, fault.New(fault.Invalid, fault.CodeValue, "", "The value %q of the parameter %q %s.", fault.Shorten(text), fault.Shorten(name), wrong)
		}
	}
	return Input{Name: name, Text: text}, nil
}

// text is a simple value.
func (i *Input) text() string {
	if i.Node.IsZero() {
		return i.Text
	}
	return i.Node.Child("value").Text()
}

func (i *Input) path() string {
	if i.Node.IsZero() {
		return ""
	}
	return i.Node.Path()
}

// Inputs are the parameters of one request.
type Inputs []Input

// InputsOf are the inputs in a Parameters resource.
func InputsOf(parameters fhir.Node) Inputs {
	var out Inputs
	for n := range parameters.All("parameter") {
		out = append(out, Input{Name: n.Child("name").Text(), Node: n})
	}
	return out
}

func (in Inputs) find(names ...string) *Input {
	for i := range in {
		if slices.Contains(names, in[i].Name) {
			return &in[i]
		}
	}
	return nil
}

func (in Inputs) text(names ...string) string {
	if i := in.find(names...); i != nil {
		return i.text()
	}
	return ""
}

func (in Inputs) all(name string) []string {
	var out []string
	for i := range in {
		if in[i].Name == name {
			out = append(out, in[i].text())
		}
	}
	return out
}

// only refuses parameters beyond those that an operation knows, and those given
// again of which it takes one.
func (in Inputs) only(operation string, names ...string) error {
	given := make(map[string]bool, len(in))
	for i := range in {
		if slices.Contains(names, in[i].Name) || slices.Contains(common, in[i].Name) {
			if given[in[i].Name] {
				return fault.New(fault.Invalid, fault.CodeInvalid, in[i].path(), "%s takes the parameter %s once.", operation, in[i].Name)
			}
			given[in[i].Name] = !slices.Contains(several, in[i].Name)
			continue
		}
		hint := ""
		if s := fault.Nearest(in[i].Name, append(names, common...)); s != "" {
			hint = " Did you mean " + s + "?"
		}
		return fault.New(fault.Invalid, fault.CodeNotSupported, in[i].path(), "%s does not know the parameter %q here.%s It has %s.",
			operation, fault.Shorten(in[i].Name), hint, strings.Join(names, ", "))
	}
	return nil
}

// common are the parameters that every operation takes. uuid and cache-id are
// sent by tools and change nothing.
var common = []string{
	"displayLanguage", "useSupplement", "tx-resource", "system-version", "check-system-version", "force-system-version",
	"default-valueset-version", "uuid", "cache-id",
}

// several are the parameters that may be given several times.
var several = []string{
	"useSupplement", "tx-resource", "system-version", "check-system-version", "force-system-version", "default-valueset-version",
	"designation", "property", "exclude-system", "dependency",
}

func (in Inputs) flag(name string) (value, given bool, err error) {
	i := in.find(name)
	if i == nil {
		return false, false, nil
	}
	switch i.text() {
	case "true":
		return true, true, nil
	case "false":
		return false, true, nil
	}
	return false, false, fault.New(fault.Invalid, fault.CodeValue, i.path(), "%s is true or false, not %q.", name, fault.Shorten(i.text()))
}

// number is a whole number that is not negative, -1 when it is not given.
func (in Inputs) number(name string) (int, error) {
	i := in.find(name)
	if i == nil {
		return -1, nil
	}
	n, err := strconv.Atoi(i.text())
	if err != nil || n < 0 {
		return 0, fault.New(fault.Invalid, fault.CodeValue, i.path(), "%s is a whole number from 0, not %q.", name, fault.Shorten(i.text()))
	}
	return n, nil
}

// options reads what the operations have in common. acceptLanguage is that of
// the request, which displayLanguage goes before.
func (in Inputs) options(acceptLanguage string) (Options, error) {
	o := Options{
		SystemVersions: in.all("system-version"), CheckVersions: in.all("check-system-version"), ForceVersions: in.all("force-system-version"),
		ValueSetVersions: in.all("default-valueset-version"), Supplements: in.all("useSupplement"),
	}
	for name, list := range map[string][]string{
		"system-version": o.SystemVersions, "check-system-version": o.CheckVersions, "force-system-version": o.ForceVersions, "default-valueset-version": o.ValueSetVersions,
	} {
		for _, v := range list {
			if _, version, ok := cutVersion(v); !ok || version == "" {
				return o, fault.New(fault.Invalid, fault.CodeValue, "", "%s is a canonical with a version, as in http://example.org/fhir/CodeSystem/x|1.0, not %q.", name, fault.Shorten(v))
			}
		}
	}
	var err error
	if o.ActiveOnly, _, err = in.flag("activeOnly"); err != nil {
		return o, err
	}
	language := in.text("displayLanguage")
	if language == "" {
		// Of the header, what is no language is passed over.
		if o.Languages, err = ParseLanguages(acceptLanguage); err != nil || len(o.Languages.tags) == 0 {
			o.Languages, err = Languages{}, nil
		}
	} else {
		o.Languages, err = ParseLanguages(language)
	}
	if err != nil {
		return o, err
	}
	for i := range in {
		if in[i].Name != "tx-resource" {
			continue
		}
		r := in[i].Node.Child("resource")
		if r.IsZero() {
			return o, fault.New(fault.Invalid, fault.CodeValue, in[i].path(), "tx-resource must hold a resource.")
		}
		if err := o.Resources.Add(r.AppendJSON(nil)); err != nil {
			return o, fault.New(fault.Invalid, fault.CodeStructure, r.Path(), "%s cannot be read: %v", r.Name(), err)
		}
	}
	return o, nil
}

// resource reads a parameter that holds a resource of a type; it is zero when
// that is not given.
func (in Inputs) resource(name, typ string) (Resource, error) {
	i := in.find(name)
	if i == nil {
		return Resource{}, nil
	}
	r := i.Node.Child("resource")
	if r.Type() == nil || r.Type().Name != typ {
		return Resource{}, fault.New(fault.Invalid, fault.CodeValue, i.path(), "The parameter %s must hold a %s.", name, typ)
	}
	one, err := ParseResource(r.AppendJSON(nil))
	if err != nil {
		return Resource{}, fault.New(fault.Invalid, fault.CodeStructure, r.Path(), "The %s cannot be read: %v", typ, err)
	}
	return one, nil
}

func (in Inputs) valueSet() (*ValueSet, error) {
	r, err := in.resource("valueSet", "ValueSet")
	return r.ValueSet, err
}

func (in Inputs) codeSystem() (*CodeSystem, error) {
	r, err := in.resource("codeSystem", "CodeSystem")
	return r.CodeSystem, err
}

// refused says that a parameter of the specification is not performed.
func (in Inputs) refused(operation string, names ...string) error {
	if i := in.find(names...); i != nil {
		return fault.New(fault.NotSupported, fault.CodeNotSupported, i.path(), "%s", fmt.Sprintf("%s does not perform the parameter %s: leave it out.", operation, i.Name))
	}
	return nil
}
