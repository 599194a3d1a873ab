package fhirpath

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/inglehealth/ingle/engine/pattern"
)

// FHIRPath §5.6 String manipulation. Positions count characters.
func init() {
	// on makes a function whose input is one string and whose arguments are at
	// most one string each; an empty input or argument gives empty.
	on := func(name string, args int, f func(s string, args []string) (Value, bool)) function {
		return function{name: name, min: args, max: args, eval: func(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
			texts, ok, err := e.texts(s, c, in)
			if err != nil || !ok {
				return dst, err
			}
			v, ok := f(texts[0], texts[1:])
			if !ok {
				return dst, nil
			}
			if text, isText := v.data.(string); isText {
				return e.appendText(dst, text)
			}
			return append(dst, v), e.step(1 + len(texts[0])>>10)
		}}
	}
	test := func(name string, f func(s, arg string) bool) function {
		return on(name, 1, func(s string, args []string) (Value, bool) { return Boolean(f(s, args[0])), true })
	}
	edit := func(name string, f func(string) string) function {
		return on(name, 0, func(s string, _ []string) (Value, bool) { return String(f(s)), true })
	}
	register(
		on("indexOf", 1, func(s string, a []string) (Value, bool) { return position(s, strings.Index(s, a[0])), true }),
		on("lastIndexOf", 1, func(s string, a []string) (Value, bool) { return position(s, strings.LastIndex(s, a[0])), true }),
		test("startsWith", strings.HasPrefix),
		test("endsWith", strings.HasSuffix),
		test("contains", strings.Contains),
		edit("upper", strings.ToUpper),
		edit("lower", strings.ToLower),
		edit("trim", strings.TrimSpace),
		on("length", 0, func(s string, _ []string) (Value, bool) {
			return Integer(int32(utf8.RuneCountInString(s))), true
		}),
		function{name: "toChars", eval: func(e *evaluation, _ *scope, c *callOp, in, dst []Value) ([]Value, error) {
			s, _, err := e.onText(in, c.at)
			if err == nil {
				err = e.pieces(utf8.RuneCountInString(s))
			}
			if err != nil {
				return nil, err
			}
			for _, r := range s {
				dst = append(dst, String(string(r)))
			}
			return dst, nil
		}},
		function{name: "substring", min: 1, max: 2, eval: substring},
		function{name: "replace", min: 2, max: 2, eval: replace},
		function{name: "matches", min: 1, max: 2, prepare: prepareRegexp, eval: matches},
		function{name: "matchesFull", min: 1, max: 2, prepare: prepareRegexp, eval: matches},
		function{name: "replaceMatches", min: 2, max: 3, prepare: prepareRegexp, eval: replaceMatches},
		function{name: "split", min: 1, max: 1, eval: func(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
			t, ok, err := e.texts(s, c, in)
			if err != nil || !ok {
				return dst, err
			}
			if err := e.pieces(1 + strings.Count(t[0], t[1])); err != nil {
				return nil, err
			}
			for part := range strings.SplitSeq(t[0], t[1]) {
				dst = append(dst, String(part))
			}
			return dst, nil
		}},
		function{name: "join", max: 1, eval: join},
		on("encode", 1, func(s string, a []string) (Value, bool) {
			switch a[0] {
			case "hex":
				return String(hex.EncodeToString([]byte(s))), true
			case "base64":
				return String(base64.StdEncoding.EncodeToString([]byte(s))), true
			case "urlbase64":
				return String(base64.URLEncoding.EncodeToString([]byte(s))), true
			}
			return Value{}, false
		}),
		on("decode", 1, decode),
		on("escape", 1, func(s string, a []string) (Value, bool) {
			switch a[0] {
			case "html":
				return String(htmlEscapes.Replace(s)), true
			case "json":
				var b strings.Builder
				enc := json.NewEncoder(&b)
				enc.SetEscapeHTML(false)
				err := enc.Encode(s)
				text := strings.TrimSuffix(b.String(), "\n")
				return String(strings.TrimSuffix(strings.TrimPrefix(text, `"`), `"`)), err == nil
			}
			return Value{}, false
		}),
		on("unescape", 1, func(s string, a []string) (Value, bool) {
			switch a[0] {
			case "html":
				return String(html.UnescapeString(s)), true
			case "json":
				text, ok := unescapeJSON(s)
				return String(text), ok
			}
			return Value{}, false
		}),
	)
}

var htmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// texts evaluates input and arguments to one string each; ok is false when
// one is empty. An input that is no string is an error even then.
func (e *evaluation) texts(s *scope, c *callOp, in []Value) ([]string, bool, error) {
	first, all, err := e.onText(in, c.at)
	if err != nil {
		return nil, false, err
	}
	texts := make([]string, 1, 3)
	texts[0] = first
	for _, a := range c.args {
		text, ok, err := e.text(s, a, c.at)
		if err != nil {
			return nil, false, err
		}
		all = all && ok
		texts = append(texts, text)
	}
	return texts, all, nil
}

// pieces makes room for the n strings that a text falls into.
func (e *evaluation) pieces(n int) error {
	if n > e.limits.Items {
		return &LimitError{Limit: "items", Max: e.limits.Items}
	}
	return e.step(n)
}

// position turns a byte index into characters; -1 stays.
func position(s string, at int) Value {
	if at > 0 {
		at = utf8.RuneCountInString(s[:at])
	}
	return Integer(int32(at))
}

// offset is the byte index of character n, len(s) when s is shorter.
func offset(s string, n int64) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

func substring(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	text, ok, err := e.onText(in, c.at)
	if err != nil {
		return nil, err
	}
	start, given, err := e.integer(s, c.args[0], c.at)
	if err != nil || !ok || !given {
		return dst, err
	}
	if err := e.step(len(text) >> 8); err != nil {
		return nil, err
	}
	length := int64(len(text))
	if len(c.args) == 2 {
		// An empty length is as none.
		n, given, err := e.integer(s, c.args[1], c.at)
		if err != nil {
			return nil, err
		}
		if given {
			length = max(n, 0)
		}
	}
	if start < 0 || start >= int64(utf8.RuneCountInString(text)) {
		return dst, nil
	}
	text = text[offset(text, start):]
	return append(dst, String(text[:offset(text, length)])), nil
}

func replace(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	t, ok, err := e.texts(s, c, in)
	if err != nil || !ok {
		return dst, err
	}
	if n := strings.Count(t[0], t[1]); len(t[0])+n*len(t[2]) > e.limits.Text {
		return nil, &LimitError{Limit: "bytes of text", Max: e.limits.Text}
	}
	return e.appendText(dst, strings.ReplaceAll(t[0], t[1], t[2]))
}

// prepareRegexp compiles a pattern that is a literal.
func prepareRegexp(c *callOp) error {
	pattern := c.at.Args[0]
	flags := c.fn.max - 1
	if pattern.Kind != SyntaxString || len(c.args) > flags {
		return nil
	}
	re, err := newRegexp(pattern.Text, "", c.fn.name == "matchesFull")
	if err != nil {
		return pattern.semanticError(err.Error())
	}
	c.data = re
	return nil
}

// Bounds of a pattern: its bytes, and its states once repetitions are written
// out.
const (
	maxPattern = 8 << 10
	maxStates  = 20_000
)

// compiled is a pattern with its size, as package pattern has it.
type compiled struct {
	*regexp.Regexp
	size int
}

// cost is how many steps it takes to look for the pattern in a text.
func (p *compiled) cost(text string) int { return 1 + len(text)*p.size>>6 }

// newRegexp compiles a pattern of FHIRPath: PCRE in single-line mode, which
// RE2 covers save for look-around and back references.
func newRegexp(pattern, flags string, full bool) (*compiled, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("the pattern is longer than %d bytes", maxPattern)
	}
	mode := "s"
	if unknown := strings.Trim(flags, "im"); unknown != "" {
		return nil, fmt.Errorf("the flags are i (any case) and m (^ and $ match at each line), not %q", flags)
	}
	if strings.Contains(flags, "i") {
		mode += "i"
	}
	if strings.Contains(flags, "m") {
		mode += "m"
	}
	if full {
		pattern = "^(?:" + pattern + ")$"
	}
	re, err := compileBounded("(?" + mode + ")" + pattern)
	if err == nil || errors.Is(err, errStates) {
		return re, err
	}
	// \/ and escapes of other harmless characters are PCRE but not RE2.
	if again, err := compileBounded("(?" + mode + ")" + unescapePlain(pattern)); err == nil || errors.Is(err, errStates) {
		return again, err
	}
	return nil, err
}

