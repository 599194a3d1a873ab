package fhirpath_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// texts are the items of a collection as strings.
func texts(c fhirpath.Collection) string {
	parts := make([]string, len(c))
	for i, v := range c {
		parts[i] = v.String()
	}
	return strings.Join(parts, ", ")
}

func expect(t *testing.T, cases map[string]string) {
	t.Helper()
	input := fhirpath.Collection{fhirpath.NodeValue(resource(t, patient))}
	for expression, want := range cases {
		if got := texts(eval(t, expression, nil, input)); got != want {
			t.Errorf("%s\n\tgives %q, want %q", expression, got, want)
		}
	}
}

func TestNumbersAreExact(t *testing.T) {
	expect(t, map[string]string{
		"0.1 + 0.2":                 "0.3",
		"1.10 + 1":                  "2.10",
		"2147483647 + 1":            "",
		"2147483647L + 1":           "2147483648",
		"9223372036854775807L + 1":  "",
		"-2147483648":               "-2147483648",
		"5 div 2 | 5.5 div 2":       "2",
		"1 / 3 * 3 ~ 1":             "true",
		"2.power(10) | 2.power(-1)": "1024, 0.5",
		"8.log(2) | 100.log(10)":    "3, 2",
		"16.sqrt()":                 "4",
		"1.5.round()":               "2",
		"(-7) mod 3":                "-1",
		"'1e3'.convertsToDecimal()": "false",
		"5L is Long":                "true",
		"5.toLong() is System.Long": "true",
		"10.power(300).toString().length() | 10.0.power(399).floor().toString().length()": "301, 400",
		"(10.0.power(150) + 1).toString().length()":                                       "151",
	})
}

func TestNumbersAreWrittenWithoutExponent(t *testing.T) {
	for number, want := range map[string]string{"0E5": "0", "1.50E3": "1500", "1E-3": "0.001", "-2e300": "-2" + strings.Repeat("0", 300)} {
		n := resource(t, `{"resourceType":"Observation","status":"final","code":{"text":"c"},"valueQuantity":{"value":`+number+`}}`)
		if got := texts(eval(t, "value.value.toString()", nil, fhirpath.Collection{fhirpath.NodeValue(n)})); got != want {
			t.Errorf("%s is %s, want %s", number, got, want)
		}
	}
}

func TestDatesKeepTheirPrecision(t *testing.T) {
	expect(t, map[string]string{
		"@2014 + 24 months":                                    "2016",
		"@2014-01-31 + 1 month":                                "2014-02-28",
		"@2016-02-29 + 1 year":                                 "2017-02-28",
		"@2014-01 + 45 days":                                   "2014-02",
		"@9999-12-31 + 1 day":                                  "",
		"@2014-01-01T10 + 90 minutes":                          "2014-01-01T11",
		"@2014-01-01T10:00:00Z - 1 second":                     "2014-01-01T09:59:59Z",
		"@T10:00 + 0.5 hours":                                  "10:00",
		"@2014-05 < @2014-06-01":                               "true",
		"@2014-05 = @2014-05-01":                               "",
		"@2014-05-01T10:00:00Z = @2014-05-01T12:00:00+02:00":   "true",
		"@2014-05-01T10:00:00 < @2014-05-03T10:00:00Z":         "true",
		"@2014-05-01T10:00:00 < @2014-05-01T12:00:00Z":         "",
		"@2014-05-01T10:00:00.100 = @2014-05-01T10:00:00.1":    "true",
		"now() | today() | timeOfDay()":                        "2026-05-04T03:02:01.000Z, 2026-05-04, 03:02:01.000",
		"@2012-01-01T12:30:00.000+08:45.timezoneOffsetOf()":    "8.75",
		"(@2012-03).lowBoundary() | (@2012-02).highBoundary()": "2012-03-01, 2012-02-29",
		"'2015-13'.convertsToDate()":                           "false",
		"birthDate.yearOf()":                                   "1974",
	})
}

