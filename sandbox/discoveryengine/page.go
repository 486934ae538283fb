package discoveryengine

import (
	"encoding/base64"
	"fmt"
	"hash/fnv"
)

// page finds the part of a list of n items that a page token asks for, and the token of the next page. A
// token belongs to the query it was made for, as the service demands.
func page(query, token string, size, largest, n int) (from, to int, next string, err error) {
	switch {
	case size < 0:
		return 0, 0, "", invalid("page_size must not be negative, got %d.", size)
	case size == 0 || size > largest:
		size = largest
	}
	if token != "" {
		if from, err = parseToken(query, token); err != nil {
			return 0, 0, "", err
		}
	}
	from = min(from, n)
	to = min(from+size, n)
	if to < n {
		next = formatToken(query, to)
	}
	return from, to, next, nil
}

func formatToken(query string, offset int) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%08x:%d", fingerprint(query), offset))
}

func parseToken(query, token string) (offset int, err error) {
	var made uint32
	plain, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		_, err = fmt.Sscanf(string(plain), "%08x:%d", &made, &offset)
	}
	if err != nil || made != fingerprint(query) || offset < 0 {
		return 0, invalid("Invalid page_token: it does not belong to this request.")
	}
	return offset, nil
}

func fingerprint(query string) uint32 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(query))
	return hash.Sum32()
}
