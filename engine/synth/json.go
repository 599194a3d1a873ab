package synth

import (
	"fmt"
	"strconv"
)

// object is a JSON object: names and values in turn. Members whose value is
// nil, "" or empty are left out.
type object []any

// list is a JSON array. Elements that are empty are left out.
type list []any

// raw is JSON that is ready.
type raw []byte

// number is a decimal with so many digits after the point.
type number struct {
	value  float64
	digits int
}

// appendJSON adds a value to b, or nothing when it is empty.
func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return b
	case string:
		if v == "" {
			return b
		}
		return appendString(b, v)
	case raw:
		return append(b, v...)
	case bool:
		return strconv.AppendBool(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case number:
		return strconv.AppendFloat(b, v.value, 'f', v.digits, 64)
	case object:
		return appendObject(b, v)
	case list:
		return appendList(b, v)
	}
	panic(fmt.Sprintf("synth: %T is not written", v))
}

func appendObject(b []byte, o object) []byte {
	start := len(b)
	b = append(b, '{')
	empty := true
	for i := 0; i < len(o); i += 2 {
		before := len(b)
		if !empty {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, o[i].(string)...)
		b = append(b, '"', ':')
		at := len(b)
		if b = appendJSON(b, o[i+1]); len(b) == at {
			b = b[:before]
			continue
		}
		empty = false
	}
	if empty {
		return b[:start]
	}
	return append(b, '}')
}

func appendList(b []byte, l list) []byte {
	start := len(b)
	b = append(b, '[')
	empty := true
	for _, v := range l {
		before := len(b)
		if !empty {
			b = append(b, ',')
		}
		at := len(b)
		if b = appendJSON(b, v); len(b) == at {
			b = b[:before]
			continue
		}
		empty = false
	}
	if empty {
		return b[:start]
	}
	return append(b, ']')
}

func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