func TestIntervalsCountPeriodsAndBoundaries(t *testing.T) {
	expect(t, map[string]string{
		"@2025-01-02.duration(@2025-01-07, 'week')":                          "0",
		"@2024-12-01.duration(@2025-09-01, 'year')":                          "0",
		"@2024-02-29.duration(@2025-02-28, 'year')":                          "1",
		"@2025-01-31.duration(@2025-02-28, 'month')":                         "1",
		"@2025-03-01.duration(@2025-01-15, 'month')":                         "-1",
		"@2025-01-02.difference(@2025-01-07, 'week')":                        "1",
		"@2025-01-01.difference(@2025-09-01, 'year')":                        "0",
		"@2024-12-01.difference(@2025-09-01, 'year')":                        "1",
		"@T10:30.duration(@T12:00, 'hour')":                                  "1",
		"@T10:30.difference(@T12:00, 'hour')":                                "2",
		"@2025.duration(@2026-01, 'month')":                                  "",
		"@2025-01-01T00:00:00+01:00.duration(@2025-01-01T00:00:00Z, 'hour')": "1",
		"birthDate.duration(today(), 'years')":                               "51",
		"name.given.pathname()":                                              "Patient.name[0].given[0], Patient.name[0].given[1], Patient.name[1].given[0]",
		"name.family.pathname(true)":                                         "Patient.name[0].family",
		"(1 | gender).pathname()":                                            "Patient.gender[0]",
	})
}

func TestCalendarAndUCUMDurationsAreToldApart(t *testing.T) {
	expect(t, map[string]string{
		"1 year = 1 'a'":                 "",
		"1 year ~ 1 'a'":                 "true",
		"1 year = 12 months":             "true",
		"1 week = 7 'd'":                 "true",
		"1 minute = 60 's'":              "true",
		"1 'wk' > 6 days":                "true",
		"1 'mg' < 1 'g'":                 "true",
		"1 'mg' = 1 'm'":                 "",
		"1 'mg' + 1 'g'":                 "1001 'mg'",
		"6 'km' / 2 'h' = 3 'km/h'":      "true",
		"2 * 3 'mg'":                     "6 'mg'",
		"37.0 'Cel' = 98.6 '[degF]'":     "true",
		"(1 'kg').toQuantity('g')":       "1000 'g'",
		"(5 'mg').value | (5 'mg').unit": "5, mg",
	})
}

func TestStringFunctionsCountCharacters(t *testing.T) {
	expect(t, map[string]string{
		"name.family.first().length()": "2",
		"'Åse'.substring(1)":           "se",
		"'aÅbÅ'.lastIndexOf('Å')":      "3",
		"'a-b-c'.split('-').join('+')": "a+b+c",
		"'a.b'.matches('a\\\\.b')":     "true",
		"'xaby'.matchesFull('ab')":     "false",
		"'11/30/1972'.replaceMatches('\\\\b(?<month>\\\\d{1,2})/(?<day>\\\\d{1,2})/(?<year>\\\\d{2,4})\\\\b', '${day}-${month}-${year}')": "30-11-1972",
		"'a\\nb'.matches('a.b')":              "true",
		"'\"x\"'.escape('json')":              "\\\"x\\\"",
		"'&lt;'.unescape('html')":             "<",
		"'c3ViamVjdHM/X2Q='.decode('base64')": "subjects?_d",
		"'abc'.toChars()":                     "a, b, c",
		"'A  b' ~ 'a\\t\\tB'":                 "true",
	})
}

func TestCollectionsAreFilteredSortedAndCombined(t *testing.T) {
	expect(t, map[string]string{
		"name.sort(use desc).use":                             "usual, official",
		"(3 | 1 | 2).sort($this desc)":                        "3, 2, 1",
		"name.sort(family).use":                               "usual, official",
		"coalesce(link, name.family)":                         "Ås",
		"(1 | 2 | 3 | 4).sum() | (1 | 2).avg()":               "10, 1.5",
		"(1 'g' | 500 'mg').max()":                            "1 'g'",
		"name.given.distinct().min()":                         "Anne",
		"{}.sum()":                                            "",
		"(1).repeatAll(iif($this < 4, $this + 1))":            "2, 3, 4",
		"1.combine(1).combine(2) = (1).combine(1).combine(2)": "true",
		"(1 | 2).union(2 | 3)":                                "1, 2, 3",
		"name.given.supersetOf('Kari' | 'Anne')":              "true",
		"name.select(given.first() & '!')":                    "Kari!, Kari!",
		"name.where($index = 1).use":                          "usual",
		"(name | name).count()":                               "2",
	})
}

