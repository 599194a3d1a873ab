package leaktest_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// way is how somebody asks: at the door, or over HTTP.
type way interface {
	Read(context.Context, fhir.Key, records.ReadOptions) (records.Resource, error)
	VRead(context.Context, fhir.Key, string, records.ReadOptions) (records.Resource, error)
	History(context.Context, records.HistoryRequest) (*records.HistoryResult, error)
	Search(context.Context, records.SearchRequest) (*records.SearchResult, error)
	Everything(context.Context, records.EverythingRequest) (*records.SearchResult, error)
	LastN(context.Context, records.LastNRequest) (*records.SearchResult, error)
	DocRef(context.Context, records.DocRefRequest) (*records.SearchResult, error)
	GraphQL(context.Context, records.GraphQLRequest) ([]byte, error)
	Bundle(context.Context, records.Content, records.BundleOptions) (*records.BundleResult, error)
	Create(context.Context, fhir.Type, records.Content, records.CreateOptions) (records.Result, error)
	Update(context.Context, fhir.Key, records.Content, records.UpdateOptions) (records.Result, error)
	UpdateWhere(context.Context, fhir.Type, []search.Pair, records.Content, records.UpdateOptions) (records.Result, error)
	Patch(context.Context, fhir.Key, records.PatchContent, records.UpdateOptions) (records.Result, error)
	PatchWhere(context.Context, fhir.Type, []search.Pair, records.PatchContent, records.UpdateOptions) (records.Result, error)
	Delete(context.Context, fhir.Key, records.DeleteOptions) (records.Result, error)
	DeleteWhere(context.Context, fhir.Type, []search.Pair, records.DeleteOptions) ([]records.Result, error)
	// gives says whether an expression over a stored resource gives anything.
	gives(ctx context.Context, key fhir.Key, expression string) (bool, error)
	// rows are the column id of a view, of some patients or all.
	rows(ctx context.Context, view string, patients []string) ([]string, error)
}

// atDoor asks at the door.
type atDoor struct{ *records.Session }

func (d atDoor) gives(ctx context.Context, key fhir.Key, expression string) (bool, error) {
	res, err := d.Evaluate(ctx, records.EvaluateRequest{Key: key, Expression: expression})
	return err == nil && len(res.Evaluations[0].Result) > 0, err
}

func (d atDoor) rows(ctx context.Context, view string, patients []string) (ids []string, err error) {
	table, err := d.Table(ctx, records.TableRequest{Content: &records.Content{JSON: []byte(view)}, Patients: patients})
	if err != nil {
		return nil, err
	}
	for row, err := range table.Rows(ctx) {
		if err != nil {
			return nil, err
		}
		id, err := idOf(table.AppendJSON(nil, row))
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func idOf(row []byte) (string, error) {
	var one struct{ ID string }
	if err := json.Unmarshal(row, &one); err != nil {
		return "", fmt.Errorf("a row: %w", err)
	}
	return one.ID, nil
}