var errStates = fmt.Errorf("the pattern has more than %d states with its repetitions", maxStates)

func compileBounded(expression string) (*compiled, error) {
	size, err := pattern.Size(expression)
	if err != nil {
		return nil, err
	}
	if size > maxStates {
		return nil, errStates
	}
	re, err := regexp.Compile(expression)
	return &compiled{re, size}, err
}

// unescapePlain drops the backslash before characters that need none.
func unescapePlain(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] == '\\' && i+1 < len(pattern) {
			if strings.IndexByte("/#'\"`@%&=:;,<>~! ", pattern[i+1]) < 0 {
				b.WriteByte('\\')
			}
			i++
		}
		b.WriteByte(pattern[i])
	}
	return b.String()
}

// regexp returns the pattern of a call, args[0], with the flags argument at
// index flags if there is one.
func (e *evaluation) regexp(c *callOp, texts []string, flags int) (*compiled, error) {
	if re, ok := c.data.(*compiled); ok {
		return re, nil
	}
	mode := ""
	if len(texts) > flags+1 {
		mode = texts[flags+1]
	}
	re, err := newRegexp(texts[1], mode, c.fn.name == "matchesFull")
	if err != nil {
		return nil, e.failed(c.at, "%s", err)
	}
	return re, e.step(20 + 2*re.size)
}

func matches(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	t, ok, err := e.texts(s, c, in)
	if err != nil || !ok {
		return dst, err
	}
	re, err := e.regexp(c, t, 1)
	if err != nil {
		return nil, err
	}
	if err := e.step(re.cost(t[0])); err != nil {
		return nil, err
	}
	return append(dst, Boolean(re.MatchString(t[0]))), nil
}

func replaceMatches(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	t, ok, err := e.texts(s, c, in)
	if err != nil || !ok {
		return dst, err
	}
	// An empty pattern replaces nothing.
	if t[1] == "" {
		return append(dst, String(t[0])), nil
	}
	re, err := e.regexp(c, t, 2)
	if err != nil {
		return nil, err
	}
	if err := e.step(re.cost(t[0])); err != nil {
		return nil, err
	}
	if n := len(re.FindAllStringIndex(t[0], -1)); len(t[0])+n*(len(t[2])+len(t[0])) > 4*e.limits.Text {
		return nil, &LimitError{Limit: "bytes of text", Max: e.limits.Text}
	}
	return e.appendText(dst, re.ReplaceAllString(t[0], substitution(t[2])))
}

var group = regexp.MustCompile(`\$(\d+|[A-Za-z_]\w*)`)

// substitution turns $1 and ${name} into Go's form, where $1x would mean the
// group "1x".
func substitution(s string) string { return group.ReplaceAllString(s, "$${$1}") }

func join(e *evaluation, s *scope, c *callOp, in, dst []Value) ([]Value, error) {
	separator := ""
	if len(c.args) == 1 {
		var err error
		if separator, _, err = e.text(s, c.args[0], c.at); err != nil {
			return nil, err
		}
	}
	var b strings.Builder
	first := true
	for _, v := range in {
		text, ok, err := e.asText(v, c.at)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if !first {
			b.WriteString(separator)
		}
		first = false
		b.WriteString(text)
		if b.Len() > e.limits.Text {
			break
		}
	}
	return e.appendText(dst, b.String())
}

func decode(s string, a []string) (Value, bool) {
	var b []byte
	var err error
	switch a[0] {
	case "hex":
		b, err = hex.DecodeString(s)
	case "base64":
		b, err = base64.StdEncoding.DecodeString(s)
	case "urlbase64":
		b, err = base64.URLEncoding.DecodeString(s)
	default:
		return Value{}, false
	}
	return String(string(b)), err == nil && utf8.Valid(b)
}

// unescapeJSON resolves the escapes of JSON; a bare quotation mark stays.
func unescapeJSON(s string) (string, bool) {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			b.WriteByte(s[i])
			i++
		case s[i] == '"':
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	b.WriteByte('"')
	var text string
	err := json.Unmarshal([]byte(b.String()), &text)
	return text, err == nil
}
