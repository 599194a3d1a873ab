package sqldb

import (
	"context"
	"crypto/sha256"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
)

// A phrase is the words of a text, once for all resources that have it: in table
// phrase, and taken apart in the database's full text index. Table phrase_use
// says which parameters of which resources have it. Two spaces number phrases:
// those of tokens and references are kept as text, too, so that :text finds
// their beginning; passages of narratives and contents are not.

// cachedPhrase is up to how many bytes a phrase is kept in the cache of names.
const cachedPhrase = 255

// Phrase is a phrase as it is numbered.
type Phrase struct {
	Space Space
	Text  string
}

// phraseOf is the phrase of an entry, if it has one.
func phraseOf(e *search.Entry) (p Phrase, ok bool) {
	p = Phrase{PhraseSpace, Clean(e.Phrase())}
	switch {
	case e.Param.Kind != definitions.SearchSpecial:
	case e.Param.Code == narrativeCode:
		p.Space = NarrativeSpace
	default:
		p.Space = PassageSpace
	}
	return p, p.Text != ""
}

// NewPhrases adds to set the phrases of entries that are not in the cache.
func (n *Names) NewPhrases(set map[Phrase]bool, entries []search.Entry) {
	for i := range entries {
		if p, ok := phraseOf(&entries[i]); ok && !set[p] {
			if _, known := n.Known(p.Space, p.Text); !known {
				set[p] = true
			}
		}
	}
}

// IsPhrase says whether the names of a space are in table phrase.
func (s Space) IsPhrase() bool { return s >= PhraseSpace && s <= NarrativeSpace }

// PhraseHash tells phrases apart.
func (s Space) PhraseHash(text string) []byte {
	sum := sha256.Sum256([]byte(strconv.Itoa(int(s)) + " " + text))
	return sum[:16]
}

// Parameters over texts, and what stands before each word of a narrative in the
// full text index, so that a search in narratives passes over all else.
const (
	narrativeCode = "_text"
	contentCode   = "_content"
	narrativeMark = "§"
)

// Words is what the full text index has of a phrase.
func (s Space) Words(text string) string {
	if s == NarrativeSpace {
		return narrativeMark + strings.ReplaceAll(text, " ", " "+narrativeMark)
	}
	return text
}

// Norm is what table phrase keeps of a phrase besides its words: nil for a
// passage.
func (s Space) Norm(text string) any {
	if s == PhraseSpace {
		return text
	}
	return nil
}

// fewPhrases are named in a query one by one.
const fewPhrases = 200

func (c *compiler) textLeaf(x search.Text) leaf {
	return c.phraseLeaf(c.params(x.Param), join("", sql("SELECT p.id FROM phrase p WHERE "), startsWith("p.norm", Clean(x.Value))))
}

func (c *compiler) sequenceLeaf(x search.Sequence) leaf {
	marked := make([]string, len(x.Words)) // as those of narratives are
	for i, w := range x.Words {
		marked[i] = narrativeMark + w
	}
	if x.Param.Kind != definitions.SearchSpecial {
		return c.phraseLeaf(c.params(x.Param), sql(c.dialect.Phrases, c.dialect.Sequence(x.Words, x.Begun)))
	}
	narratives := c.dialect.Sequence(marked, x.Begun)
	if x.Param.Code == contentCode {
		return c.phraseLeaf(nil, sql(c.dialect.Phrases, c.dialect.Sequence(x.Words, x.Begun)+c.dialect.OrElse+narratives))
	}
	return c.phraseLeaf(c.params(x.Param), sql(c.dialect.Phrases, narratives))
}

// phraseLeaf is that a parameter (nil: any) has one of the phrases that a query
// gives.
func (c *compiler) phraseLeaf(params []int64, phrases fragment) leaf {
	l := leaf{table: "phrase_use", reach: bySet}
	if params != nil {
		l.params = in("@.param", params)
	}
	ids := c.firstPhrases(phrases)
	if len(ids) > fewPhrases {
		l.condition = join("", sql("@.phrase IN ("), phrases, sql(")"))
		return l
	}
	l.condition = in("@.phrase", ids)
	if params != nil {
		l.reach = byKey
		l.exact = len(ids) == 1 && len(params) == 1
	}
	return l
}

// firstPhrases looks up as many phrases as tell whether they are few.
func (c *compiler) firstPhrases(phrases fragment) []int64 {
	key := phrases.key()
	c.momentary = true
	ids, known := c.phrases[key]
	if known {
		return ids
	}
	text := c.dialect.Rebind(phrases.sql + " LIMIT " + strconv.Itoa(fewPhrases+1))
	c.fail(ForEach(c.ctx, short(c.db), text, phrases.args, func(r Rows) error {
		var id int64
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	}))
	if c.phrases == nil {
		c.phrases = map[uint64][]int64{}
	}
	c.phrases[key] = ids
	return ids
}

// sqliteSequence is a search for words in a row as FTS5 reads it.
func sqliteSequence(words []string, begun bool) string {
	text := `"` + strings.Join(words, " ") + `"`
	if begun {
		text += " *"
	}
	return text
}

// postgresSequence is a search for words in a row as a tsquery is written.
func postgresSequence(words []string, begun bool) string {
	text := "'" + strings.Join(words, "' <-> '") + "'"
	if begun {
		text += ":*"
	}
	return text
}

// Positions writes a phrase as a tsvector.
func Positions(phrase string) string {
	var b strings.Builder
	for i, w := range strings.Fields(phrase) {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteByte('\'')
		b.WriteString(w)
		b.WriteString("':")
		b.WriteString(strconv.Itoa(i + 1))
	}
	return b.String()
}

// orphansAtOnce is how many phrases are removed together.
const orphansAtOnce = 500

// Orphans gives some phrases after a number that no resource has, in order.
func (s *Reader) Orphans(ctx context.Context, db DB, after int64) (ids []int64, err error) {
	err = ForEach(ctx, db, s.Dialect.Rebind("SELECT p.id FROM phrase p WHERE p.id > ? AND NOT EXISTS (SELECT 1 FROM phrase_use u WHERE u.phrase = p.id) ORDER BY p.id LIMIT "+
		strconv.Itoa(orphansAtOnce)), []any{after}, func(r Rows) error {
		var id int64
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}
