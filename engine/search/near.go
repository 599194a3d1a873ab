package search

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Point is a place on the earth as a point of the unit sphere, so that all
// evaluators compare distances by plain arithmetic.
type Point struct{ X, Y, Z float64 }

// Near matches positions within a distance of a point (R4 Location, search
// parameter near). Chord2 is the square of the distance through the sphere.
type Near struct {
	Param  Param
	Point  Point
	Chord2 float64
}

func (Near) expr() {}

// Chord2 is the squared distance of two points through the sphere. The
// conversions keep the machine from joining a multiplication and an addition,
// which would round otherwise than a database does.
func (p Point) Chord2(q Point) float64 {
	x, y, z := p.X-q.X, p.Y-q.Y, p.Z-q.Z
	return float64(float64(x*x)+float64(y*y)) + float64(z*z)
}

// Reach are bounds of X for points that satisfy n.
func (n Near) Reach() (lo, hi float64) {
	chord := math.Sqrt(n.Chord2) * (1 + 1e-9)
	return n.Point.X - chord, n.Point.X + chord
}

// earth is its mean radius in metres (IUGG).
const earth = 6_371_008.8

// nearby is the distance in metres that counts as near without one in the
// query, which R4 leaves to the server.
const nearby = 50_000

func pointOf(latitude, longitude float64) Point {
	lat, lon := latitude*math.Pi/180, longitude*math.Pi/180
	return Point{math.Cos(lat) * math.Cos(lon), math.Cos(lat) * math.Sin(lon), math.Sin(lat)}
}

// isPosition says whether a type of element has a latitude and a longitude.
func (c *Catalog) isPosition(typeName string) bool {
	t := c.defs.Type(typeName)
	return t != nil && t.Element("latitude") != nil && t.Element("longitude") != nil
}

// selectsPositions says whether a parameter of kind special selects elements
// with a latitude and a longitude, which is what near needs.
func (c *Catalog) selectsPositions(def *definitions.SearchParameter) bool {
	paths, err := parsePaths(c.defs, def.Expression)
	if err != nil || len(paths) != 1 || paths[0].root == "" {
		return false
	}
	for _, t := range c.endTypes(paths[0]) {
		if !c.isPosition(t) {
			return false
		}
	}
	return true
}

// position makes the entry of an element with a latitude and a longitude.
func (x *extraction) position(n fhir.Node) {
	latitude, ok := float(n.Child("latitude"))
	longitude, also := float(n.Child("longitude"))
	if ok && also && math.Abs(latitude) <= 90 && math.Abs(longitude) <= 180 {
		x.add(Entry{Point: pointOf(latitude, longitude)})
	}
}

var errNear = errors.New("a place is written latitude|longitude, latitude|longitude|distance or latitude|longitude|distance|unit, with degrees such as 42.36|-71.06")

// near reads a value of near.
func (p *parser) near(as Param, raw string) (Expr, error) {
	parts := split(raw, '|')
	if len(parts) < 2 || len(parts) > 4 {
		return nil, errNear
	}
	latitude, err := degrees(parts[0], 90)
	if err != nil {
		return nil, err
	}
	longitude, err := degrees(parts[1], 180)
	if err != nil {
		return nil, err
	}
	distance := float64(nearby)
	if len(parts) > 2 && parts[2] != "" {
		unit := ""
		if len(parts) == 4 {
			unit = parts[3]
		}
		if distance, err = p.metres(parts[2], unit); err != nil {
			return nil, err
		}
	}
	// Beyond half of the circumference lies nothing.
	half := math.Sin(math.Min(distance/(2*earth), math.Pi/2))
	chord2 := 4 * half * half
	if distance >= math.Pi*earth {
		chord2 = 5 // whatever rounding makes of 4
	}
	return Near{as, pointOf(latitude, longitude), chord2}, nil
}

func degrees(text string, most float64) (float64, error) {
	if _, _, ok := decimalParts(text); !ok {
		return 0, errNear
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.Abs(v) > most {
		return 0, fmt.Errorf("%s is not between -%v and %[2]v degrees", fault.Shorten(text), most)
	}
	return v, nil
}

// metres reads a distance; the default unit is the kilometre.
func (p *parser) metres(text, unit string) (float64, error) {
	if _, _, ok := decimalParts(text); !ok {
		return 0, errNear
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || v < 0 {
		return 0, errors.New("a distance is a number from 0 up")
	}
	code := unit
	if known, ok := lengths[strings.ToLower(unit)]; ok {
		code = known
	}
	metre := p.c.units.canonical(NumberRange{1, 1, 1}, code)
	if metre == nil || metre.Unit != "m" {
		return 0, fmt.Errorf("%q is not a unit of length; write km, m, mi or another UCUM unit", fault.Shorten(unit))
	}
	return v * metre.Range.Value, nil
}

// lengths are the ways to write units of length that are no UCUM codes.
var lengths = map[string]string{
	"": "km", "kms": "km", "kilometers": "km", "kilometres": "km", "meters": "m", "metres": "m",
	"mi": "[mi_i]", "mile": "[mi_i]", "miles": "[mi_i]", "nmi": "[nmi_i]", "ft": "[ft_i]", "yd": "[yd_i]",
}

// Distance is how far the nearest of a resource's positions lies from a place
// that x, the filter of a search, asks for with near: in metres, on the sphere.
// It is not ok when x asks for none, other than behind a reference or a not.
func Distance(x Expr, entries []Entry) (metres float64, ok bool) {
	switch x := x.(type) {
	case And:
		return nearest(x, entries)
	case Or:
		return nearest(x, entries)
	case Near:
		for i := range entries {
			e := &entries[i]
			if !x.Param.Names(e) {
				continue
			}
			far := 2 * earth * math.Asin(math.Min(math.Sqrt(e.Point.Chord2(x.Point))/2, 1))
			if !ok || far < metres {
				metres, ok = far, true
			}
		}
	}
	return metres, ok
}

func nearest(parts []Expr, entries []Entry) (metres float64, ok bool) {
	for _, one := range parts {
		if far, is := Distance(one, entries); is && (!ok || far < metres) {
			metres, ok = far, true
		}
	}
	return metres, ok
}

// AsksDistance says whether Distance is ok for resources with a position.
func AsksDistance(x Expr) bool {
	switch x := x.(type) {
	case And:
		return slices.ContainsFunc(x, AsksDistance)
	case Or:
		return slices.ContainsFunc(x, AsksDistance)
	case Near:
		return true
	}
	return false
}
