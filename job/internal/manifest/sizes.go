package manifest

// Every entry has MinEntry bytes at least, unless it removes an id; maxEntry and minGone bound the others, segmentFrame is
// what is around them.
const (
	MinEntry     = 1 + 1 + 1 + 8
	minGone      = 1 + 1 + 1
	maxEntry     = 1 + 1 + MaxID + 8
	segmentFrame = len(magic) + 1 + 8 + 8
)

// Sizes returns how many bytes a segment of n entries has at least and at most.
func Sizes(n int64) (least, most int64) {
	return n*minGone + int64(segmentFrame), n*maxEntry + int64(segmentFrame)
}