func TestTypesOfFHIRAndSystemAreToldApart(t *testing.T) {
	expect(t, map[string]string{
		"active is boolean":                         "true",
		"active is System.Boolean":                  "false",
		"true is Boolean":                           "true",
		"Patient is DomainResource":                 "true",
		"contact is BackboneElement":                "true",
		"name.first().type().name":                  "HumanName",
		"1.type().namespace & '.' & 1.type().name":  "System.Integer",
		"gender is string":                          "true",
		"gender.ofType(string)":                     "",
		"children().ofType(HumanName).use":          "official, usual",
		"descendants().ofType(Reference).reference": "Organization/1",
		"extension.value.ofType(Address).city":      "Bergen",
		"Observation.code | Patient.gender":         "female",
	})
}

func TestInstancesAreMadeByFactoryAndSelector(t *testing.T) {
	expect(t, map[string]string{
		"Coding { system: 'http://loinc.org', code: '1' }.code":                                            "1",
		"%factory.Coding('s', 'c').system":                                                                 "s",
		"%factory.Extension('u', 5 'mg').value.code":                                                       "mg",
		"%factory.withExtension(name.first(), 'u', true).extension.value":                                  "true",
		"%factory.create(HumanName).exists()":                                                              "true",
		"%factory.CodeableConcept(%factory.Coding('s', 'c') | %factory.Coding('s', 'd'), 'x').coding.code": "c, d",
		"%factory.withProperty(name.first(), 'text', 'T').text":                                            "T",
	})
}

func TestReferencesAreResolvedInTheirTreeFirst(t *testing.T) {
	bundle := resource(t, `{"resourceType":"Bundle","type":"collection","entry":[
{"fullUrl":"http://x/fhir/Patient/1","resource":{"resourceType":"Patient","id":"1"}},
{"fullUrl":"urn:uuid:8f6f0c3c-4c02-4d3e-9a3c-aaaaaaaaaaaa","resource":{"resourceType":"Practitioner","id":"p"}},
{"fullUrl":"http://x/fhir/Observation/2","resource":{"resourceType":"Observation","id":"2","status":"final","code":{"text":"c"},
"contained":[{"resourceType":"Device","id":"d"}],
"subject":{"reference":"Patient/1"},"device":{"reference":"#d"},
"performer":[{"reference":"urn:uuid:8f6f0c3c-4c02-4d3e-9a3c-aaaaaaaaaaaa"},{"reference":"http://y/fhir/Organization/3/_history/4"},{"type":"CareTeam","identifier":{"value":"v"}}]}}]}`)
	input := fhirpath.Collection{fhirpath.NodeValue(bundle)}
	for expression, want := range map[string]string{
		"entry.resource.subject.resolve().id":                                 "1",
		"entry.resource.device.resolve().id":                                  "d",
		"entry.resource.device.where(resolve() is Device).reference":          "#d",
		"entry.resource.performer.where(resolve() is Practitioner).count()":   "1",
		"entry.resource.performer.where(resolve() is Organization).reference": "http://y/fhir/Organization/3/_history/4",
		"entry.resource.performer.where(resolve() is CareTeam).type":          "CareTeam",
		"entry.resource.performer.where(resolve() is DomainResource).count()": "3",
		"entry.resource.subject.getReferenceKey(Patient)":                     "Patient/1",
		"entry.resource.ofType(Patient).getResourceKey()":                     "Patient/1",
		"entry.resource.contained.select(%rootResource.type)":                 "collection",
	} {
		if got := texts(eval(t, expression, nil, input)); got != want {
			t.Errorf("%s\n\tgives %q, want %q", expression, got, want)
		}
	}
}

