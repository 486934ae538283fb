package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"vertexmetadata/sandbox/controlplane/fields"
)

func lookup(entry object, path []string) (string, bool) {
	var value any = entry
	for i, part := range path {
		inner, ok := value.(object)
		if !ok {
			return "", false
		}
		if value, ok = inner[fields.Camel(part)]; !ok || i > 0 {
			// Only an entry's own fields have two spellings; keys of payloads and labels are as they are.
			if exact, has := inner[part]; has {
				value, ok = exact, true
			}
		}
		if !ok {
			return "", false
		}
	}
	return asText(value), true
}

func asText(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case nil:
		return ""
	case object, []any:
		content, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprint(v)
		}
		return string(content)
	}
	return fmt.Sprint(value)
}

// compare orders severities by their rank, times by their instant, numbers by their value and all else as text without case.
func compare(found, operator, wanted string, path []string) bool {
	order := strings.Compare(strings.ToLower(found), strings.ToLower(wanted))
	if path[0] == "severity" {
		order = slices.Index(severities, found) - slices.Index(severities, strings.ToUpper(wanted))
	} else if a, b, ok := instants(found, wanted); ok {
		order = a.Compare(b)
	} else if a, errA := strconv.ParseFloat(found, 64); errA == nil {
		if b, errB := strconv.ParseFloat(wanted, 64); errB == nil {
			order = int(max(-1, min(1, (a-b)*1e9)))
		}
	}
	switch operator {
	case "=":
		return order == 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "<":
		return order < 0
	}
	return order <= 0
}

func instants(a, b string) (first, second time.Time, ok bool) {
	first, errA := time.Parse(time.RFC3339Nano, a)
	second, errB := time.Parse(time.RFC3339Nano, b)
	return first, second, errA == nil && errB == nil
}
