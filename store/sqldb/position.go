package sqldb

import "github.com/inglehealth/ingle/engine/search"

// nearLeaf finds the points within a distance: those in a band of the sphere,
// which the primary key has together, whose chord is short enough.
func (c *compiler) nearLeaf(x search.Near) leaf {
	lo, hi := x.Reach()
	p := x.Point
	return c.named(x.Param, "position", sql(
		"@.x >= ? AND @.x <= ? AND (@.x - ?) * (@.x - ?) + (@.y - ?) * (@.y - ?) + (@.z - ?) * (@.z - ?) <= ?",
		lo, hi, p.X, p.X, p.Y, p.Y, p.Z, p.Z, x.Chord2), byRID)
}
