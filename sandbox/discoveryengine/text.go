package discoveryengine

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// searchText is what search reads of a document: the text of its fields, folded. It is never empty, so that
// it is made once.
func searchText(line []byte) string {
	var document struct {
		StructData any
		JSONData   string `json:"jsonData"`
	}
	if err := json.Unmarshal(line, &document); err != nil {
		return " " // put by hand, and not a document
	}
	var text strings.Builder
	collectText(&text, document.StructData)
	text.WriteString(document.JSONData)
	return " " + fold(text.String())
}

// collectText gathers every string of a JSON value, in an order that does not matter.
func collectText(text *strings.Builder, value any) {
	switch v := value.(type) {
	case string:
		text.WriteString(v)
		text.WriteByte('\n')
	case []any:
		for _, item := range v {
			collectText(text, item)
		}
	case map[string]any:
		for _, item := range v {
			collectText(text, item)
		}
	}
}

// fold makes equal what a reader takes as equal: width, case and composition.
func fold(text string) string { return strings.ToLower(norm.NFKC.String(text)) }

// termsOf splits a query into words, and runs of Japanese or Chinese, which have no spaces, into pairs of
// characters. A single such character is a term of its own.
func termsOf(query string) []string {
	var terms []string
	for word := range strings.FieldsFuncSeq(fold(query), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }) {
		run := []rune(word)
		for len(run) > 0 {
			n := 1
			for n < len(run) && isCJK(run[n]) == isCJK(run[0]) {
				n++
			}
			if !isCJK(run[0]) || n == 1 {
				terms = append(terms, string(run[:n]))
			}
			for i := 0; isCJK(run[0]) && i+1 < n; i++ {
				terms = append(terms, string(run[i:i+2]))
			}
			run = run[n:]
		}
	}
	slices.Sort(terms)
	return slices.Compact(terms)
}

func isCJK(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || r == 'ー'
}

func countTerms(text string, terms []string) []int {
	counts := make([]int, len(terms))
	for i, term := range terms {
		counts[i] = strings.Count(text, term)
	}
	return counts
}

// rank is BM25 with the usual constants: rare terms count more, repetition less and less, long texts less.
func rank(counts, frequency []int, documents, length int) float64 {
	const k, b, usualLength = 1.2, 0.75, 1000
	score := 0.0
	for i, n := range counts {
		if n == 0 {
			continue
		}
		rarity := math.Log(1 + (float64(documents)-float64(frequency[i])+0.5)/(float64(frequency[i])+0.5))
		score += rarity * float64(n) * (k + 1) / (float64(n) + k*(1-b+b*float64(length)/usualLength))
	}
	return score
}
