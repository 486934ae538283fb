package document

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func samplePost() [][]byte {
	return row("7d9c0a52-6f43-4c38-9f0a-1e6f3a9f1c11", "これは何の花ですか？公園で見つけました", "ヤマザクラ",
		strings.Repeat("この花は\"ヤマザクラ\"と呼ばれ、春に咲きます。葉と花が同時に開くのが特徴です。\n", 6), "どこで見つけましたか？", "東京都",
		"image/jpeg", "gs://bucket/images/7d9c0a52.jpg")
}

func BenchmarkAppend(b *testing.B) {
	e := NewEncoder(columns("id", "user_question", "object_label", "ai_answer", "ai_question", "location",
		"content_mime_type", "content_uri"), Options{})
	post := samplePost()
	line, _ := e.Append(nil, post)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		line, _ = e.Append(line[:0], post)
	}
}

func BenchmarkAppendString(b *testing.B) {
	for name, unit := range map[string]string{
		"ascii":    "The quick brown fox jumps over the lazy dog and runs away, ",
		"japanese": "この花はヤマザクラと呼ばれ、春に咲きます。",
		"mixed":    "Canon EOS R5、絞り f/2.8で撮影\n",
		"emoji":    "😀👨‍👩‍👧🌸",
	} {
		text := []byte(strings.Repeat(unit, 2000/len(unit)))
		dst := make([]byte, 0, 1<<14)
		for _, variant := range []struct {
			name string
			run  func()
		}{
			{"ours", func() { dst, _ = appendString(dst[:0], text) }},
			{"utf8.Valid alone", func() { _ = utf8.Valid(text) }},
			{"plain loop", func() { dst = appendByRune(dst[:0], text) }},
			{"encoding/json", func() { _, _ = json.Marshal(string(text)) }},
		} {
			b.Run(name+"/"+variant.name, func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					variant.run()
				}
			})
		}
	}
}

func appendByRune(dst, text []byte) []byte {
	dst = append(dst, '"')
	for _, r := range string(text) {
		if r < ' ' || r == '"' || r == '\\' {
			dst = appendEscaped(dst, byte(r))
			continue
		}
		dst = utf8.AppendRune(dst, r)
	}
	return append(dst, '"')
}

func BenchmarkJSON(b *testing.B) {
	text := []byte(`{"species": "ヤマザクラ", "confidence": 0.93, "tags": ["春", "花", "tree"], "note": null, "at": {"lat": 35.1, "lon": 139.2}}`)
	dst := make([]byte, 0, 1<<12)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = appendJSON(dst[:0], text, nil)
	}
}

func BenchmarkHash(b *testing.B) {
	line := bytes.Repeat([]byte("0123456789"), 90)
	for _, v := range []struct {
		name string
		run  func()
	}{
		{"xxh3", func() { Hash(line) }},
		{"sha256", func() { sha256.Sum256(line) }},
	} {
		b.Run(v.name, func(b *testing.B) {
			b.SetBytes(int64(len(line)))
			for b.Loop() {
				v.run()
			}
		})
	}
}
