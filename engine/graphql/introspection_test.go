package graphql_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/spec/definitions"
)

// introspectionQuery is what GraphiQL asks a server first.
const introspectionQuery = `query IntrospectionQuery {
  __schema { description queryType { name } mutationType { name } subscriptionType { name } types { ...FullType }
    directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } } } }
fragment FullType on __Type { kind name description specifiedByURL
  fields(includeDeprecated: true) { name description args(includeDeprecated: true) { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
  inputFields(includeDeprecated: true) { ...InputValue } interfaces { ...TypeRef }
  enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { ...TypeRef } }
fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue isDeprecated deprecationReason }
fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
  ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } } }`

type (
	schemaJSON struct {
		QueryType  struct{ Name string }
		Types      []typeJSON
		Directives []struct {
			Name string
			Args []fieldJSON
		}
	}
	typeJSON struct {
		Kind, Name    string
		Fields        []fieldJSON
		Interfaces    []typeJSON
		PossibleTypes []typeJSON
		EnumValues    []fieldJSON
		OfType        *typeJSON
	}
	fieldJSON struct {
		Name string
		Args []fieldJSON
		Type *typeJSON
	}
)

func (t *typeJSON) String() string {
	switch t.Kind {
	case "LIST":
		return "[" + t.OfType.String() + "]"
	case "NON_NULL":
		return t.OfType.String() + "!"
	}
	return t.Name
}

func (w *world) introspect(on string) schemaJSON {
	w.t.Helper()
	got, err := w.ask(on, introspectionQuery)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Logf("the schema is %d bytes", len(got))
	var out struct {
		Data struct {
			Schema schemaJSON `json:"__schema"`
		}
	}
	if err := json.Unmarshal([]byte(got), &out); err != nil {
		w.t.Fatal(err)
	}
	return out.Data.Schema
}

func TestIntrospectionDescribesTheWholeSchema(t *testing.T) {
	for release, d := range map[string]*definitions.Definitions{
		"R4": definitions.MustBuiltIn(definitions.R4), "R4B": definitions.MustBuiltIn(definitions.R4B), "R5": testpackage.R5(t),
	} {
		t.Run(release, func(t *testing.T) { checkSchema(t, newWorld(t, d).introspect("")) })
	}
}

// checkSchema checks what a client needs to build the schema: every type that
// is named is there, once, and objects have what their interfaces promise.
func checkSchema(t *testing.T, s schemaJSON) {
	if s.QueryType.Name != "Query" {
		t.Errorf("the root is %s", s.QueryType.Name)
	}
	types := map[string]typeJSON{}
	for _, typ := range s.Types {
		if _, twice := types[typ.Name]; twice {
			t.Errorf("%s is there twice", typ.Name)
		}
		types[typ.Name] = typ
	}
	name := func(ref *typeJSON) string {
		for ref.OfType != nil {
			ref = ref.OfType
		}
		return ref.Name
	}
	for _, typ := range s.Types {
		fields := map[string]fieldJSON{}
		for _, f := range typ.Fields {
			if _, twice := fields[f.Name]; twice {
				t.Errorf("%s.%s is there twice", typ.Name, f.Name)
			}
			fields[f.Name] = f
			if _, ok := types[name(f.Type)]; !ok {
				t.Errorf("%s.%s has the type %s, which is not described", typ.Name, f.Name, f.Type)
			}
			seen := map[string]bool{}
			for _, a := range f.Args {
				if seen[a.Name] {
					t.Errorf("%s.%s has the argument %s twice", typ.Name, f.Name, a.Name)
				}
				seen[a.Name] = true
				if in := types[name(a.Type)]; in.Kind != "SCALAR" {
					t.Errorf("%s.%s(%s) is of %s", typ.Name, f.Name, a.Name, a.Type)
				}
			}
		}
		if (typ.Kind == "OBJECT" || typ.Kind == "INTERFACE") && len(fields) == 0 {
			t.Errorf("%s has no fields", typ.Name)
		}
		for _, above := range typ.Interfaces {
			for _, f := range types[above.Name].Fields {
				if fields[f.Name].Type == nil || fields[f.Name].Type.String() != f.Type.String() {
					t.Errorf("%s promises %s.%s", above.Name, typ.Name, f.Name)
				}
			}
		}
		for _, p := range typ.PossibleTypes {
			if types[p.Name].Kind != "OBJECT" {
				t.Errorf("%s may be %s, which is no object", typ.Name, p.Name)
			}
		}
	}
	var directives []string
	for _, d := range s.Directives {
		directives = append(directives, d.Name)
	}
	if got := strings.Join(directives, " "); got != "include skip first singleton flatten slice" {
		t.Errorf("the directives are %s", got)
	}
}

func TestTheRootOfAnInstanceIsItsType(t *testing.T) {
	w := r4(t, peter)
	w.gives("Patient/peter", `{ __schema { queryType { name } } }`, `{"__schema":{"queryType":{"name":"Patient"}}}`)
}

func TestATypeIsDescribed(t *testing.T) {
	w := r4(t)
	for query, want := range map[string]string{
		`{ __type(name: "Nothing") { name } }`: `{"__type":null}`,
		`{ __type(name: "Period") { __typename kind name fields { name type { kind name ofType { name } } } } }`: `{"__type":{"__typename":"__Type","kind":"OBJECT","name":"Period","fields":[` +
			`{"name":"id","type":{"kind":"SCALAR","name":"String","ofType":null}},{"name":"_id","type":{"kind":"OBJECT","name":"Element","ofType":null}},` +
			`{"name":"extension","type":{"kind":"LIST","name":null,"ofType":{"name":"Extension"}}},` +
			`{"name":"start","type":{"kind":"SCALAR","name":"dateTime","ofType":null}},{"name":"_start","type":{"kind":"OBJECT","name":"Element","ofType":null}},` +
			`{"name":"end","type":{"kind":"SCALAR","name":"dateTime","ofType":null}},{"name":"_end","type":{"kind":"OBJECT","name":"Element","ofType":null}}]}}`,
		`{ __type(name: "__TypeKind") { kind enumValues { name } } }`: `{"__type":{"kind":"ENUM","enumValues":[{"name":"SCALAR"},{"name":"OBJECT"},{"name":"INTERFACE"},{"name":"UNION"},{"name":"ENUM"},{"name":"INPUT_OBJECT"},{"name":"LIST"},{"name":"NON_NULL"}]}}`,
		`{ __type(name: "dateTime") { kind specifiedByURL } }`:        `{"__type":{"kind":"SCALAR","specifiedByURL":"http://hl7.org/fhir/StructureDefinition/dateTime"}}`,
		`{ __type(name: "PatientContact") { kind } }`:                 `{"__type":{"kind":"OBJECT"}}`,
	} {
		w.gives("", query, want)
	}
	w.refused("", `{ __type { name } }`, "needs the argument name")
	w.refused("", `{ __type(name: "Patient") @flatten { name } }`, "no meaning")
	w.refused("", `{ PatientList { __schema { description } } }`, "Patient has no field __schema")
}
