package fhir_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

var seeds = []string{
	everything,
	`{"resourceType":"Bundle","type":"batch","entry":[{"resource":{"id":"x","resourceType":"Patient"}},{"fullUrl":"urn:x"}]}`,
	`{"resourceType":"Parameters","parameter":[{"name":"a","valueQuantity":{"value":-1.0e-3}},{"name":"b","part":[{"name":"c","resource":{"resourceType":"Basic","code":{"text":"\ud83d\ude00"}}}]}]}`,
	`{"resourceType":"Patient","name":[{"_given":[null,{"id":"x"}],"given":["a",null]}]}`,
	`{"resourceType":"Patient","x":[{"a":[]},null,01]}`,
	`{"resourceType":"Patient","language":"\ud800","active":tru`,
	"{\"resourceType\":\"Patient\",\"language\":\"\xff\"}",
	`[`, `{}`, ` `, `"\u00`, `1e`, `nul`,
}

// malformed says what jsontext thinks of src as JSON.
func malformed(src []byte, options ...jsontext.Options) bool {
	dec := jsontext.NewDecoder(bytes.NewReader(src), options...)
	if _, err := dec.ReadValue(); err != nil {
		return true
	}
	_, err := dec.ReadToken()
	return !errors.Is(err, io.EOF)
}

func FuzzParseJSON(f *testing.F) {
	d := definitions.MustBuiltIn(definitions.R4)
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		tree, err := fhir.ParseJSON(d, src, fhir.Limits{})
		if err != nil {
			if fault.KindOf(err) == fault.TooLarge {
				return
			}
			if want := malformed(src, jsontext.AllowDuplicateNames(true)); errors.Is(err, fhir.ErrMalformed) != want {
				t.Fatalf("jsontext says malformed: %v; we: %v", want, err)
			}
			return
		}
		if malformed(src) {
			t.Fatal("jsontext refuses what we accept")
		}
		out := tree.Root().AppendJSON(nil)
		again, err := fhir.ParseJSON(d, out, fhir.Limits{})
		if err != nil {
			t.Fatalf("own output is refused: %v\n%s", err, out)
		}
		if !again.Root().Equal(tree.Root()) || !bytes.Equal(again.Root().AppendJSON(nil), out) {
			t.Fatalf("differs after JSON: %s", out)
		}
		x, err := tree.Root().AppendXML(nil, false)
		if err != nil {
			if strings.Contains(err.Error(), "XML cannot hold") {
				return
			}
			t.Fatal(err)
		}
		fromXML, err := fhir.ParseXML(d, x, fhir.Limits{})
		if err != nil {
			t.Fatalf("own XML is refused: %v\n%s", err, x)
		}
		if !fromXML.Root().Equal(tree.Root()) {
			t.Fatalf("differs after XML: %s\n%s", x, out)
		}
	})
}

func FuzzParseXML(f *testing.F) {
	d := definitions.MustBuiltIn(definitions.R4)
	for _, s := range seeds {
		if tree, err := fhir.ParseJSON(d, []byte(s), fhir.Limits{}); err == nil {
			x, err := tree.Root().AppendXML(nil, true)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(x)
		}
	}
	f.Add([]byte(`<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE x [<!ENTITY a "b">]><Patient xmlns="http://hl7.org/fhir"/>`))
	f.Add([]byte(`<f:Patient xmlns:f="http://hl7.org/fhir" xmlns="http://www.w3.org/1999/xhtml"><f:text><f:status value='generated'/><div>&#160;x<![CDATA[<]]><!-- c --></div></f:text></f:Patient>`))
	f.Fuzz(func(t *testing.T, src []byte) {
		tree, err := fhir.ParseXML(d, src, fhir.Limits{})
		if err != nil {
			return
		}
		out := tree.Root().AppendJSON(nil)
		again, err := fhir.ParseJSON(d, out, fhir.Limits{})
		if err != nil {
			t.Fatalf("the JSON of it is refused: %v\n%s", err, out)
		}
		if !again.Root().Equal(tree.Root()) {
			t.Fatalf("differs after JSON: %s", out)
		}
		x, err := tree.Root().AppendXML(nil, false)
		if err != nil {
			t.Fatal(err)
		}
		if again, err = fhir.ParseXML(d, x, fhir.Limits{}); err != nil || !again.Root().Equal(tree.Root()) {
			t.Fatalf("differs after XML: %v\n%s", err, x)
		}
	})
}

func FuzzCheckNarrative(f *testing.F) {
	for _, s := range []string{
		`<div xmlns="http://www.w3.org/1999/xhtml">x</div>`,
		`<div xmlns='http://www.w3.org/1999/xhtml'><p style="color:red">a<br/></p><img src="a.png" alt="&lt;"/></div>`,
		`<div`, `<div xmlns="http://www.w3.org/1999/xhtml"></p></div>`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { fhir.CheckNarrative(s) })
}
