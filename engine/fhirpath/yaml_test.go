package fhirpath_test

import "strings"

// yamlReader reads the part of YAML that the cases of fhirpath.js use: block
// maps and lists, flow lists, and scalars of every style, all as strings.
type yamlReader struct{ lines []string }

func parseYAML(src string) any {
	r := &yamlReader{lines: strings.Split(strings.ReplaceAll(src, "\r\n", "\n"), "\n")}
	return r.block(0)
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// peek returns the next line with content, dropping blank ones and comments.
func (r *yamlReader) peek() (string, bool) {
	for len(r.lines) > 0 {
		if text := strings.TrimSpace(r.lines[0]); text != "" && text[0] != '#' {
			return r.lines[0], true
		}
		r.lines = r.lines[1:]
	}
	return "", false
}

func isItem(text string) bool { return text == "-" || strings.HasPrefix(text, "- ") }

// block reads the map, list or scalar that stands at least at least columns in.
func (r *yamlReader) block(least int) any {
	line, ok := r.peek()
	if !ok || indentOf(line) < least {
		return nil
	}
	indent := indentOf(line)
	if isItem(line[indent:]) {
		var list []any
		for ok && indentOf(line) == indent && isItem(line[indent:]) {
			// An item is a block of its own, two columns in.
			r.lines[0] = line[:indent] + " " + line[indent+1:]
			list = append(list, r.block(indent+1))
			line, ok = r.peek()
		}
		return list
	}
	if _, _, ok := cutKey(line[indent:]); !ok {
		r.lines = r.lines[1:]
		return r.scalar(line[indent:], indent-1)
	}
	m := map[string]any{}
	for ok && indentOf(line) == indent {
		key, rest, isKey := cutKey(line[indent:])
		if !isKey {
			break
		}
		r.lines = r.lines[1:]
		switch {
		case rest == "":
			next, more := r.peek()
			if more && isItem(strings.TrimSpace(next)) && indentOf(next) >= indent {
				m[key] = r.block(indent)
			} else {
				m[key] = r.block(indent + 1)
			}
		case rest[0] == '>' || rest[0] == '|':
			m[key] = r.literal(indent, rest[0] == '>')
		default:
			m[key] = r.scalar(rest, indent)
		}
		line, ok = r.peek()
	}
	return m
}

// cutKey splits "key: rest".
func cutKey(text string) (key, rest string, ok bool) {
	if text[0] == '\'' || text[0] == '"' {
		end := strings.IndexByte(text[1:], text[0])
		if end < 0 || !strings.HasPrefix(text[end+2:], ":") {
			return "", "", false
		}
		return text[1 : end+1], strings.TrimSpace(text[end+3:]), true
	}
	i := strings.Index(text+" ", ": ")
	if i <= 0 || strings.ContainsAny(text[:i], "'\"()[]{} ") && !strings.HasPrefix(text, "group") {
		return "", "", false
	}
	return text[:i], strings.TrimSpace(text[min(i+1, len(text)):]), true
}

// literal reads a > or | scalar under a key at indent.
func (r *yamlReader) literal(indent int, folded bool) string {
	var parts []string
	for len(r.lines) > 0 && (strings.TrimSpace(r.lines[0]) == "" || indentOf(r.lines[0]) > indent) {
		parts = append(parts, strings.TrimSpace(r.lines[0]))
		r.lines = r.lines[1:]
	}
	separator := "\n"
	if folded {
		separator = " "
	}
	return strings.TrimSpace(strings.Join(parts, separator))
}

// scalar reads a value that begins with text and may go on in deeper lines.
func (r *yamlReader) scalar(text string, indent int) any {
	for !complete(text) || text[0] != '\'' && text[0] != '"' && text[0] != '[' {
		if len(r.lines) == 0 || strings.TrimSpace(r.lines[0]) != "" && indentOf(r.lines[0]) <= indent || strings.TrimSpace(r.lines[0]) == "" {
			break
		}
		text += " " + strings.TrimSpace(r.lines[0])
		r.lines = r.lines[1:]
	}
	v, _ := value(text)
	return v
}

// complete says whether the quotes and brackets of text are closed.
func complete(text string) bool {
	switch text[0] {
	case '\'', '"', '[':
		_, rest := value(text)
		return rest != "…"
	}
	return true
}

// value reads one flow value; rest is what follows it, "…" when it has no
// end.
func value(text string) (v any, rest string) {
	switch text[0] {
	case '\'':
		var b strings.Builder
		for i := 1; i < len(text); i++ {
			if text[i] == '\'' {
				if i+1 < len(text) && text[i+1] == '\'' {
					i++
				} else {
					return b.String(), text[i+1:]
				}
			}
			b.WriteByte(text[i])
		}
		return b.String(), "…"
	case '"':
		var b strings.Builder
		for i := 1; i < len(text); i++ {
			switch {
			case text[i] == '"':
				return b.String(), text[i+1:]
			case text[i] == '\\' && i+1 < len(text):
				i++
				b.WriteString(map[byte]string{'n': "\n", 't': "\t", 'r': "\r"}[text[i]])
				if strings.IndexByte("ntr", text[i]) >= 0 {
					continue
				}
			}
			b.WriteByte(text[i])
		}
		return b.String(), "…"
	case '[':
		list := []any{}
		text = strings.TrimSpace(text[1:])
		for text != "" {
			if text[0] == ']' {
				return list, text[1:]
			}
			var item any
			if text[0] == '\'' || text[0] == '"' || text[0] == '[' {
				item, text = value(text)
			} else {
				end := strings.IndexAny(text, ",]")
				if end < 0 {
					return list, "…"
				}
				item, text = strings.TrimSpace(text[:end]), text[end:]
			}
			list = append(list, item)
			text = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(text), ","))
		}
		return list, "…"
	}
	if i := strings.Index(text, " #"); i >= 0 {
		text = text[:i]
	}
	return strings.TrimSpace(text), ""
}
