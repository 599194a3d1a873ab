package audit

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// An event is kept in parts: who and when, what, and one for each patient. Each is
// JSON with its members in order (RFC 8785), and by itself a leaf's secret, so that
// a patient can be shown one's own without those of others (leaf.go).

// core is the first part, of all that tells of no patient.
type core struct {
	Address string   `json:"a,omitzero"`
	Client  string   `json:"c,omitzero"`
	Is      string   `json:"i,omitzero"`
	Kind    Kind     `json:"k"`
	Login   string   `json:"l,omitzero"`
	Note    string   `json:"n,omitzero"`
	Purpose string   `json:"p,omitzero"`
	Request string   `json:"q,omitzero"`
	Roles   []string `json:"r,omitzero"`
	Status  int      `json:"s,omitzero"`
	Time    int64    `json:"t"` // microseconds since the epoch
	User    string   `json:"u,omitzero"`
	Count   int      `json:"v,omitzero"`
	Why     []string `json:"w,omitzero"`
	Token   string   `json:"x,omitzero"`
	Refused bool     `json:"z,omitzero"`
}

// what is the second part.
type what struct {
	Entities []string `json:"e,omitzero"`
	Query    string   `json:"q,omitzero"`
	Target   string   `json:"t,omitzero"`
}

// whose is each further part.
type whose struct {
	Entities []string `json:"e,omitzero"`
	Patient  string   `json:"p"`
}

// grounds is the last part, if there is anything to tell in it. It is for who may
// read the whole log.
type grounds struct {
	Consents []string `json:"g,omitzero"` // a patient, a Consent, a patient, a Consent ...
	Hidden   []string `json:"h,omitzero"` // what was hidden, and by what
	Owners   []string `json:"o,omitzero"` // of what was hidden
}

// tellsGrounds says whether a text is that of grounds.
func tellsGrounds(text []byte) bool {
	return len(text) > 2 && text[0] == '{' && bytes.IndexByte([]byte("gho"), text[2]) >= 0
}

// appendParts writes the parts of an event, each behind its length.
func (e *Event) appendParts(b []byte) []byte {
	n := 2 + len(e.Patients)
	grounded := len(e.Consents) > 0 || e.Hidden.Key != "" || len(e.Hidden.Patients) > 0
	if grounded {
		n++
	}
	b = binary.AppendUvarint(b, uint64(n))
	at := len(b)
	b = insertLength(e.appendCore(b), at)
	at = len(b)
	b = append(b, '{')
	b = appendEntities(b, e.Entities)
	b = appendText(b, 'q', e.Query)
	b = appendText(b, 't', e.Target)
	b = insertLength(append(b, '}'), at)
	for i := range e.Patients {
		at = len(b)
		b = append(b, '{')
		b = appendEntities(b, e.Patients[i].Entities)
		b = appendText(b, 'p', e.Patients[i].Key)
		b = insertLength(append(b, '}'), at)
	}
	if grounded {
		at = len(b)
		b = insertLength(e.appendGrounds(b), at)
	}
	return b
}

func (e *Event) appendGrounds(b []byte) []byte {
	var g grounds
	for _, c := range e.Consents {
		g.Consents = append(g.Consents, c.Patient, c.Consent+"|"+strconv.FormatInt(c.Version, 10))
	}
	if e.Hidden.Key != "" {
		g.Hidden = append([]string{e.Hidden.Key}, e.Hidden.By...)
	}
	b = appendTexts(append(b, '{'), 'g', g.Consents)
	b = appendTexts(b, 'h', g.Hidden)
	return append(appendTexts(b, 'o', e.Hidden.Patients), '}')
}

// insertLength puts the length of what begins at a place before it.
func insertLength(b []byte, at int) []byte {
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], uint64(len(b)-at))
	b = append(b, length[:n]...)
	copy(b[at+n:], b[at:])
	copy(b[at:], length[:n])
	return b
}

