package bucket

import "context"

// listed is how many objects one list is read to: what the service returns at once.
const listed = 1000

// Last returns the greatest number of the objects under prefix that are numbered from 1 on without gaps, less those that were
// deleted from the beginning; 0 if there is none. name and number translate; names sort as their numbers do.
func (b *Bucket) Last(ctx context.Context, prefix string, name func(int64) string, number func(string) (int64, bool)) (int64, error) {
	return leap(func(from int64) (last int64, more bool, err error) {
		seen := 0
		for o, err := range b.listFrom(ctx, prefix, name(from)) {
			if err != nil {
				return 0, false, err
			}
			if n, ok := number(o.Name); ok {
				last = max(last, n)
			}
			if seen++; seen >= listed {
				return last, true, nil
			}
		}
		return last, false, nil
	})
}

// leap finds the last number. One list does, unless there are thousands: then it leaps ahead, twice as far after a leap that
// landed on numbers, a quarter as far after one beyond their end.
func leap(lastFrom func(from int64) (last int64, more bool, err error)) (int64, error) {
	newest, more, err := lastFrom(0)
	for far := int64(listed); more && err == nil; {
		var last int64
		var moreThere bool
		last, moreThere, err = lastFrom(newest + far)
		switch {
		case last > 0:
			newest, more, far = last, moreThere, 2*far
		case far == 1:
			more = false
		default:
			far = max(far/4, 1)
		}
	}
	return newest, err
}
