package definitions

// properties is a small hash table from JSON property names to properties.
// Parsing asks it once for each property of each resource, and there are a
// thousand of them, so it is denser and quicker than a map.
type properties struct {
	list  []*Property
	slots []uint16 // index into list + 1; 0 is free; len is a power of two
}

func (p *properties) init(n int) {
	size := 4
	for size < n*2 {
		size *= 2
	}
	p.list = make([]*Property, 0, n)
	p.slots = make([]uint16, size)
}

func (p *properties) add(prop *Property) {
	p.list = append(p.list, prop)
	mask := uint32(len(p.slots) - 1)
	i := hash(prop.Name) & mask
	for p.slots[i] != 0 {
		i = (i + 1) & mask
	}
	p.slots[i] = uint16(len(p.list))
}

func (p *properties) find(name string) (*Property, bool) { return find(p, name) }

func find[S string | []byte](p *properties, name S) (*Property, bool) {
	if len(name) == 0 || len(p.slots) == 0 {
		return nil, false
	}
	mask := uint32(len(p.slots) - 1)
	for i := hash(name) & mask; p.slots[i] != 0; i = (i + 1) & mask {
		if prop := p.list[p.slots[i]-1]; prop.Name == string(name) {
			return prop, true
		}
	}
	return nil, false
}

// hash mixes every byte: the names of one type often share their beginnings
// ("valueQuantity", "valueRange") and sometimes their ends.
func hash[S string | []byte](s S) uint32 {
	h := uint32(2166136261)
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return h ^ h>>15
}
