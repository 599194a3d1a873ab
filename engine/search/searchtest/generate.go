package searchtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// generator makes queries from index entries.
type generator struct {
	*rand.Rand
	catalog   *search.Catalog
	documents []*search.Document
	inside    map[fhir.Key][]search.Entry // of what they contain
	byKey     map[fhir.Key]*search.Document
	referrers map[fhir.Key][]*search.Document
	terms     *terms  // what its queries ask for
	fixed     *string // the prefix of ordered values; nil: any
}

func newGenerator(catalog *search.Catalog, seed uint64) *generator {
	return &generator{
		catalog:   catalog,
		Rand:      rand.New(rand.NewPCG(seed, 1)),
		inside:    map[fhir.Key][]search.Entry{},
		byKey:     map[fhir.Key]*search.Document{},
		referrers: map[fhir.Key][]*search.Document{},
		terms:     &terms{sets: map[string][]search.Coding{}, parents: map[search.Coding][]search.Coding{}},
	}
}

// options are those to parse its queries with.
func (g *generator) options() search.ParseOptions {
	return search.ParseOptions{MaxCount: 1000, Terminology: g.terms}
}

// prefix is one of a date, number or quantity.
func (g *generator) prefix() string {
	if g.fixed != nil {
		return *g.fixed
	}
	return g.oneOf(prefixes...)
}

func (g *generator) add(tree *fhir.Tree, entries []search.Entry) {
	root := tree.Root()
	d := &search.Document{
		Key:     fhir.Key{Type: fhir.Type(root.Type().Name), ID: fhir.ID(root.Child("id").Text())},
		Entries: g.named(root.Type().Name, entries),
	}
	g.documents = append(g.documents, d)
	g.byKey[d.Key] = d
	for _, e := range entries {
		if e.Param.Inside() {
			g.inside[d.Key] = append(g.inside[d.Key], e)
		}
		if e.RefID != "" {
			to := fhir.Key{Type: fhir.Type(e.RefType), ID: fhir.ID(e.RefID)}
			g.referrers[to] = append(g.referrers[to], d)
		}
	}
}

// named leaves out entries that no query can ask for, and adds those of
// parameters that have the values of others.
func (g *generator) named(typeName string, entries []search.Entry) []search.Entry {
	all := slices.DeleteFunc(slices.Clone(entries), func(e search.Entry) bool {
		_, known := g.catalog.Param(typeName, strings.TrimSuffix(e.Param.Code, "/type"))
		return !known
	})
	for _, p := range g.catalog.Parameters(typeName) {
		for _, e := range entries {
			if e.Param != p.Param && p.Names(&e) {
				e.Param = p.Param
				all = append(all, e)
			}
		}
	}
	return all
}

// oneOf picks an alternative.
func (g *generator) oneOf(alternatives ...string) string {
	return alternatives[g.IntN(len(alternatives))]
}

// query makes a URL and, unless it is zero, the key of a resource that it must
// find.
func (g *generator) query() (url string, sure fhir.Key) {
	d := g.documents[g.IntN(len(g.documents))]
	for len(d.Entries) == 0 {
		d = g.documents[g.IntN(len(g.documents))]
	}
	var parts []string
	certain := true
	for range 1 + g.IntN(3) {
		part, found := g.condition(d, 2)
		parts = append(parts, part)
		certain = certain && found
	}
	if g.IntN(5) == 0 {
		parts, certain = append(parts, "_filter="+g.filter(d)), false
	}
	if g.IntN(2) == 0 {
		parts = append(parts, "_sort="+g.sort(d))
	}
	parts = append(parts, "_count="+strconv.Itoa(10+g.IntN(30)*g.IntN(30)))
	if certain {
		sure = d.Key
	}
	escaped := strings.NewReplacer("%", "%25", "&", "%26")
	for i := range parts {
		parts[i] = escaped.Replace(parts[i])
	}
	return string(d.Key.Type) + "?" + strings.Join(parts, "&"), sure
}