func (e *Event) appendCore(b []byte) []byte {
	a := &e.Agent
	b = append(b, '{')
	b = appendText(b, 'a', a.Address)
	b = appendText(b, 'c', a.Client)
	b = appendText(b, 'i', a.Is)
	b = appendText(b, 'k', string(e.Kind))
	b = appendText(b, 'l', a.Login)
	b = appendText(b, 'n', e.Note)
	b = appendText(b, 'p', a.Purpose)
	b = appendText(b, 'q', e.Request)
	b = appendTexts(b, 'r', a.Roles)
	b = appendNumber(b, 's', int64(e.Status))
	b = append(appendName(b, 't'), strconv.FormatInt(e.Time.UnixMicro(), 10)...)
	b = appendText(b, 'u', a.User)
	b = appendNumber(b, 'v', int64(e.Count))
	b = appendTexts(b, 'w', e.Why)
	b = appendText(b, 'x', a.Token)
	if e.Refused {
		b = append(appendName(b, 'z'), "true"...)
	}
	return append(b, '}')
}

func appendName(b []byte, name byte) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(b, '"', name, '"', ':')
}

func appendText(b []byte, name byte, text string) []byte {
	if text == "" {
		return b
	}
	return quote(appendName(b, name), text)
}

// quote replaces what is no UTF-8, which JSON cannot hold.
func quote(b []byte, text string) []byte {
	out, err := jsontext.AppendQuote(b, text)
	if err != nil {
		out, _ = jsontext.AppendQuote(b, strings.ToValidUTF8(text, "\uFFFD"))
	}
	return out
}

func appendTexts(b []byte, name byte, texts []string) []byte {
	if len(texts) == 0 {
		return b
	}
	b = append(appendName(b, name), '[')
	for i, text := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = quote(b, text)
	}
	return append(b, ']')
}

func appendNumber(b []byte, name byte, n int64) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendInt(appendName(b, name), n, 10)
}

// appendEntities writes them as "RObservation/1|3": action, key, version.
func appendEntities(b []byte, entities []Entity) []byte {
	if len(entities) == 0 {
		return b
	}
	b = append(appendName(b, 'e'), '[')
	for i, e := range entities {
		if i > 0 {
			b = append(b, ',')
		}
		// Keys of resources need no escapes.
		b = append(append(b, '"', byte(e.Action)), e.Key...)
		if e.Version > 0 {
			b = strconv.AppendInt(append(b, '|'), e.Version, 10)
		}
		b = append(b, '"')
	}
	return append(b, ']')
}

var errEvent = errors.New("audit: an event cannot be read")

// eventOf reads the parts of an event.
func eventOf(number int64, parts [][]byte) (*Event, error) {
	e := &Event{Number: number}
	if len(parts) == 0 {
		e.Erased = true
		return e, nil
	}
	if len(parts) < 2 {
		return nil, errEvent
	}
	var c core
	var w what
	if err := errors.Join(readPart(parts[0], &c), readPart(parts[1], &w)); err != nil {
		return nil, errors.Join(errEvent, err)
	}
	e.Time, e.Kind, e.Status, e.Refused, e.Request, e.Why, e.Note, e.Count = time.UnixMicro(c.Time).UTC(), c.Kind, c.Status, c.Refused, c.Request, c.Why, c.Note, c.Count
	e.Agent = Agent{User: c.User, Login: c.Login, Is: c.Is, Roles: c.Roles, Purpose: c.Purpose, Client: c.Client, Token: c.Token, Address: c.Address}
	e.Target, e.Query, e.Entities = w.Target, w.Query, entitiesOf(w.Entities)
	for i, part := range parts[2:] {
		if _, text, _ := openPart(salt{}, 0, part); i == len(parts)-3 && tellsGrounds(text) {
			var g grounds
			if err := json.Unmarshal(text, &g); err != nil {
				return nil, errors.Join(errEvent, err)
			}
			e.ground(g)
			continue
		}
		var p whose
		if err := readPart(part, &p); err != nil {
			return nil, errors.Join(errEvent, err)
		}
		e.Patients = append(e.Patients, Patient{p.Patient, entitiesOf(p.Entities)})
	}
	return e, nil
}

func (e *Event) ground(g grounds) {
	for pair := range slices.Chunk(g.Consents, 2) {
		key, version, _ := strings.Cut(pair[len(pair)-1], "|")
		n, _ := strconv.ParseInt(version, 10, 64)
		e.Consents = append(e.Consents, Counted{pair[0], key, n})
	}
	if len(g.Hidden) > 0 {
		e.Hidden = Hidden{Key: g.Hidden[0], By: g.Hidden[1:]}
	}
	e.Hidden.Patients = g.Owners
}

