package record

// EncodeStructures writes the structural part of a set: everything but value
// sets and code systems.
func EncodeStructures(s *Set) []byte { return encode(s.structural) }

// DecodeStructures reads what EncodeStructures wrote.
func DecodeStructures(data []byte) (*Set, error) {
	s := new(Set)
	return s, decode(data, s.structural)
}

func (s *Set) structural(c *coder) {
	c.string(&s.Name)
	c.string(&s.Version)
	c.string(&s.FHIRVersion)
	slice(c, &s.Structures, (*coder).structure)
	slice(c, &s.Parameters, (*coder).parameter)
	slice(c, &s.Compartments, (*coder).compartment)
	slice(c, &s.Operations, (*coder).operation)
}

func (c *coder) structure(s *Structure) {
	c.string(&s.URL)
	c.string(&s.Version)
	c.string(&s.Name)
	c.string(&s.Title)
	c.string(&s.Kind)
	c.string(&s.Type)
	c.string(&s.Base)
	c.string(&s.Derivation)
	c.bools(&s.Abstract, &s.Differential)
	c.strings(&s.Contexts)
	c.strings(&s.ContextInvariants)
	slice(c, &s.Elements, (*coder).element)
}

func (c *coder) element(e *Element) {
	slicing, fixed := e.Slicing != nil, e.ValueType != ""
	content, limits := e.ContentReference != "", e.MaxLength != 0 || e.MinValue != "" || e.MaxValue != "" || e.Regex != "" || e.MustHaveValue || len(e.ValueAlternatives) > 0
	narrated := len(e.NarrativeLanguages) > 0 || e.NarrativeSource != ""
	named, bound := e.ID != "" || e.SliceName != "" || e.BasePath != "", e.Binding != nil
	c.bools(&e.Summary, &e.Modifier, &slicing, &bound, &fixed, &content, &named, &e.Attribute, &e.MustSupport, &limits, &narrated)
	c.string(&e.Path)
	c.int(&e.Min)
	c.int(&e.Max)
	slice(c, &e.Types, (*coder).typeRef)
	slice(c, &e.Invariants, (*coder).invariant)
	if named {
		c.string(&e.ID)
		c.string(&e.SliceName)
		c.string(&e.BasePath)
	}
	if bound {
		optional(c, &e.Binding, (*coder).binding)
	}
	if content {
		c.string(&e.ContentReference)
	}
	if slicing {
		optional(c, &e.Slicing, (*coder).slicing)
	}
	if fixed {
		c.string(&e.Fixed)
		c.string(&e.Pattern)
		c.string(&e.ValueType)
	}
	if limits {
		c.int(&e.MaxLength)
		c.string(&e.MinValue)
		c.string(&e.MaxValue)
		c.string(&e.Regex)
		c.bools(&e.MustHaveValue)
		c.strings(&e.ValueAlternatives)
	}
	if narrated {
		c.strings(&e.NarrativeLanguages)
		c.string(&e.NarrativeSource)
	}
}

func (c *coder) typeRef(t *TypeRef) {
	c.string(&t.Code)
	c.strings(&t.Profiles)
	c.strings(&t.TargetProfiles)
}

func (c *coder) binding(b *Binding) {
	c.string(&b.Strength)
	c.string(&b.ValueSet)
}

func (c *coder) invariant(i *Invariant) {
	c.string(&i.Key)
	c.string(&i.Severity)
	c.string(&i.Human)
	c.string(&i.Expression)
	c.bools(&i.BestPractice)
}

func (c *coder) slicing(s *Slicing) {
	slice(c, &s.Discriminators, (*coder).discriminator)
	c.string(&s.Rules)
	c.bools(&s.Ordered)
}

func (c *coder) discriminator(d *Discriminator) {
	c.string(&d.Type)
	c.string(&d.Path)
}

func (c *coder) parameter(p *SearchParameter) {
	c.string(&p.URL)
	c.string(&p.Version)
	c.string(&p.Name)
	c.string(&p.Code)
	c.string(&p.Type)
	c.strings(&p.Base)
	c.strings(&p.Targets)
	c.string(&p.Expression)
	c.string(&p.Human)
	slice(c, &p.Components, (*coder).component)
}

func (c *coder) component(s *SearchComponent) {
	c.string(&s.Definition)
	c.string(&s.Expression)
}

func (c *coder) compartment(p *Compartment) {
	c.string(&p.URL)
	c.string(&p.Code)
	slice(c, &p.Resources, (*coder).compartmentResource)
}

func (c *coder) compartmentResource(r *CompartmentResource) {
	c.string(&r.Code)
	c.strings(&r.Params)
}

func (c *coder) operation(o *Operation) {
	c.string(&o.URL)
	c.string(&o.Version)
	c.string(&o.Name)
	c.string(&o.Code)
	c.string(&o.Human)
	c.strings(&o.Resources)
	c.bools(&o.System, &o.TypeLevel, &o.Instance, &o.Affects, &o.Query)
	slice(c, &o.Parameters, (*coder).operationParameter)
}

func (c *coder) operationParameter(p *OperationParameter) {
	c.string(&p.Name)
	c.bools(&p.In)
	c.int(&p.Min)
	c.int(&p.Max)
	c.string(&p.Type)
	slice(c, &p.Parts, (*coder).operationParameter)
}
