package fhir

import (
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

func ParseXML(d *definitions.Definitions, src []byte, l Limits) (*Tree, error) {
	return nil, fault.New(fault.NotSupported, fault.CodeNotSupported, "", "XML is not read yet")
}
func (n Node) AppendXML(dst []byte, pretty bool) ([]byte, error) {
	return nil, fault.New(fault.NotSupported, fault.CodeNotSupported, "", "XML is not written yet")
}
func checkNarrative(value string) string { return "" }
