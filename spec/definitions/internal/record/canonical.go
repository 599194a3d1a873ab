package record

import "github.com/go-json-experiment/json/jsontext"

// Canonical is what value sets, code systems and concept maps say of
// themselves.
type Canonical struct {
	URL, Version, Name, Title string
	Status                    string
	Experimental              string // as written, "" when it is absent
	Language                  string
	Date, Publisher           string
	Description               string
	Extensions                []Extension
}

// Extension is an extension: its url, the name and text of a primitive value
// ("valueCode", "deprecated"), and all of it as compact JSON.
type Extension struct{ URL, Type, Value, JSON string }

// Coding is a Coding.
type Coding struct{ System, Version, Code, Display string }

// Designation is another name of a concept.
type Designation struct {
	Language   string
	Use        Coding
	Value      string
	Extensions []Extension
}

type canonicalJSON struct {
	URL          string         `json:"url"`
	Version      string         `json:"version"`
	Name         string         `json:"name"`
	Title        string         `json:"title"`
	Status       string         `json:"status"`
	Experimental jsontext.Value `json:"experimental"`
	Language     string         `json:"language"`
	Date         string         `json:"date"`
	Publisher    string         `json:"publisher"`
	Description  string         `json:"description"`
	Extension    extensionsJSON `json:"extension"`
}

func (in *canonicalJSON) record() Canonical {
	return Canonical{
		URL: in.URL, Version: in.Version, Name: in.Name, Title: in.Title, Status: in.Status, Experimental: text(in.Experimental),
		Language: in.Language, Date: in.Date, Publisher: in.Publisher, Description: in.Description, Extensions: in.Extension,
	}
}

// extensionsJSON reads a list of extensions.
type extensionsJSON []Extension

// UnmarshalJSON keeps each extension's text.
func (e *extensionsJSON) UnmarshalJSON(data []byte) error {
	var list []jsontext.Value
	if err := unmarshal(data, &list); err != nil {
		return err
	}
	for _, v := range list {
		var members map[string]jsontext.Value
		if err := unmarshal(v, &members); err != nil {
			return err
		}
		x := Extension{URL: text(members["url"])}
		for name, value := range members {
			if isValue(name) {
				x.Type, x.Value = name, text(value)
			}
		}
		if err := v.Compact(); err != nil {
			return err
		}
		x.JSON = string(v)
		*e = append(*e, x)
	}
	return nil
}

func isValue(name string) bool { return len(name) > len("value") && name[:len("value")] == "value" }

// text gives a primitive's value, and of a Coding its code.
func text(v jsontext.Value) string {
	switch v.Kind() {
	case 0:
		return ""
	case '"':
		var s string
		if unmarshal(v, &s) != nil {
			return ""
		}
		return s
	case '{':
		return coding(v).Code
	case '[':
		return ""
	}
	return string(v)
}

type codingJSON struct {
	System  string `json:"system"`
	Version string `json:"version"`
	Code    string `json:"code"`
	Display string `json:"display"`
}

// coding reads a Coding; what is none is an empty one.
func coding(v jsontext.Value) Coding {
	var in codingJSON
	if unmarshal(v, &in) != nil {
		return Coding{}
	}
	return Coding(in)
}

type designationJSON struct {
	Language  string         `json:"language"`
	Use       codingJSON     `json:"use"`
	Value     string         `json:"value"`
	Extension extensionsJSON `json:"extension"`
}

func designations(in []designationJSON) []Designation {
	var out []Designation
	for _, d := range in {
		out = append(out, Designation{Language: d.Language, Use: Coding(d.Use), Value: d.Value, Extensions: d.Extension})
	}
	return out
}

func (c *coder) canonical(v *Canonical) {
	c.string(&v.URL)
	c.string(&v.Version)
	c.string(&v.Name)
	c.string(&v.Title)
	c.string(&v.Status)
	c.string(&v.Experimental)
	c.string(&v.Language)
	c.string(&v.Date)
	c.string(&v.Publisher)
	c.string(&v.Description)
	slice(c, &v.Extensions, (*coder).extension)
}

func (c *coder) extension(e *Extension) {
	c.string(&e.URL)
	c.string(&e.Type)
	c.string(&e.Value)
	c.string(&e.JSON)
}

func (c *coder) coding(v *Coding) {
	c.string(&v.System)
	c.string(&v.Version)
	c.string(&v.Code)
	c.string(&v.Display)
}

func (c *coder) designation(d *Designation) {
	c.string(&d.Language)
	c.coding(&d.Use)
	c.string(&d.Value)
	slice(c, &d.Extensions, (*coder).extension)
}

// Part is the value of an extension in e with a URL, "" when there is none.
func (e *Extension) Part(url string) string {
	var in struct {
		Extension extensionsJSON `json:"extension"`
	}
	if unmarshal([]byte(e.JSON), &in) != nil {
		return ""
	}
	for _, part := range in.Extension {
		if part.URL == url {
			return part.Value
		}
	}
	return ""
}
