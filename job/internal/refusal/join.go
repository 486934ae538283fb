package refusal

import (
	"slices"
	"strings"
)

// Join is one error for several that stay until somebody changes a setting: every text, and each remedy once.
func Join(verb string, all []*Advice) *Advice {
	joined := &Advice{Config: true}
	var texts, remedies []string
	for _, a := range all {
		texts = append(texts, a.Text)
		if !slices.Contains(remedies, a.Remedy) {
			remedies = append(remedies, a.Remedy)
		}
		joined.Causes = append(joined.Causes, a)
	}
	joined.Text, joined.Remedy = verb+strings.Join(texts, "; "), strings.Join(remedies, "; ")
	return joined
}
