package fhirapi

import (
	"context"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func metaOperation() *operation {
	return &operation{
		name: "meta", url: "http://hl7.org/fhir/OperationDefinition/Resource-meta",
		system: true, typed: true, instance: true, version: true, run: (*call).meta,
		doc: "The meta of a resource or version; of a type or the system, the profiles, security labels and tags in use.",
	}
}

func metaAddOperation() *operation {
	return &operation{
		name: "meta-add", url: "http://hl7.org/fhir/OperationDefinition/Resource-meta-add",
		instance: true, writes: true, run: (*call).metaAdd,
		doc: "Adds the profiles, security labels and tags of the parameter meta, as a new version.",
	}
}

func metaDeleteOperation() *operation {
	return &operation{
		name: "meta-delete", url: "http://hl7.org/fhir/OperationDefinition/Resource-meta-delete",
		instance: true, writes: true, run: (*call).metaDelete,
		doc: "Removes the profiles, security labels and tags of the parameter meta, as a new version.",
	}
}

// meta performs $meta (R4 Resource-meta).
func (c *call) meta(ctx context.Context, in *invocation) ([]byte, error) {
	p, err := c.parametersOf(in)
	if err != nil {
		return nil, err
	}
	if err := p.only("meta"); err != nil {
		return nil, err
	}
	if in.ID == "" {
		labels, err := c.session.LabelsInUse(ctx, in.Type)
		if err != nil {
			return nil, err
		}
		return c.labels(in.Type, labels)
	}
	meta, res, err := c.session.Meta(ctx, in.key(), in.Version)
	if err != nil {
		return nil, err
	}
	in.release, in.version, in.updated = res.Release, res.Version, res.Updated
	return returned(meta)
}

// returned is a Parameters with the Meta that an operation returns.
func returned(meta fhir.Node) ([]byte, error) {
	tree, err := fhir.New(meta.Tree().Definitions(), "Parameters")
	if err != nil {
		return nil, err
	}
	p, err := tree.Root().Add("parameter")
	if err != nil {
		return nil, err
	}
	if _, err := p.Set("name", "return"); err != nil {
		return nil, err
	}
	if _, err := p.Graft("valueMeta", meta); err != nil {
		return nil, err
	}
	return tree.Root().AppendJSON(nil), nil
}

// labels is the Meta that lists the labels in use.
func (c *call) labels(t fhir.Type, l records.Labels) ([]byte, error) {
	tree, err := fhir.NewValue(c.definitions(c.door.ReleaseOf(t)), "Meta")
	if err != nil {
		return nil, err
	}
	meta := tree.Root()
	for _, profile := range l.Profiles {
		if _, err := meta.AddText("profile", profile); err != nil {
			return nil, err
		}
	}
	if err := addLabels(meta, "security", l.Security); err != nil {
		return nil, err
	}
	if err := addLabels(meta, "tag", l.Tags); err != nil {
		return nil, err
	}
	return returned(meta)
}

func addLabels(meta fhir.Node, name string, labels []records.Label) error {
	for _, label := range labels {
		coding, err := meta.Add(name)
		if err != nil {
			return err
		}
		if label.System != "" {
			if _, err := coding.Set("system", label.System); err != nil {
				return err
			}
		}
		if _, err := coding.Set("code", label.Code); err != nil {
			return err
		}
	}
	return nil
}

// metaAdd performs $meta-add (R4 Resource-meta-add).
func (c *call) metaAdd(ctx context.Context, in *invocation) ([]byte, error) {
	return c.relabel(ctx, in, c.session.MetaAdd)
}

// metaDelete performs $meta-delete (R4 Resource-meta-delete).
func (c *call) metaDelete(ctx context.Context, in *invocation) ([]byte, error) {
	return c.relabel(ctx, in, c.session.MetaDelete)
}

func (c *call) relabel(ctx context.Context, in *invocation, change func(context.Context, fhir.Key, fhir.Node, records.UpdateOptions) (records.Result, error)) ([]byte, error) {
	p, err := c.parametersOf(in)
	if err != nil {
		return nil, err
	}
	if err := p.only(in.Op, "meta"); err != nil {
		return nil, err
	}
	meta := p.node("meta").Child("value")
	if meta.PropertyName() != "valueMeta" {
		return nil, fault.New(fault.Invalid, fault.CodeRequired, "", "$%s needs the parameter meta with a valueMeta: the profiles, security labels and tags that are meant.", in.Op)
	}
	o := records.UpdateOptions{Request: records.Request{ID: c.exchange.ID}}
	if in.own {
		if o.Precondition, err = c.precondition(); err != nil {
			return nil, err
		}
		if o.Request, err = c.request(); err != nil {
			return nil, err
		}
	}
	res, err := change(ctx, in.key(), meta, o)
	if err != nil {
		return nil, err
	}
	in.release, in.version, in.updated = res.Release, res.Version, res.Updated
	if res.JSON == nil { // who may write it may not see it
		return nil, nil
	}
	tree, err := c.tree(res.JSON, res.Release)
	if err != nil {
		return nil, err
	}
	return returned(tree.Meta())
}
