package terminology

// ExpandInputs reads the parameters of ValueSet/$expand, by the names of R4
// and R5.
func ExpandInputs(in Inputs, acceptLanguage string) (ExpandRequest, error) {
	const operation = "$expand"
	var r ExpandRequest
	if err := in.refused(operation, "date", "context", "contextDirection", "manifest"); err != nil {
		return r, err
	}
	if err := in.only(operation, "url", "valueSet", "valueSetVersion", "filter", "offset", "count", "includeDesignations", "designation",
		"includeDefinition", "activeOnly", "excludeNested", "excludeNotForUI", "excludePostCoordinated", "exclude-system", "property"); err != nil {
		return r, err
	}
	var err error
	if r.Options, err = in.options(acceptLanguage); err != nil {
		return r, err
	}
	if r.ValueSet, err = in.valueSet(); err != nil {
		return r, err
	}
	r.URL, r.Version, r.Filter = in.text("url"), in.text("valueSetVersion"), in.text("filter")
	r.Designations, r.Properties, r.ExcludedSystems = in.all("designation"), in.all("property"), in.all("exclude-system")
	for name, flag := range map[string]*bool{
		"includeDesignations": &r.IncludeDesignations, "includeDefinition": &r.IncludeDefinition, "excludeNested": &r.ExcludeNested, "excludeNotForUI": &r.ExcludeNotForUI,
	} {
		if *flag, _, err = in.flag(name); err != nil {
			return r, err
		}
	}
	if r.Count, err = in.number("count"); err != nil {
		return r, err
	}
	if r.Offset, err = in.number("offset"); err != nil {
		return r, err
	}
	for i := range in {
		if typ := repeated[in[i].Name]; typ != "" {
			r.Given = append(r.Given, Parameter{Name: in[i].Name, Type: typ, Text: in[i].text()})
		}
	}
	return r, nil
}

// repeated are the parameters that an expansion repeats.
var repeated = map[string]string{
	"activeOnly": "valueBoolean", "count": "valueInteger", "offset": "valueInteger", "filter": "valueString", "displayLanguage": "valueCode",
	"excludeNested": "valueBoolean", "excludeNotForUI": "valueBoolean", "excludePostCoordinated": "valueBoolean", "exclude-system": "valueUri",
	"includeDesignations": "valueBoolean", "includeDefinition": "valueBoolean", "designation": "valueString",
}

// ValidateInputs reads the parameters of ValueSet/$validate-code, or with
// ofSystem those of CodeSystem/$validate-code.
func ValidateInputs(in Inputs, acceptLanguage string, ofSystem bool) (ValidateRequest, error) {
	const operation = "$validate-code"
	r := ValidateRequest{OfSystem: ofSystem}
	if err := in.refused(operation, "date", "context"); err != nil {
		return r, err
	}
	names := []string{"url", "code", "display", "coding", "codeableConcept", "abstract", "activeOnly", "lenient-display-validation"}
	version := "version"
	if ofSystem {
		names = append(names, "codeSystem", "version", "system", "systemVersion")
	} else {
		names = append(names, "valueSet", "valueSetVersion", "system", "systemVersion", "inferSystem", "valueset-membership-only")
		version = "systemVersion"
	}
	if err := in.only(operation, names...); err != nil {
		return r, err
	}
	var err error
	if r.Options, err = in.options(acceptLanguage); err != nil {
		return r, err
	}
	if r.Codings, r.Form, r.Concept, err = in.codings("code", "coding", "codeableConcept", "system", version); err != nil {
		return r, err
	}
	if r.ValueSet, err = in.valueSet(); err != nil {
		return r, err
	}
	if r.CodeSystem, err = in.codeSystem(); err != nil {
		return r, err
	}
	r.URL, r.Version = in.text("url"), in.text("valueSetVersion")
	for name, flag := range map[string]*bool{
		"inferSystem": &r.InferSystem, "lenient-display-validation": &r.LenientDisplay, "valueset-membership-only": &r.MembershipOnly,
	} {
		if *flag, _, err = in.flag(name); err != nil {
			return r, err
		}
	}
	abstract, given, err := in.flag("abstract")
	r.ConcreteOnly = given && !abstract
	return r, err
}

// LookupInputs reads the parameters of CodeSystem/$lookup.
func LookupInputs(in Inputs, acceptLanguage string) (LookupRequest, error) {
	const operation = "$lookup"
	var r LookupRequest
	if err := in.refused(operation, "date"); err != nil {
		return r, err
	}
	if err := in.only(operation, "code", "system", "version", "coding", "property", "codeSystem"); err != nil {
		return r, err
	}
	var err error
	if r.Options, err = in.options(acceptLanguage); err != nil {
		return r, err
	}
	if r.CodeSystem, err = in.codeSystem(); err != nil {
		return r, err
	}
	codings, _, _, err := in.codings("code", "coding", "", "system", "version")
	if err != nil {
		return r, err
	}
	r.Coding, r.Properties = codings[0], in.all("property")
	return r, nil
}

// SubsumesInputs reads the parameters of CodeSystem/$subsumes.
func SubsumesInputs(in Inputs) (SubsumesRequest, error) {
	var r SubsumesRequest
	if err := in.only("$subsumes", "codeA", "codeB", "system", "version", "codingA", "codingB", "codeSystem"); err != nil {
		return r, err
	}
	var err error
	if r.Options, err = in.options(""); err != nil {
		return r, err
	}
	if r.CodeSystem, err = in.codeSystem(); err != nil {
		return r, err
	}
	r.System, r.Version = in.text("system"), in.text("version")
	r.A.Code, r.B.Code = in.text("codeA"), in.text("codeB")
	if i := in.find("codingA"); i != nil {
		r.A = i.coding()
	}
	if i := in.find("codingB"); i != nil {
		r.B = i.coding()
	}
	return r, nil
}
