package record

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// coder writes or reads records, whichever it was made for: each record type
// lists its fields once, so that what is written is what is read. Strings go
// to a table and are referred to by number.
type coder struct {
	writing bool
	buf     []byte // written so far, or left to read
	table   []string
	index   map[string]int
	err     error
}

var errCorrupt = errors.New("definitions: embedded data is corrupt")

// Encode writes what visit lists: a string table, then the numbers.
func encode(visit func(*coder)) []byte {
	c := &coder{writing: true, index: map[string]int{"": 0}, table: []string{""}}
	visit(c)
	out := binary.AppendUvarint(nil, uint64(len(c.table)))
	for _, s := range c.table {
		out = binary.AppendUvarint(out, uint64(len(s)))
	}
	for _, s := range c.table {
		out = append(out, s...)
	}
	return append(out, c.buf...)
}

// decode reads what encode wrote; strings share one allocation.
func decode(data []byte, visit func(*coder)) error {
	c := &coder{buf: data}
	n := c.number()
	if n < 0 || n > len(data) {
		return errCorrupt
	}
	lengths := make([]int, n)
	total := 0
	for i := range lengths {
		lengths[i] = c.number()
		total += lengths[i]
	}
	if c.err != nil || total < 0 || total > len(c.buf) {
		return errCorrupt
	}
	text := string(c.buf[:total])
	c.buf = c.buf[total:]
	c.table = make([]string, n)
	for i, l := range lengths {
		if l < 0 || l > len(text) {
			return errCorrupt
		}
		c.table[i], text = text[:l], text[l:]
	}
	visit(c)
	if c.err == nil && len(c.buf) != 0 {
		c.err = fmt.Errorf("%w: %d bytes left over", errCorrupt, len(c.buf))
	}
	return c.err
}

func (c *coder) number() int {
	// One byte is by far the most frequent case.
	if len(c.buf) > 0 && c.buf[0] < 0x80 {
		v := int(c.buf[0])
		c.buf = c.buf[1:]
		return v
	}
	v, n := binary.Uvarint(c.buf)
	if n <= 0 || v > 1<<40 {
		c.err = errCorrupt
		c.buf = nil
		return 0
	}
	c.buf = c.buf[n:]
	return int(v)
}

// int codes a number that is not below Unset.
func (c *coder) int(v *int) {
	if c.writing {
		c.buf = binary.AppendUvarint(c.buf, uint64(*v+1))
		return
	}
	*v = c.number() - 1
}

func (c *coder) string(s *string) {
	if c.writing {
		i, known := c.index[*s]
		if !known {
			i = len(c.table)
			c.index[*s] = i
			c.table = append(c.table, *s)
		}
		c.buf = binary.AppendUvarint(c.buf, uint64(i))
		return
	}
	i := c.number()
	if i >= len(c.table) {
		c.err = errCorrupt
		return
	}
	*s = c.table[i]
}

// bools codes up to 14 flags as one number.
func (c *coder) bools(flags ...*bool) {
	if c.writing {
		v := 0
		for i, f := range flags {
			if *f {
				v |= 1 << i
			}
		}
		c.buf = binary.AppendUvarint(c.buf, uint64(v))
		return
	}
	v := c.number()
	for i, f := range flags {
		*f = v&(1<<i) != 0
	}
}

func (c *coder) strings(list *[]string) { slice(c, list, (*coder).string) }

// slice codes a list; an empty one is read as nil.
func slice[T any](c *coder, list *[]T, each func(*coder, *T)) {
	n := len(*list)
	if c.writing {
		c.buf = binary.AppendUvarint(c.buf, uint64(n))
	} else if n = c.number(); n > len(c.buf) {
		c.err = errCorrupt
		return
	} else if n > 0 {
		*list = make([]T, n)
	}
	for i := range n {
		each(c, &(*list)[i])
	}
}

// optional codes a pointer that may be nil.
func optional[T any](c *coder, p **T, each func(*coder, *T)) {
	there := *p != nil
	c.bools(&there)
	if !there {
		return
	}
	if !c.writing {
		*p = new(T)
	}
	each(c, *p)
}