func TestErrorsSayWhereAndWhatWasExpected(t *testing.T) {
	for expression, want := range map[string]string{
		"name.where(":          "line 1, column 12: found the end of the expression where a value, element or function was expected",
		"name.where(use = 'x'": "line 1, column 21: found the end of the expression where ',' or ')' was expected (a parenthesis is not closed)",
		"a\n  == b":            "line 2, column 4: found '=' where a value, element or function was expected (equality is one =)",
		"name.exist()":         "line 1, column 6: there is no function exist(); did you mean exists()?",
		"name.where()":         "line 1, column 6: where() takes one argument, not 0",
		"'abc":                 "line 1, column 1: the text that begins here has no end (close it with ')",
		"@2015-02-30":          "line 1, column 1: '2015-02-30' is not a date or time that exists",
		"!active":              "line 1, column 1: the character '!' is not part of FHIRPath (negate with .not(); compare with != or !~)",
		"3000000000":           "line 1, column 1: 3000000000 does not fit into an Integer; write 3000000000L or 3000000000.0",
		"$that":                "line 1, column 1: '$that' is unknown: there are $this, $index and $total (user variables begin with %)",
		"value.is(1)":          "line 1, column 10: is() needs the name of a type, such as Patient or System.String",
		"'x'.matches('(')":     "line 1, column 13: error parsing regexp: missing closing ): `(?s)(`",
	} {
		_, err := fhirpath.Compile(expression)
		if err == nil || err.Error() != want {
			t.Errorf("%q\n\tgives %v\n\twant  %s", expression, err, want)
		}
	}
}

func TestTheCheckerExplainsUnknownElements(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	for expression, want := range map[string]string{
		"Observation.valueQuantity.unit":         "line 1, column 13: Observation has no element valueQuantity; in FHIRPath it is value.ofType(Quantity)",
		"code.codings":                           "line 1, column 6: CodeableConcept has no element codings; did you mean coding?",
		"Patient.name":                           "line 1, column 1: the expression is applied to Observation, not to Patient",
		"value.ofType(Quantitty)":                "line 1, column 7: there is no type Quantitty in R4",
		"(value as Period).unit":                 "line 1, column 19: Period has no element unit",
		"Patient.name | Observation.code":        "",
		"component.value.ofType(Quantity).value": "",
		"contained.name.given":                   "",
		"children().first()":                     "line 1, column 12: the items of this collection have no order, so first() has no meaning",
		"iif('x', 1, 2)":                         "line 1, column 5: the criterion of iif() must be a boolean",
		"component.where(valueCode = 'x')":       "line 1, column 17: Observation.component has no element valueCode; did you mean value?",
	} {
		x, err := fhirpath.Compile(expression)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := x.Check(d, "Observation"); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s\n\tgives %s\n\twant  %s", expression, got, want)
		}
	}
}

func TestEvaluationErrorsNameTheElement(t *testing.T) {
	input := fhirpath.Collection{fhirpath.NodeValue(resource(t, patient))}
	for expression, want := range map[string]string{
		"name.given.length()":    "line 1, column 12: length() needs a single value, not a collection of 3 items",
		"name.first().upper()":   "line 1, column 14: upper() needs a String, not the FHIR.HumanName at Patient.name[0]",
		"birthDate + 1":          "line 1, column 11: '+' has no meaning between System.Date 1974-12-25 and System.Integer 1",
		"birthDate + 1 'mo'":     "line 1, column 11: 1 'mo' is no duration that can be added to a date or time; use calendar units such as 1 month",
		"%nobody":                "line 1, column 1: the variable %nobody is not defined",
		"gender.memberOf('x')":   "line 1, column 8: memberOf() needs terminology, which this evaluation has none of",
		"now()":                  "line 1, column 1: now() has no meaning here: this evaluation has no clock",
		"defineVariable('ucum')": "line 1, column 1: %ucum is a variable of FHIRPath itself and cannot be defined",
		"name < 1":               "line 1, column 6: '<' needs a single value, not a collection of 2 items",
	} {
		_, err := fhirpath.MustCompile(expression).Evaluate(context.Background(), nil, input)
		if err == nil || err.Error() != want {
			t.Errorf("%s\n\tgives %v\n\twant  %s", expression, err, want)
		}
	}
}