// condition makes one parameter about a document, following references up to
// depth times. sure says that the document satisfies it.
func (g *generator) condition(d *search.Document, depth int) (text string, sure bool) {
	if depth > 0 && g.IntN(6) == 0 {
		if text, sure, ok := g.has(d, depth); ok {
			return text, sure
		}
	}
	if inside := g.inside[d.Key]; len(inside) > 0 && g.IntN(3) == 0 {
		if text, sure := g.chainInside(&inside[g.IntN(len(inside))]); text != "" {
			return text, sure
		}
	}
	e := &d.Entries[g.IntN(len(d.Entries))]
	if depth > 0 && e.RefID != "" && g.IntN(3) == 0 {
		target := g.byKey[fhir.Key{Type: fhir.Type(e.RefType), ID: fhir.ID(e.RefID)}]
		if target != nil && len(target.Entries) > 0 {
			text, sure = g.condition(target, depth-1)
			return e.Param.Code + ":" + e.RefType + "." + text, sure
		}
	}
	code, typed := strings.CutSuffix(e.Param.Code, "/type")
	if g.IntN(12) == 0 && !typed && code != "_content" {
		want := g.IntN(3) > 0
		return fmt.Sprintf("%s:missing=%t", e.Param.Code, !want), want
	}
	if typed {
		kind, value, _ := strings.Cut(e.Code, "|")
		return code + ":of-type=" + search.Escape(e.System) + "|" + search.Escape(kind) + "|" + search.Escape(value), true
	}
	if g.advanced() && g.IntN(3) == 0 {
		if text := g.advancedText(e); text != "" {
			return text, true
		}
	}
	if phrase := e.Phrase(); phrase != "" && (e.Param.Kind == definitions.SearchSpecial || g.IntN(4) == 0) {
		return g.words(e, phrase)
	}
	if e.Param.Code == "near" {
		return g.near(), false
	}
	modifier, value, sure := g.value(e)
	if g.IntN(5) == 0 {
		other := g.documents[g.IntN(len(g.documents))]
		for i := range other.Entries {
			if o := &other.Entries[i]; o.Param == e.Param && modifier == "" {
				_, more, _ := g.value(o)
				if m, _, _ := g.value(o); m == "" {
					value += "," + more
				}
				break
			}
		}
	}
	if e.Param.Kind == definitions.SearchToken && modifier == "" && g.IntN(8) == 0 {
		modifier, sure = ":not", false
	}
	return e.Param.Code + modifier + "=" + value, sure
}

// chainInside makes a chain that leads to an entry of a contained resource, "" when
// none does.
func (g *generator) chainInside(e *search.Entry) (text string, sure bool) {
	code := e.Param.Code // "encounter#Encounter.subject#Patient*.name"
	last := strings.LastIndexByte(code, '#')
	if !strings.Contains(code[last:], ".") || strings.HasSuffix(code, "/type") || e.Param.Kind == definitions.SearchSpecial || e.Param.Kind == definitions.SearchComposite {
		return "", false
	}
	chain := strings.ReplaceAll(strings.ReplaceAll(code, "#", ":"), "*.", ".")
	if g.IntN(12) == 0 {
		return chain + ":missing=false", true
	}
	modifier, value, sure := g.value(e)
	return chain + modifier + "=" + value, sure
}

// words makes a search by a piece of a phrase.
func (g *generator) words(e *search.Entry, phrase string) (text string, sure bool) {
	words := strings.Fields(phrase)
	if e.Param.Kind != definitions.SearchSpecial && g.IntN(3) > 0 {
		letters := []rune(phrase)
		begin := strings.TrimSpace(string(letters[:1+g.IntN(min(len(letters), 40))]))
		return e.Param.Code + ":text=" + begin, true
	}
	from := g.IntN(len(words))
	row := words[from : from+1+g.IntN(min(3, len(words)-from))]
	if slices.Contains(row, "¶") {
		row = row[:1]
	}
	value := `"` + strings.Join(row, " ") + `"`
	if row[0] == "¶" {
		value = "x*"
	}
	code := "_content"
	if e.Param.Code == "_text" {
		code = g.oneOf("_text", "_content")
	}
	return code + g.oneOf("=", "=-", "=x* OR ") + value, false
}

// near makes a search for places around one.
func (g *generator) near() string {
	return fmt.Sprintf("near=%d|%d|%d|km", g.IntN(180)-90, g.IntN(360)-180, 1+g.IntN(20_000))
}

// advanced says whether the release has searches by words in any text.
func (g *generator) advanced() bool { return g.catalog.Definitions().Release == definitions.R5 }

// advancedText makes a search by words that stand in a row in an entry's text,
// "" when it has none.
func (g *generator) advancedText(e *search.Entry) string {
	modifier, text := ":text-advanced", e.Phrase()
	switch e.Param.Kind {
	case definitions.SearchString:
		modifier, text = ":text", e.Norm
	case definitions.SearchToken, definitions.SearchReference:
	default:
		return ""
	}
	words := strings.Fields(text)
	if len(words) == 0 {
		return ""
	}
	from := g.IntN(len(words))
	row := strings.Join(words[from:from+1+g.IntN(min(3, len(words)-from))], " ")
	if search.Normalize(row) != row || search.Phrase(row) != row {
		return ""
	}
	if g.IntN(3) == 0 {
		letters := []rune(row)
		if row = strings.TrimSpace(string(letters[:1+g.IntN(len(letters))])); search.Normalize(row) != row {
			return ""
		}
		return e.Param.Code + modifier + "=\"" + row + "\"*"
	}
	return e.Param.Code + modifier + "=\"" + row + "\""
}

