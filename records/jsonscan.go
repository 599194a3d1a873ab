package records

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// referencesAt calls f with the literals of the references that lie at a path of
// elements in a stored resource, which f does not keep. It looks at the bytes alone,
// which takes a fraction of what reading the resource would.
func referencesAt(json []byte, path []string, f func(literal []byte)) {
	i := space(json, 0)
	if i >= len(json) {
		return
	}
	switch json[i] {
	case '[':
		for i = space(json, i+1); i < len(json) && json[i] != ']'; i = space(json, i) {
			end := skip(json, i)
			referencesAt(json[i:end], path, f)
			if i = space(json, end); i < len(json) && json[i] == ',' {
				i++
			}
		}
	case '{':
		name := "reference"
		if len(path) > 0 {
			name = path[0]
		}
		value := valueOf(json[i:], name)
		switch {
		case len(value) == 0:
		case len(path) > 0:
			referencesAt(value, path[1:], f)
		case value[0] != '"':
		case bytes.IndexByte(value, '\\') < 0:
			f(bytes.Trim(value, `"`))
		default:
			if text, err := jsontext.AppendUnquote(nil, value); err == nil {
				f(text)
			}
		}
	}
}

// valueOf is the value of a member of an object; nil when there is none.
func valueOf(object []byte, name string) []byte {
	for i := space(object, 1); i < len(object) && object[i] == '"'; {
		end := skip(object, i)
		found := end-i == len(name)+2 && string(object[i+1:end-1]) == name
		i = space(object, end)
		if i >= len(object) || object[i] != ':' {
			return nil
		}
		i = space(object, i+1)
		end = skip(object, i)
		if found {
			return object[i:end]
		}
		if i = space(object, end); i < len(object) && object[i] == ',' {
			i = space(object, i+1)
		}
	}
	return nil
}

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// skip is the end of the value that begins at i. Of what is no JSON it is anywhere,
// but not at i.
func skip(b []byte, i int) int {
	switch {
	case i >= len(b):
		return len(b)
	case b[i] == '"':
		return skipString(b, i)
	case b[i] != '{' && b[i] != '[':
		for i++; i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' && b[i] > ' '; {
			i++
		}
		return i
	}
	for depth := 0; i < len(b); {
		switch b[i] {
		case '"':
			i = skipString(b, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if i++; depth == 0 {
			return i
		}
	}
	return len(b)
}

func skipString(b []byte, i int) int {
	for i++; i < len(b); {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return len(b)
		}
		i += n
		slashes := 0
		for slashes < n && b[i-1-slashes] == '\\' {
			slashes++
		}
		i++
		if slashes%2 == 0 {
			return i
		}
	}
	return len(b)
}
