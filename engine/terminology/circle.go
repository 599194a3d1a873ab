package terminology

// circles refuses a value set that includes or excludes itself, directly or
// through others. What is missing is passed over.
func (s *scope) circles(v *ValueSet, above []*ValueSet, done map[*ValueSet]bool) error {
	if err := s.enter(v, above); err != nil || done[v] {
		return err
	}
	above = append(above[:len(above):len(above)], v)
	for _, list := range [][]include{v.includes, v.excludes} {
		for i := range list {
			for _, reference := range list[i].ValueSets {
				set, err := s.valueSet(reference, v)
				if err != nil {
					return err
				}
				if set == nil {
					continue
				}
				if err := s.circles(set, above, done); err != nil {
					return err
				}
			}
		}
	}
	done[v] = true
	return nil
}
