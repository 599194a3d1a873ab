package fhir

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/inglehealth/ingle/spec/definitions"
)

// primitive is how values of a primitive type are written and checked.
type primitive uint8

const (
	notPrimitive primitive = iota
	primitiveBoolean
	primitiveInteger
	primitivePositiveInt
	primitiveUnsignedInt
	primitiveDecimal
	primitiveInteger64 // a JSON string, as FHIR R5 has it
	primitiveString
	primitiveCode
	primitiveID
	primitiveURI
	primitiveOID
	primitiveUUID
	primitiveBase64
	primitiveDate
	primitiveDateTime
	primitiveInstant
	primitiveTime
	primitiveXHTML
	primitiveOther // checked against Type.Regex
)

// maxStringBytes bounds string, markdown and other text; base64Binary and
// xhtml may be longer. FHIR R4 §2.24.0.1: "Strings SHALL NOT exceed 1,048,576
// characters in size".
const maxStringBytes = 1 << 20

func primitiveOf(t *definitions.Type) primitive {
	if t == nil || t.Kind != definitions.Primitive {
		return notPrimitive
	}
	for b := t; b != nil; b = b.Base {
		switch b.Name[strings.LastIndexByte(b.Name, '.')+1:] {
		case "boolean", "Boolean":
			return primitiveBoolean
		case "positiveInt":
			return primitivePositiveInt
		case "unsignedInt":
			return primitiveUnsignedInt
		case "integer", "Integer":
			return primitiveInteger
		case "integer64":
			return primitiveInteger64
		case "decimal", "Decimal":
			return primitiveDecimal
		case "code":
			return primitiveCode
		case "id":
			return primitiveID
		case "oid":
			return primitiveOID
		case "uuid":
			return primitiveUUID
		case "uri", "url", "canonical":
			return primitiveURI
		case "base64Binary":
			return primitiveBase64
		case "date", "Date":
			return primitiveDate
		case "dateTime", "DateTime":
			return primitiveDateTime
		case "instant":
			return primitiveInstant
		case "time", "Time":
			return primitiveTime
		case "xhtml":
			return primitiveXHTML
		case "string", "markdown", "String":
			return primitiveString
		}
	}
	return primitiveOther
}

// isString says whether values are JSON strings.
func (p primitive) isString() bool { return p == primitiveInteger64 || p > primitiveDecimal }

// isNumber says whether values are JSON numbers.
func (p primitive) isNumber() bool { return p >= primitiveInteger && p <= primitiveDecimal }

// elementPrimitive is primitiveOf of the element's type, with the rule of
// Resource.id, whose type the definitions give as a plain string.
func elementPrimitive(p *definitions.Property) primitive {
	k := primitiveOf(p.Type)
	if k == primitiveString && p.Name == "id" && !p.Element.Attribute {
		return primitiveID
	}
	return k
}

// check returns what is wrong with value as one of type t, "" when nothing is.
func (p primitive) check(t *definitions.Type, value string) string {
	switch p {
	case primitiveBoolean:
		if value != "true" && value != "false" {
			return "is no boolean: write true or false"
		}
		return ""
	case primitiveInteger:
		return checkInteger(value, -1<<31, 1<<31-1)
	case primitivePositiveInt:
		return checkInteger(value, 1, 1<<31-1)
	case primitiveUnsignedInt:
		return checkInteger(value, 0, 1<<31-1)
	case primitiveInteger64:
		return checkInteger64(value)
	case primitiveDecimal:
		return checkDecimal(value)
	case primitiveBase64:
		return checkBase64(value)
	case primitiveXHTML:
		return checkNarrative(value)
	}
	if value == "" {
		return "is empty: leave the element out instead"
	}
	if len(value) > maxStringBytes && utf8.RuneCountInString(value) > maxStringBytes {
		return "is longer than 1048576 characters"
	}
	switch p {
	case primitiveCode:
		return checkCode(value)
	case primitiveID:
		if !ID(value).Valid() {
			return "is no id: use 1 to 64 characters of A-Z a-z 0-9 - ."
		}
	case primitiveURI:
		return checkURI(value)
	case primitiveOID:
		if !isOID(value) {
			return `is no oid: write it as "urn:oid:1.2.3"`
		}
	case primitiveUUID:
		if !isUUID(value) {
			return `is no uuid: write it as "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"`
		}
	case primitiveDate:
		return checkDate(value)
	case primitiveDateTime:
		return checkDateTime(value)
	case primitiveInstant:
		return checkInstant(value)
	case primitiveTime:
		return checkTime(value)
	case primitiveOther:
		if t.Regex != "" {
			return checkPattern(t, value)
		}
		return checkString(value)
	default:
		return checkString(value)
	}
	return ""
}

// CheckText returns what is wrong with text as a value of the primitive type
// with this name, such as code (R4 §2.24.0.1); "" when nothing is.
func CheckText(primitiveType, text string) string {
	t := &definitions.Type{Name: primitiveType, Kind: definitions.Primitive}
	return primitiveOf(t).check(t, text)
}

func checkPattern(t *definitions.Type, value string) string {
	re, err := regexp.Compile("^(?:" + t.Regex + ")$")
	if err != nil || re.MatchString(value) {
		return ""
	}
	return fmt.Sprintf("does not match the pattern of %s: %s", t.Name, t.Regex)
}

func checkString(value string) string {
	blank := true
	for i := range len(value) {
		c := value[i]
		if c > ' ' {
			blank = false
			continue
		}
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return fmt.Sprintf("holds the control character U+%04X, which FHIR does not allow in strings", c)
		}
	}
	if blank {
		return "is only white space: leave the element out instead"
	}
	return ""
}

func checkCode(value string) string {
	if value[0] == ' ' || value[len(value)-1] == ' ' {
		return "is no code: a code does not begin or end with white space"
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' || c == ' ' && value[i-1] == ' ' {
			return "is no code: only single spaces may stand inside a code"
		}
	}
	return ""
}

func checkURI(value string) string {
	for i := range len(value) {
		if value[i] <= ' ' {
			return "is no uri: it holds white space, write it as %20"
		}
	}
	return ""
}

func isOID(value string) bool {
	s, ok := strings.CutPrefix(value, "urn:oid:")
	if !ok || s == "" || s[0] > '2' {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		if !allDigits(part) || len(part) > 1 && part[0] == '0' {
			return false
		}
	}
	return strings.IndexByte(s, '.') == 1
}

func isUUID(value string) bool {
	s, ok := strings.CutPrefix(value, "urn:uuid:")
	if !ok || len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			if c := s[i]; c-'0' > 9 && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func checkBase64(value string) string {
	const wrong = "is no base64: use A-Z a-z 0-9 + / in groups of four, padded with ="
	n, pad := 0, 0
	for i := range len(value) {
		c := value[i]
		switch {
		case c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/':
			if pad > 0 {
				return wrong
			}
			n++
		case c == '=':
			pad++
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		default:
			return wrong
		}
	}
	if n == 0 {
		return "is empty: leave the element out instead"
	}
	if (n+pad)%4 != 0 || pad > 2 {
		return wrong
	}
	return ""
}