// readPart reads a part into a fresh value, which stays so when the part was erased.
func readPart(part []byte, into any) error {
	_, text, _ := openPart(salt{}, 0, part)
	if text == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

func entitiesOf(texts []string) []Entity {
	var all []Entity
	for _, text := range texts {
		if text == "" {
			continue
		}
		key, version, _ := strings.Cut(text[1:], "|")
		n, _ := strconv.ParseInt(version, 10, 64)
		all = append(all, Entity{Action(text[0]), key, n})
	}
	return all
}

// append writes the event behind others of its group, with a new salt and the keys
// by which it is found.
func (e *Event) append(b []byte) []byte {
	b = binary.AppendVarint(b, withTerms)
	b = binary.AppendVarint(b, e.Time.UnixMicro())
	b = append(b, make([]byte, len(salt{}))...)
	_, _ = rand.Read(b[len(b)-len(salt{}):]) // never fails
	keys := e.keys()
	b = binary.AppendUvarint(b, uint64(len(keys)))
	for _, key := range keys {
		b = binary.BigEndian.AppendUint64(b, uint64(key))
	}
	terms := e.terms(make([]term, 0, 64))
	b = binary.AppendUvarint(b, uint64(len(terms)))
	for _, t := range terms {
		b = binary.BigEndian.AppendUint32(b, uint32(t))
	}
	return e.appendParts(b)
}

// withTerms stands before the time of an event that has terms; those of earlier versions
// have none.
const withTerms = -1

// keys are hashes of whom the event is about.
func (e *Event) keys() []int64 {
	keys := make([]int64, 0, 3+len(e.Patients))
	add := func(kind byte, text string) {
		if text != "" {
			keys = append(keys, keyOf(kind, text))
		}
	}
	add(keyAgent, e.Agent.User)
	add(keyAgent, e.Agent.Is)
	add(keyAgent, e.Agent.Client)
	for i := range e.Patients {
		add(keyPatient, e.Patients[i].Key)
	}
	for _, key := range e.Hidden.Patients {
		add(keyPatient, key)
	}
	return keys
}

const (
	keyAgent   = 'a'
	keyPatient = 'p'
)

func keyOf(kind byte, text string) int64 {
	var b [64]byte
	sum := sha256.Sum256(append(append(b[:0], kind), text...))
	return int64(binary.BigEndian.Uint64(sum[:]))
}

func appendParts(b []byte, parts [][]byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(parts)))
	for _, part := range parts {
		b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
	}
	return b
}

// sizeOfParts is the most bytes that appendParts appends.
func sizeOfParts(parts [][]byte) int {
	size := binary.MaxVarintLen32
	for _, part := range parts {
		size += binary.MaxVarintLen32 + len(part)
	}
	return size
}

// entry is an event as it is read from its group.
type entry struct {
	time  int64 // microseconds since the epoch
	salt  salt
	keys  []int64
	terms []term // nil: none are known
	parts [][]byte
}

// entriesOf reads a group.
func entriesOf(group []byte) ([]*entry, error) {
	var all []*entry
	r := reader{b: group}
	for len(r.b) > 0 && !r.bad {
		n := &entry{time: r.varint()}
		known := n.time == withTerms
		if known {
			n.time = r.varint()
		}
		copy(n.salt[:], r.bytes(len(n.salt)))
		n.keys = make([]int64, r.count(8))
		for i := range n.keys {
			n.keys[i] = int64(binary.BigEndian.Uint64(r.bytes(8)))
		}
		if known {
			n.terms = make([]term, r.count(4))
			for i := range n.terms {
				n.terms[i] = term(binary.BigEndian.Uint32(r.bytes(4)))
			}
		}
		n.parts = r.parts()
		all = append(all, n)
	}
	if r.bad {
		return nil, errEvent
	}
	return all, nil
}

// reader reads what was written; bad says that there was less.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count is a number of things of at least size bytes each.
func (r *reader) count(size int) int {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > uint64((len(r.b)-n)/size) {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return int(v)
}

// bytes are the next n; zeros when there are fewer.
func (r *reader) bytes(n int) []byte {
	if n > len(r.b) {
		r.bad, r.b = true, nil
		return make([]byte, n)
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) parts() [][]byte {
	n := r.count(1)
	parts := make([][]byte, 0, min(n, few))
	for range n {
		parts = append(parts, r.bytes(r.count(1)))
	}
	return parts
}
