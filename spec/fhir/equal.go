package fhir

// Equal says whether n and o have the same content: the same type, elements
// and values, the text of numbers included. The order of different elements
// does not matter, that of the values of one element does.
func (n Node) Equal(o Node) bool {
	if n.t == nil || o.t == nil {
		return n.t == o.t
	}
	if n.HasValue() != o.HasValue() || n.Text() != o.Text() || n.Type().Name != o.Type().Name {
		return false
	}
	count := 0
	b := o.FirstChild()
	for a := n.FirstChild(); a.t != nil; a = a.NextSibling() {
		twin := b
		if twin.t == nil || twin.PropertyName() != a.PropertyName() {
			twin = n.twin(a, o)
		}
		if twin.t == nil || !a.Equal(twin) {
			return false
		}
		b = twin.NextSibling()
		count++
	}
	for c := o.FirstChild(); c.t != nil; c = c.NextSibling() {
		count--
	}
	return count == 0
}

// twin is the child of o that is as many-th of its property as a is in n.
func (n Node) twin(a, o Node) Node {
	name := a.PropertyName()
	at := 0
	for c := n.FirstChild(); c.i != a.i; c = c.NextSibling() {
		if c.PropertyName() == name {
			at++
		}
	}
	for c := o.FirstChild(); c.t != nil; c = c.NextSibling() {
		if c.PropertyName() == name {
			if at == 0 {
				return c
			}
			at--
		}
	}
	return Node{}
}
