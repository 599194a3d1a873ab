package alerts

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/inglehealth/ingle/store"
)

// Window is what a process answered in the last minutes.
type Window struct {
	At       time.Time `json:"at"`
	Requests int64     `json:"requests"`
	Failed   int64     `json:"failed"`  // 5xx
	SignIns  int64     `json:"signIns"` // that failed
	Took     []int64   `json:"took"`    // requests by the bounds of a histogram
}

// Add adds another process's.
func (w *Window) Add(other Window) {
	w.Requests += other.Requests
	w.Failed += other.Failed
	w.SignIns += other.SignIns
	for i, n := range other.Took {
		if i == len(w.Took) {
			w.Took = append(w.Took, 0)
		}
		w.Took[i] += n
	}
}

const (
	kindWindow = "alert-window"
	// windowGood is how old another process's window may be.
	windowGood = time.Minute
	maxWindows = 500
)

// Share tells the process that evaluates what this one answered.
func (b *Book) Share(ctx context.Context, process string, w Window) error {
	body, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return b.store.WriteItems(ctx, false, store.ItemChange{
		Item: store.Item{Kind: kindWindow, ID: process, Body: body, Expires: w.At.Add(time.Hour)}, Expect: store.Any,
	})
}

// Shared adds up what the other processes shared of late.
func (b *Book) Shared(ctx context.Context, process string, now time.Time) (sum Window, err error) {
	items, err := b.store.ListItems(ctx, kindWindow, "", maxWindows)
	if err != nil {
		return sum, err
	}
	for _, item := range items {
		var w Window
		if err := json.Unmarshal(item.Body, &w); err != nil {
			return sum, fmt.Errorf("alerts: window of %s: %w", item.ID, err)
		}
		if item.ID != process && now.Sub(w.At).Abs() < windowGood {
			sum.Add(w)
		}
	}
	return sum, nil
}
