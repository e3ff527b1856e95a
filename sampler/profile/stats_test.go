package profile_test

import (
	"math"
	"slices"
	"testing"

	"keyprof/sampler/profile"
)

func TestBucketIndex(t *testing.T) {
	const day = 86400
	for _, tt := range []struct {
		edges []int64
		v     int64
		want  int64 // upper edge, -1 beyond the last
	}{
		{profile.Edges, 0, 60},
		{profile.Edges, 59, 60},
		{profile.Edges, 60, 60},
		{profile.Edges, 61, 300},
		{profile.Edges, day - 1, day},
		{profile.Edges, day, day},
		{profile.Edges, day + 1, 2 * day},
		{profile.Edges, 30 * day, 30 * day},
		{profile.Edges, 365 * day, 365 * day},
		{profile.Edges, 365*day + 1, -1},
		{profile.Edges, math.MaxInt64, -1},
		{profile.FreqEdges, 0, 0},
		{profile.FreqEdges, 3, 4},
		{profile.FreqEdges, 5, 5},
		{profile.FreqEdges, 255, 255},
		{profile.FreqEdges, 256, -1},
	} {
		edge := profile.EdgeAt(tt.edges, profile.BucketIndex(tt.edges, tt.v))
		if edge == nil && tt.want != -1 || edge != nil && *edge != tt.want {
			t.Errorf("%d: edge %v, want %d", tt.v, edge, tt.want)
		}
	}
}

func TestEdgesAscend(t *testing.T) {
	for _, edges := range [][]int64{profile.Edges, profile.FreqEdges} {
		if !slices.IsSorted(edges) || len(slices.Compact(slices.Clone(edges))) != len(edges) {
			t.Errorf("%v do not ascend", edges)
		}
	}
}