func TestHostileExpressionsRunIntoLimits(t *testing.T) {
	input := fhirpath.Collection{fhirpath.NodeValue(resource(t, patient))}
	env := &fhirpath.Env{Limits: fhirpath.Limits{Steps: 100_000, Items: 10_000, Text: 10_000, Texts: 100_000}}
	for _, expression := range []string{
		"repeatAll($this)",
		"(1).repeat($this + 1)",
		"'a'.repeat($this + 'a')",
		"(1).repeatAll(iif($this < 1000, $this + 1)).select('xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' & $this.toString())",
		"(1).repeatAll($this | $this + 1).count()",
		"'xxxxxxxxxx'.replace('', 'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy').replace('', 'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy').replace('', 'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy')",
		"defineVariable('d', descendants()).select((1|2|3|4|5|6|7|8|9).repeatAll(iif($this < 100000, $this + 9)).select(%d).count())",
		strings.Repeat("descendants().select(%resource.", 5) + "descendants()" + strings.Repeat(")", 5),
		"(1|2|3|4|5|6|7|8|9).repeatAll(iif($this < 1000, $this + 9)).select('" + strings.Repeat("a", 1000) + "!'.matches('^(((a+)+)+)+$'))",
		"'" + strings.Repeat("a", 1000) + "!'.matches('^(a?){900}(a?){900}(a?){900}$')",
		"'" + strings.Repeat("a", 1000) + "!'.replaceMatches('(a?){900}(a?){900}(a?){900}b', 'c')",
	} {
		_, err := fhirpath.MustCompile(expression).Evaluate(context.Background(), env, input)
		if _, ok := errors.AsType[*fhirpath.LimitError](err); !ok {
			t.Errorf("%s: gives %v, want a LimitError", expression, err)
		}
	}
	for _, source := range []string{"'a'.matches('" + strings.Repeat("(a?){900}", 10) + "')", strings.Repeat("(", 10_000), strings.Repeat("a.", 100_000) + "a", strings.Repeat("-", 1000) + "1", "1" + strings.Repeat("+1", 2000)} {
		if _, err := fhirpath.Compile(source); err == nil {
			t.Errorf("%.20s... compiles", source)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := fhirpath.MustCompile("name.given").Evaluate(ctx, nil, input); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled evaluation gives %v", err)
	}
}

func TestAnInvariantHoldsUnlessItIsFalse(t *testing.T) {
	n := resource(t, `{"resourceType":"Observation","status":"final","code":{"text":"c"},"subject":{"display":"only"}}`)
	ref1 := fhirpath.MustCompile("reference.startsWith('#').not() or (reference.substring(1).trace('url') in %rootResource.contained.id.trace('ids'))")
	if ok, err := ref1.Holds(context.Background(), nil, n.Child("subject")); !ok || err != nil {
		t.Errorf("ref-1 of a reference with a display only: %v, %v", ok, err)
	}
	if ok, _ := fhirpath.MustCompile("status = 'draft'").Holds(context.Background(), nil, n); ok {
		t.Error("a false invariant holds")
	}
	if ok, _ := fhirpath.MustCompile("value").Matches(context.Background(), nil, n); ok {
		t.Error("an empty criterion matches")
	}
}

func TestNoNodeIsAnEmptyInput(t *testing.T) {
	got, err := fhirpath.MustCompile("name.given | Patient.name").AppendNode(context.Background(), nil, fhir.Node{}, nil)
	if err != nil || len(got) != 0 {
		t.Errorf("gives %v, %v", got, err)
	}
	if got := eval(t, "$this.a.b.is(Patient)", nil, fhirpath.Collection{fhirpath.NodeValue(fhir.Node{})}); len(got) != 0 {
		t.Errorf("gives %v", got)
	}
}

func TestTheOrderOfElementsDoesNotCountInEquality(t *testing.T) {
	n := resource(t, `{"resourceType":"Patient","name":[{"family":"A","given":["B","C"]},{"given":["B","C"],"family":"A"},{"given":["C","B"],"family":"A"}]}`)
	input := fhirpath.Collection{fhirpath.NodeValue(n)}
	if got := texts(eval(t, "(name[0] = name[1]).combine(name[0] = name[2]).combine(name[0] ~ name[2])", nil, input)); got != "true, false, true" {
		t.Errorf("gives %s", got)
	}
}

func TestVariablesAndTracesReachTheCaller(t *testing.T) {
	var traced []string
	env := &fhirpath.Env{
		Variables: map[string]fhirpath.Collection{"limit": {fhirpath.Integer(1)}},
		Trace: func(name string, c fhirpath.Collection) {
			traced = append(traced, fmt.Sprintf("%s: %s", name, texts(c)))
		},
	}
	input := fhirpath.Collection{fhirpath.NodeValue(resource(t, patient))}
	got := eval(t, "name.trace('uses', use).skip(%limit).given.trace('given')", env, input)
	if texts(got) != "Kari" || strings.Join(traced, "; ") != "uses: official, usual; given: Kari" {
		t.Errorf("gives %s, traces %v", texts(got), traced)
	}
	if n, ok := got[0].Node(); !ok || n.Path() != "Patient.name[1].given[0]" {
		t.Errorf("the path of the result is %q", n.Path())
	}
}

func TestExpressionsMayRunAtTheSameTime(t *testing.T) {
	x := fhirpath.MustCompile("name.where(use = 'official').given.aggregate($total & $this, '')")
	input := fhirpath.Collection{fhirpath.NodeValue(resource(t, patient))}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				got, err := x.Evaluate(context.Background(), nil, input)
				if err != nil || texts(got) != "KariAnne" {
					t.Errorf("gives %v, %v", got, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestTerminologyIsAskedThroughItsInterface(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	env := &fhirpath.Env{Definitions: d, Terminology: genders{d}, Now: time.Unix(0, 0)}
	input := fhirpath.Collection{fhirpath.NodeValue(resource(t, patient))}
	for expression, want := range map[string]string{
		"gender.memberOf('http://hl7.org/fhir/ValueSet/administrative-gender')":            "true",
		"gender.memberOf('http://unknown')":                                                "",
		"Coding { system: 's', code: 'a' }.subsumes(Coding { system: 's', code: 'ab' })":   "true",
		"Coding { system: 's', code: 'a' }.subsumedBy(Coding { system: 's', code: 'ab' })": "false",
		"%terminologies.subsumes('s', 'a', 'ab')":                                          "subsumes",
	} {
		if got := texts(eval(t, expression, env, input)); got != want {
			t.Errorf("%s\n\tgives %q, want %q", expression, got, want)
		}
	}
}

func TestTheParseTreeIsWrittenAsFHIRPathLabHasIt(t *testing.T) {
	b, err := json.Marshal(fhirpath.MustCompile("name.where(use = 'x')").Syntax())
	if err != nil {
		t.Fatal(err)
	}
	var tree struct {
		ExpressionType, Name string
		Arguments            []struct{ ExpressionType, Name string }
	}
	if err := json.Unmarshal(b, &tree); err != nil {
		t.Fatal(err)
	}
	if tree.ExpressionType != "FunctionCallExpression" || tree.Name != "where" || len(tree.Arguments) != 2 ||
		tree.Arguments[0].ExpressionType != "ChildExpression" || tree.Arguments[1].ExpressionType != "BinaryExpression" {
		t.Errorf("gives %s", b)
	}
}

func TestValuesAreWrittenIntoParameters(t *testing.T) {
	input := fhirpath.Collection{fhirpath.NodeValue(resource(t, patient))}
	for expression, want := range map[string]string{
		"1":          `{"resourceType":"Parameters","parameter":[{"name":"result","valueInteger":1}]}`,
		"1.50":       `{"resourceType":"Parameters","parameter":[{"name":"result","valueDecimal":1.50}]}`,
		"@2015-02T":  `{"resourceType":"Parameters","parameter":[{"name":"result","valueDateTime":"2015-02"}]}`,
		"4 'mg'":     `{"resourceType":"Parameters","parameter":[{"name":"result","valueQuantity":{"value":4,"unit":"mg","system":"http://unitsofmeasure.org","code":"mg"}}]}`,
		"gender":     `{"resourceType":"Parameters","parameter":[{"name":"result","valueCode":"female"}]}`,
		"identifier": `{"resourceType":"Parameters","parameter":[{"name":"result","valueIdentifier":{"system":"http://example.org/mrn","value":"1"}}]}`,
		"contact":    "",
	} {
		parameters := resource(t, `{"resourceType":"Parameters","parameter":[{"name":"result"}]}`)
		err := eval(t, expression, nil, input)[0].Put(parameters.Child("parameter"), "value")
		if want == "" {
			if err == nil {
				t.Errorf("%s is put", expression)
			}
			continue
		}
		if got := string(parameters.AppendJSON(nil)); err != nil || got != want {
			t.Errorf("%s\n\tgives %s, %v\n\twant  %s", expression, got, err, want)
		}
	}
}
