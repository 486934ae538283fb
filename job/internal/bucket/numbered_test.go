package bucket

import (
	"fmt"
	"testing"
)

// A retention policy keeps every object for years: the last one is still found by a few lists.
func TestLastOfThousands(t *testing.T) {
	for _, tt := range []struct {
		oldest, newest int64
		lists          int
	}{
		{1, 0, 1},
		{1, 1, 1},
		{51, 100, 1},
		{1, listed - 1, 1},
		{1, listed, 7},
		{1, listed + 1, 7},
		{1, 2*listed - 1, 3},
		{1, 7300, 8},
		{3000, 7300, 10},
		{1, 1_000_000, 40},
		{999_000, 99_999_998, 60},
	} {
		t.Run(fmt.Sprintf("%d to %d", tt.oldest, tt.newest), func(t *testing.T) {
			lists := 0
			newest, err := leap(func(from int64) (int64, bool, error) {
				lists++
				from = max(from, tt.oldest)
				if from > tt.newest {
					return 0, false, nil
				}
				last := min(from+listed-1, tt.newest)
				return last, last-from+1 == listed, nil
			})
			if err != nil || newest != tt.newest || lists > tt.lists {
				t.Errorf("last %d by %d lists, want %d by %d; %v", newest, lists, tt.newest, tt.lists, err)
			}
		})
	}
}
