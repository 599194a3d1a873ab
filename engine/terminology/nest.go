package terminology

// nest puts items below the nearest concept above them that is there, too.
func nest(page []item, made []Contained) []Contained {
	type place struct {
		cs    *CodeSystem
		index int32
	}
	at := map[place]int{}
	for i := range page {
		if it := &page[i]; it.nests && it.sys != nil && it.sys.parents != nil {
			at[place{it.sys.CodeSystem, it.index}] = i
		}
	}
	if len(at) == 0 {
		return made
	}
	children := make([][]int, len(page))
	var roots []int
	for i := range page {
		above := -1
		if it := &page[i]; it.nests && it.sys != nil {
			if _, ok := at[place{it.sys.CodeSystem, it.index}]; ok {
				above = nearest(it, func(index int32) int {
					if j, ok := at[place{it.sys.CodeSystem, index}]; ok {
						return j
					}
					return -1
				})
			}
		}
		if above >= 0 {
			children[above] = append(children[above], i)
		} else {
			roots = append(roots, i)
		}
	}
	used := make([]bool, len(page))
	var build func(list []int) []Contained
	build = func(list []int) []Contained {
		var out []Contained
		for _, i := range list {
			if used[i] {
				continue
			}
			used[i] = true
			c := made[i]
			c.Contains = build(children[i])
			out = append(out, c)
		}
		return out
	}
	out := build(roots)
	for i := range page { // of a circle of parents, the first is on top
		if !used[i] {
			out = append(out, build([]int{i})...)
		}
	}
	return out
}

// nearest walks up the first parents of an item to one that is there.
func nearest(it *item, there func(int32) int) int {
	index := it.index
	for range len(it.sys.Concepts) {
		if len(it.sys.parents[index]) == 0 {
			return -1
		}
		if index = it.sys.parents[index][0]; index == it.index {
			return -1
		}
		if i := there(index); i >= 0 {
			return i
		}
	}
	return -1
}
