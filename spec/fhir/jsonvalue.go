package fhir

import (
	"fmt"
	"unsafe"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// white skips white space between tokens.
func (p *jsonParser) white() {
	src, i := p.src, p.pos
	for i < len(src) && (src[i] == ' ' || src[i] == '\n' || src[i] == '\t' || src[i] == '\r') {
		i++
	}
	p.spaces += i - p.pos
	p.pos = i
}

// key reads a member's name and the colon, up to its value.
func (p *jsonParser) key() (name []byte, at int, ok bool) {
	at = p.pos
	if at == len(p.src) {
		return nil, at, p.malformedAt(at, "the object does not end")
	}
	if p.src[at] != '"' {
		return nil, at, p.malformedAt(at, "a name in double quotes is missing")
	}
	end, escaped, wrong := scanString(p.src, at)
	if wrong != "" {
		return nil, at, p.malformedAt(end, p.quote(end)+wrong)
	}
	name = p.src[at+1 : end]
	if escaped {
		name = appendUnescaped(nil, name)
	}
	p.pos = end + 1
	p.white()
	if p.pos == len(p.src) || p.src[p.pos] != ':' {
		return nil, at, p.malformedAt(p.pos, "a colon is missing behind the name")
	}
	p.pos++
	p.white()
	if p.pos == len(p.src) {
		return nil, at, p.malformedAt(p.pos, "a value is missing")
	}
	return name, at, true
}

// quote shows the byte at off at the head of a message.
func (p *jsonParser) quote(off int) string {
	if off >= len(p.src) {
		return ""
	}
	return fmt.Sprintf("%q ", p.src[off:min(off+1, len(p.src))])
}

// literal reads true, false or null.
func (p *jsonParser) literal(word string) bool {
	if len(p.src)-p.pos < len(word) || string(p.src[p.pos:p.pos+len(word)]) != word {
		return p.malformedAt(p.pos, "is no JSON value")
	}
	p.pos += len(word)
	return true
}

// primitive parses the value of a primitive into node i and checks it.
func (p *jsonParser) primitive(i uint32, typ *definitions.Type, kind primitive) bool {
	at := p.pos
	switch c := p.src[at]; {
	case c == '"':
		end, escaped, wrong := scanString(p.src, at)
		if wrong != "" {
			return p.malformedAt(end, p.quote(end)+wrong)
		}
		p.pos = end + 1
		if !kind.isString() {
			p.wrongKind(i, at, kind)
			return true
		}
		raw := p.src[at+1 : end]
		nd := &p.tree.nodes[i]
		nd.off, nd.len, nd.flags = uint32(at+1), uint32(len(raw)), flagValue|flagString
		if escaped {
			nd.flags |= flagEscaped
			p.scratch = appendUnescaped(p.scratch[:0], raw)
			raw = p.scratch
		}
		if kind == primitiveString && len(raw) > 0 && len(raw) <= maxStringBytes && raw[0] > ' ' && !escaped {
			return true // The scanner has refused all else that a string may not hold.
		}
		p.check(i, at, typ, kind, raw)
	case c == '-' || c-'0' < 10:
		n, _ := scanNumber(p.src[at:])
		if n == 0 {
			return p.malformedAt(at, "is no number of JSON")
		}
		p.pos = at + n
		if !kind.isNumber() {
			p.wrongKind(i, at, kind)
			return true
		}
		nd := &p.tree.nodes[i]
		nd.off, nd.len, nd.flags = uint32(at), uint32(n), flagValue
		p.check(i, at, typ, kind, p.src[at:p.pos])
	case c == 't' || c == 'f':
		word := "true"
		if c == 'f' {
			word = "false"
		}
		if !p.literal(word) {
			return false
		}
		if kind != primitiveBoolean {
			p.wrongKind(i, at, kind)
			return true
		}
		nd := &p.tree.nodes[i]
		nd.off, nd.len, nd.flags = uint32(at), uint32(len(word)), flagValue
	default:
		if !p.skip(p.limits.MaxDepth - 1) {
			return false
		}
		p.wrongKind(i, at, kind)
	}
	return true
}

func (p *jsonParser) check(i uint32, at int, typ *definitions.Type, kind primitive, raw []byte) {
	text := ""
	if len(raw) > 0 {
		text = unsafe.String(&raw[0], len(raw)) // read only until check returns
	}
	wrong := kind.check(typ, text)
	if wrong == "" {
		return
	}
	if kind != primitiveXHTML && text != "" {
		wrong = fmt.Sprintf("%q %s", fault.Shorten(string(raw)), wrong)
	}
	p.problem(fault.CodeValue, at, i, "", wrong)
}

func (p *jsonParser) wrongKind(i uint32, at int, kind primitive) {
	message := "must be a JSON string"
	switch {
	case kind == primitiveBoolean:
		message = "must be true or false, without quotes"
	case kind.isNumber():
		message = "must be a JSON number, without quotes"
	}
	p.problem(fault.CodeStructure, at, i, "", message)
}

// wrongType skips a value of the wrong JSON type and says so, unless it is no
// JSON at all.
func (p *jsonParser) wrongType(i uint32, message string, depth int) bool {
	at := p.pos
	if !p.skip(depth) {
		return false
	}
	p.problem(fault.CodeStructure, at, i, "", message)
	return true
}

// skip reads a value of any kind, checking only that it is JSON.
func (p *jsonParser) skip(depth int) bool {
	if depth > p.limits.MaxDepth {
		return p.tooDeep(rootIndex)
	}
	if p.pos == len(p.src) {
		return p.malformedAt(p.pos, "a value is missing")
	}
	switch c := p.src[p.pos]; {
	case c == '"':
		end, _, wrong := scanString(p.src, p.pos)
		if wrong != "" {
			return p.malformedAt(end, p.quote(end)+wrong)
		}
		p.pos = end + 1
		return true
	case c == '-' || c-'0' < 10:
		n, _ := scanNumber(p.src[p.pos:])
		if n == 0 {
			return p.malformedAt(p.pos, "is no number of JSON")
		}
		p.pos += n
		return true
	case c == 't':
		return p.literal("true")
	case c == 'f':
		return p.literal("false")
	case c == 'n':
		return p.literal("null")
	case c == '{':
		return p.skipAll('}', depth+1)
	case c == '[':
		return p.skipAll(']', depth+1)
	}
	return p.malformedAt(p.pos, p.quote(p.pos)+"begins no JSON value")
}

// skipAll skips what stands between brackets.
func (p *jsonParser) skipAll(bracket byte, depth int) bool {
	p.pos++
	for first := true; ; first = false {
		p.white()
		if first && p.pos < len(p.src) && p.src[p.pos] == bracket {
			break
		}
		if bracket == '}' {
			if _, _, ok := p.key(); !ok {
				return false
			}
		}
		if !p.skip(depth) {
			return false
		}
		p.white()
		if p.pos == len(p.src) {
			return p.malformedAt(p.pos, "the value does not end")
		}
		if c := p.src[p.pos]; c == bracket {
			break
		} else if c != ',' {
			return p.malformedAt(p.pos, "a comma or "+string(bracket)+" is missing")
		}
		p.pos++
	}
	p.pos++
	return true
}

// resourceType finds the resourceType of the object at p.pos and does not
// move. Where it is not the first member, those before it are read twice; what
// that may cost in all is bounded.
func (p *jsonParser) resourceType() (name []byte, ok bool) {
	start, spaces, found := p.pos, p.spaces, p.problems
	name, ok = p.findResourceType()
	p.rescans += p.pos - start
	p.pos, p.spaces, p.problems = start, spaces, found
	return name, ok
}

func (p *jsonParser) findResourceType() ([]byte, bool) {
	for {
		p.pos++
		p.white()
		name, _, ok := p.key()
		if !ok {
			return nil, false
		}
		if string(name) == "resourceType" {
			if p.src[p.pos] != '"' {
				return nil, false
			}
			end, escaped, wrong := scanString(p.src, p.pos)
			raw := p.src[p.pos+1 : max(end, p.pos+1)]
			if wrong == "" && escaped {
				raw = appendUnescaped(nil, raw)
			}
			return raw, wrong == ""
		}
		if p.rescans > 4*len(p.src) || !p.skip(1) {
			return nil, false
		}
		if p.white(); p.pos == len(p.src) || p.src[p.pos] != ',' {
			return nil, false
		}
	}
}

func tooDeepMessage(limit int) string {
	return fmt.Sprintf("elements lie more than %d deep inside one another", limit)
}