// has makes a _has about something that refers to d.
func (g *generator) has(d *search.Document, depth int) (text string, sure, ok bool) {
	referrers := g.referrers[d.Key]
	if len(referrers) == 0 {
		return "", false, false
	}
	from := referrers[g.IntN(len(referrers))]
	for i := range from.Entries {
		if e := &from.Entries[i]; e.RefID == string(d.Key.ID) && e.RefType == string(d.Key.Type) {
			text, sure = g.condition(from, depth-1)
			return fmt.Sprintf("_has:%s:%s:%s", from.Key.Type, e.Param.Code, text), sure, true
		}
	}
	return "", false, false
}

// sort makes a _sort of parameters that a document has.
func (g *generator) sort(d *search.Document) string {
	keys := []string{"_id", "_lastUpdated"}
	for i := range d.Entries {
		if p := d.Entries[i].Param; p.Kind != definitions.SearchComposite && p.Kind != definitions.SearchSpecial && !strings.HasSuffix(p.Code, "/type") && !slices.Contains(keys, p.Code) {
			keys = append(keys, p.Code)
		}
	}
	g.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	keys = keys[:min(len(keys), 1+g.IntN(2))]
	for i := range keys {
		keys[i] = g.oneOf("", "-") + keys[i]
	}
	return strings.Join(keys, ",")
}

// value makes a value that an entry satisfies (sure) or may satisfy.
func (g *generator) value(e *search.Entry) (modifier, value string, sure bool) {
	switch e.Param.Kind {
	case definitions.SearchToken:
		return "", g.token(e), e.Code != ""
	case definitions.SearchString:
		return g.text(e)
	case definitions.SearchReference:
		switch {
		case e.RefID != "" && g.IntN(3) == 0:
			return ":" + e.RefType, e.RefID, true
		case e.RefID != "":
			return "", e.RefType + "/" + e.RefID, true
		case e.URL != "" && (strings.Contains(e.URL, "://") || strings.HasPrefix(e.URL, "urn:")):
			return "", search.Escape(e.URL), true
		case e.URL == "":
			return ":identifier", g.token(e), e.Code != ""
		}
		return ":missing", "false", true
	case definitions.SearchURI:
		return "", search.Escape(e.URL), true
	case definitions.SearchDate:
		return "", g.prefix() + g.time(e.Time), false
	case definitions.SearchNumber:
		return "", g.number(e.Number), false
	case definitions.SearchQuantity:
		return "", g.quantity(e), false
	}
	parts := make([]string, len(e.Parts))
	sure = true
	for i := range e.Parts {
		m, part, s := g.value(&e.Parts[i])
		for m != "" {
			m, part, s = g.value(&e.Parts[i])
		}
		parts[i] = part
		sure = sure && s
	}
	return "", strings.Join(parts, "$"), sure
}

func (g *generator) token(e *search.Entry) string {
	code := search.Escape(e.Code)
	switch {
	case e.Code == "" && e.System != "":
		return search.Escape(e.System) + "|"
	case e.Code == "":
		return "nothing"
	}
	switch g.IntN(4) {
	case 0, 1:
		return search.Escape(e.System) + "|" + code
	case 2:
		if e.System != "" {
			return search.Escape(e.System) + "|"
		}
	}
	return code
}

// text cuts a piece out of a text.
func (g *generator) text(e *search.Entry) (modifier, value string, sure bool) {
	letters := []rune(e.Norm)
	if len(letters) == 0 || g.IntN(4) == 0 {
		return ":exact", search.Escape(e.Text), true
	}
	start := 0
	if g.IntN(2) == 0 {
		modifier, start = ":contains", g.IntN(len(letters))
	}
	piece := string(letters[start : start+1+g.IntN(min(len(letters)-start, 60))])
	if search.Normalize(piece) == "" {
		return "", search.Escape(string(letters[:min(len(letters), 60)])), true
	}
	// The end of a piece may be a blank or half of a letter that was taken
	// apart; what is left of it then need not be where it was.
	return modifier, search.Escape(piece), search.Normalize(piece) == piece
}

// time writes an end of a range with some precision.
func (g *generator) time(r search.TimeRange) string {
	at := r.Lo
	if at == search.MinTime || g.IntN(4) == 0 && r.Hi != search.MaxTime {
		at = r.Hi
	}
	return time.UnixMicro(at).UTC().Format(g.oneOf("2006", "2006-01", "2006-01-02", "2006-01-02T15:04Z", "2006-01-02T15:04:05Z", "2006-01-02T15:04:05.000Z"))
}

// number writes a value with some precision and a prefix.
func (g *generator) number(r search.NumberRange) string {
	return g.prefix() + strconv.FormatFloat(r.Value, 'f', g.IntN(4)-1, 64)
}

func (g *generator) quantity(e *search.Entry) string {
	number := g.number(e.Number)
	switch g.IntN(4) {
	case 0:
		return number
	case 1:
		return number + "||" + search.Escape(e.Code+g.oneOf("", "x"))
	case 2:
		if e.System != "" {
			return number + "|" + search.Escape(e.System) + "|"
		}
	}
	return number + "|" + search.Escape(e.System) + "|" + search.Escape(e.Code)
}
