package sample

import (
	"math/rand/v2"
	"strings"
)

// fragments are what encoders stumble over. Everything PostgreSQL can store is allowed: all but U+0000 and
// what is not UTF-8.
var fragments = []string{
	`"`, `""`, `'`, `''`, `\`, `\\`, `\"`, `\n`, `\u0000`, `\u2028`, `\ud83d`, `/`, `</script>`, `<!--`, `&amp;`, `%s%d`, `${HOME}`, `{"a": [1, 2]}`, `]}`,
	"\n", "\r\n", "\t", "\b", "\f", "\v", "\x01", "\x1b[31m", "\x1f", "\x7f", "\u0080", "\u0085", "\u009f", "\u00a0", "\u00ad",
	"\u2028", "\u2029", "\u200b", "\u200d", "\u200f", "\u202e", "\u2066", "\ufeff", "\ufffd", "\ufffe", "\uffff", "\U0001ffff", "\U0010ffff", "\ue000",
	"🍀", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇯🇵", "👍🏽", "e\u0301", "か\u3099", "ﾊﾝｶｸ", "𠮷野家", "ẞß", "İi", "العربية", "עברית", "ไทย",
	"NULL", "null", "true", "NaN", "1e400", "-0", "0x1F", "1,000", ",", ";", `\.`, "--", "/*", "$1", "$$", " ", "　", "自然観察", "カブトムシ", "a", "Z", "9",
}

// hostile makes texts from the fragments, the same ones for the same seed.
type hostile struct {
	random *rand.Rand
}

func newHostile(seed int64) hostile {
	return hostile{rand.New(rand.NewPCG(uint64(seed), 0x6e6174757265))}
}

// line is up to a dozen fragments; none is an empty text.
func (h hostile) line() string {
	var text strings.Builder
	for range h.random.IntN(13) {
		text.WriteString(fragments[h.random.IntN(len(fragments))])
	}
	return text.String()
}

// answer is a longer text, and for one post in a thousand, the first one included, 300 KB of it.
func (h hostile) answer(i int) string {
	size := h.random.IntN(600)
	if i%1000 == 0 {
		size = 300 << 10
	}
	var text strings.Builder
	for text.Len() < size {
		text.WriteString(fragments[h.random.IntN(len(fragments))])
	}
	return text.String()
}

// objectName is the end of an object's name: what Cloud Storage allows, which is nearly all.
func (h hostile) objectName() string {
	ends := []string{".jpg", "/写真 1.png", "/a%20b.webp", "/q?x=1&y=2.jpg", "/\"quoted\".jpg", "/back\\slash.jpg", "/絵文字🍀.png", "/tab\t.jpg"}
	return ends[h.random.IntN(len(ends))]
}

func (h hostile) mime() any {
	kinds := []any{"image/jpeg", "image/png", "image/webp", "Image/JPEG", "IMAGE/WEBP", "image/gif", "image/bmp", "", "image/jpeg ", "\"", nil}
	// Mostly good ones, or few documents would be left.
	return kinds[min(h.random.IntN(len(kinds)), h.random.IntN(len(kinds)))]
}

func (h hostile) status() string {
	return []string{"stored", "stored", "stored", "stored", "stored", "stored", "stored", "stored", "pending", "failed"}[h.random.IntN(10)]
}
