package sqldb

import "bytes"

// quotes are the quotation marks of a JSON text, each with the byte before it, by which
// texts that end there are found without a look at the rest.
type quotes struct {
	json  []byte
	first [256]uint16 // by the byte before, the number of the first mark, from 1
	all   []quote     // the last one first
}

type quote struct{ at, next uint16 } // next is the number of the next one after the same byte, 0 for none

// quotesOf finds the quotation marks of at most 64 KiB of JSON.
func quotesOf(json []byte) *quotes {
	q := &quotes{json: json, all: make([]quote, 0, bytes.Count(json, []byte{'"'}))}
	for at := len(json); ; {
		if at = bytes.LastIndexByte(json[:at], '"'); at <= 0 {
			return q
		}
		before := json[at-1]
		q.all = append(q.all, quote{at: uint16(at), next: q.first[before]})
		q.first[before] = uint16(len(q.all))
	}
}

// find is where s first stands before a quotation mark, -1 when it does not.
func (q *quotes) find(s string) int {
	if s == "" {
		return -1
	}
	for n := q.first[s[len(s)-1]]; n > 0; n = q.all[n-1].next {
		end := int(q.all[n-1].at)
		if from := end - len(s); from >= 0 && string(q.json[from:end]) == s {
			return from
		}
	}
	return -1
}
