package sqldb

import (
	"encoding/binary"
	"slices"
)

// pack packs choices. Policies up to after that come to nothing need no record.
func (t *decided) pack(choices *Choices, after int64) *packed {
	p := &packed{by: t, changes: t.changes, of: len(choices.numbers), bytes: []byte{}, hi: -1, slot: fewSlot}
	if p.of == 0 {
		return p
	}
	p.lo, p.hi = choices.numbers[0], choices.numbers[p.of-1]
	if p.hi-p.lo >= maxPacked/slotSize || firstOther+len(t.conditions) > maxPlace {
		p.bytes = nil
		return p
	}
	p.fields = t.fields(choices)
	w := packing{t: t, fields: p.fields, records: map[int32]int{}, texts: map[string]int{}}
	for i, n := range choices.numbers {
		if one := choices.of[choices.kinds[i]]; one.condition != holdsNever || n > after {
			w.add(choices.kinds[i], one)
		}
	}
	slots := int(p.hi - p.lo + 1)
	if slots*fewSlot+len(w.all)+len(w.text) > maxPlace {
		p.slot = slotSize
	}
	if slots*p.slot+len(w.all)+len(w.text) > maxPacked || w.large {
		p.bytes = nil
		return p
	}
	p.bytes = make([]byte, slots*p.slot, slots*p.slot+len(w.all)+len(w.text))
	w.place(slots*p.slot + len(w.all))
	for i, n := range choices.numbers {
		if at, ok := w.records[choices.kinds[i]]; ok && (choices.of[choices.kinds[i]].condition != holdsNever || n > after) {
			put(p.bytes[int(n-p.lo)*p.slot:][:p.slot], int64(slots*p.slot+at))
		}
	}
	p.bytes = append(append(p.bytes, w.all...), w.text...)
	return p
}

// fields are those of the records of choices.
func (t *decided) fields(choices *Choices) map[fieldKey]field {
	numbers := map[fieldKey][]int64{}
	for _, one := range choices.of {
		for place, v := range one.values {
			if n, ok := v.(int64); ok {
				key := fieldKey{one.condition, place}
				numbers[key] = append(numbers[key], n)
			}
		}
	}
	fields := map[fieldKey]field{}
	for _, s := range t.conditions {
		at := headSize
		for place, differs := range s.differ {
			if !differs {
				continue
			}
			f := field{size: placeSize + lengthSize}
			if _, is := s.values[place].(int64); is {
				f = fieldOf(numbers[fieldKey{s.number, place}])
			}
			f.at = at
			at += f.size
			fields[fieldKey{s.number, place}] = f
		}
	}
	return fields
}

// fieldOf is the field that has numbers.
func fieldOf(numbers []int64) field {
	f := field{size: wholeSize}
	if len(numbers) == 0 {
		return f
	}
	least, most := slices.Min(numbers), slices.Max(numbers)
	var step int64
	if most-least < 0 { // more than there are numbers
		return f
	}
	for _, n := range numbers {
		for a := n - least; a != 0; {
			step, a = a, step%a
		}
	}
	step = max(step, 1)
	for size := 1; size <= 3; size++ {
		if (most-least)/step < 1<<(8*size) {
			return field{size: size, least: least, step: step}
		}
	}
	return f
}

// packing is the records and texts of a packed on the way.
type packing struct {
	t       *decided
	fields  map[fieldKey]field
	all     []byte
	records map[int32]int // by kind
	text    []byte
	texts   map[string]int
	begins  []int // in all, where texts begin
	large   bool  // too much for the sizes
}

// add appends the record of a kind.
func (w *packing) add(kind int32, one choice) {
	if _, ok := w.records[kind]; ok {
		return
	}
	w.records[kind] = len(w.all)
	w.all = binary.BigEndian.AppendUint16(w.all, uint16(one.condition))
	if one.condition < firstOther {
		return
	}
	differ := w.t.conditions[one.condition-firstOther].differ
	for i, v := range one.values {
		if !differ[i] {
			continue
		}
		switch v := v.(type) {
		case int64:
			f := w.fields[fieldKey{one.condition, i}]
			if f.step != 0 {
				v = (v - f.least) / f.step
			}
			w.all = append(w.all, make([]byte, f.size)...)
			put(w.all[len(w.all)-f.size:], v)
		case string:
			at, ok := w.texts[v]
			if !ok {
				at = len(w.text)
				w.texts[v] = at
				w.text = append(w.text, v...)
			}
			w.large = w.large || len(v) > maxPlace || at > maxPacked
			w.begins = append(w.begins, len(w.all))
			w.all = append(w.all, byte(at>>16), byte(at>>8), byte(at), byte(len(v)>>8), byte(len(v)))
		default:
			panic("sqldb: a value that is neither a number nor a text")
		}
	}
}

// place says where the texts begin.
func (w *packing) place(texts int) {
	for _, at := range w.begins {
		field := w.all[at:][:placeSize]
		put(field, int64(texts)+(int64(field[0])<<16|int64(field[1])<<8|int64(field[2])))
	}
}

// put writes n over all of field.
func put(field []byte, n int64) {
	for i := range field {
		field[len(field)-1-i] = byte(n >> (8 * i))
	}
}
