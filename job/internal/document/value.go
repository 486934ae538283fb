package document

import (
	"bytes"
	"strconv"

	"vertexmetadata/job/internal/column"
)

const (
	faultNotNumber = "is NaN, infinite or otherwise not a JSON number"
	faultRange     = "is a number beyond the range of a double"
	faultBool      = "is not a boolean"
)

// appendValue appends the text form of a value as JSON. The fault, when there is one, completes the sentence that begins
// with the column's name.
func appendValue(dst []byte, kind column.Kind, s *column.Shape, value []byte) ([]byte, string) {
	if value == nil {
		return append(dst, "null"...), ""
	}
	switch kind {
	case column.Number:
		return appendNumber(dst, value)
	case column.Bool:
		switch string(value) {
		case "t":
			return append(dst, "true"...), ""
		case "f":
			return append(dst, "false"...), ""
		}
		return dst, faultBool
	case column.JSON:
		return appendJSON(dst, value, s)
	case column.Numbers:
		return appendJSON(dst, value, numbers)
	case column.Timestamp:
		return appendTimestamp(dst, value)
	default:
		return appendString(dst, value)
	}
}

// appendNumber appends a number as PostgreSQL spells it, which is a JSON number but for NaN and the infinities.
func appendNumber(dst, value []byte) ([]byte, string) {
	n := numberPrefix(value)
	if n == 0 || n != len(value) {
		return dst, faultNotNumber
	}
	// Without an exponent, what has at most 300 characters fits a double.
	if len(value) > 300 || bytes.IndexByte(value, 'e') >= 0 || bytes.IndexByte(value, 'E') >= 0 {
		if _, err := strconv.ParseFloat(string(value), 64); err != nil {
			return dst, faultRange
		}
	}
	return append(dst, value...), ""
}

// numberPrefix returns the length of the JSON number that text begins with, or 0.
func numberPrefix(text []byte) int {
	i := 0
	if i < len(text) && text[i] == '-' {
		i++
	}
	whole := digits(text[i:])
	if whole == 0 || whole > 1 && text[i] == '0' {
		return 0
	}
	i += whole
	if i < len(text) && text[i] == '.' {
		fraction := digits(text[i+1:])
		if fraction == 0 {
			return 0
		}
		i += 1 + fraction
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		exponent := digits(text[i:])
		if exponent == 0 {
			return 0
		}
		i += exponent
	}
	return i
}

func digits(text []byte) int {
	for i, c := range text {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(text)
}

// appendTimestamp writes PostgreSQL's ISO form, read in a session whose time zone is UTC, as RFC 3339 in the spelling that
// PostgreSQL's own to_json gives to timestamps inside arrays: 2025-09-18T01:02:03.5+00:00. It goes on to do so for what
// RFC 3339 cannot express, years beyond 9999 and BC; infinity has no such form and stays the text that it is.
func appendTimestamp(dst, value []byte) ([]byte, string) {
	const date, seconds = len("-01-02"), len("-01-02 15:04:05")
	year := digits(value)
	if year < 4 || len(value) < year+seconds || !matches(value[year:year+seconds], "-00-00 00:00:00") {
		return appendString(dst, value)
	}
	rest, zone, era := value[year+seconds:], "", ""
	if trimmed, ok := bytes.CutSuffix(rest, []byte(" BC")); ok {
		rest, era = trimmed, " BC"
	}
	if trimmed, ok := bytes.CutSuffix(rest, []byte("+00")); ok {
		rest, zone = trimmed, "+00:00"
	}
	if len(rest) > 0 && (rest[0] != '.' || digits(rest[1:]) != len(rest)-1 || len(rest) == 1) {
		return appendString(dst, value)
	}
	dst = append(dst, '"')
	dst = append(dst, value[:year+date]...)
	dst = append(dst, 'T')
	dst = append(dst, value[year+date+1:year+seconds]...)
	dst = append(dst, rest...)
	dst = append(dst, zone...)
	dst = append(dst, era...)
	return append(dst, '"'), ""
}

// matches reports whether text has a digit wherever the equally long shape has a 0, and the same byte elsewhere.
func matches(text []byte, shape string) bool {
	for i, c := range text {
		if digit := '0' <= c && c <= '9'; digit != (shape[i] == '0') || !digit && c != shape[i] {
			return false
		}
	}
	return true
}
