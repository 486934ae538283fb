package source

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// message makes one of the server's.
func message(kind byte, body []byte) []byte {
	m := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4))
	return append(m, body...)
}

// dataMessage makes a row; nil is NULL.
func dataMessage(values ...[]byte) []byte {
	body := binary.BigEndian.AppendUint16(nil, uint16(len(values)))
	for _, v := range values {
		size := uint32(len(v))
		if v == nil {
			size = 1<<32 - 1
		}
		body = append(binary.BigEndian.AppendUint32(body, size), v...)
	}
	return message(dataRow, body)
}

func wireOf(r io.Reader, longest int) *wire {
	w := newWire()
	w.attach(r)
	w.longest = longest
	return w
}

func TestWireCutsLongValues(t *testing.T) {
	const longest = 1000
	long := func(n int) []byte { return bytes.Repeat([]byte("x"), n) }
	many, cut := [][]byte{}, [][]byte{}
	for i := range 20 {
		many = append(many, long(5000))
		if i < wideRow-1 {
			cut = append(cut, long(longest+1))
		} else {
			cut = append(cut, long(shortValue))
		}
	}
	for name, tt := range map[string]struct{ in, want []byte }{
		"short row":            {dataMessage([]byte("id"), long(900)), dataMessage([]byte("id"), long(900))},
		"long value":           {dataMessage([]byte("id"), long(5000), nil), dataMessage([]byte("id"), long(longest+1), nil)},
		"id after it":          {dataMessage(long(200_000), []byte("id")), dataMessage(long(longest+1), []byte("id"))},
		"many":                 {dataMessage(append(many, []byte("id"))...), dataMessage(append(cut, []byte("id"))...)},
		"just as long":         {dataMessage(long(longest)), dataMessage(long(longest))},
		"another kind":         {message('E', long(5000)), message('E', long(5000))},
		"row without a column": {dataMessage(), dataMessage()},
		"empty message":        {message('Z', nil), message('Z', nil)},
	} {
		t.Run(name, func(t *testing.T) {
			around := message('S', []byte("before"))
			in := append(append(bytes.Clone(around), tt.in...), around...)
			want := append(append(bytes.Clone(around), tt.want...), around...)
			for reader, r := range map[string]io.Reader{"whole": bytes.NewReader(in), "byte by byte": iotest.OneByteReader(bytes.NewReader(in)), "halves": iotest.HalfReader(bytes.NewReader(in))} {
				got, err := io.ReadAll(wireOf(r, longest))
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: got %d bytes, %v, want %d", reader, len(got), err, len(want))
				}
			}
		})
	}
}

func TestWireRefusesRowsThatLie(t *testing.T) {
	for name, body := range map[string][]byte{
		"value longer than the row":   append([]byte{0, 1, 0x7f, 0xff, 0xff, 0xff}, make([]byte, 100)...),
		"row longer than its values":  append([]byte{0, 1, 0, 0, 0, 1}, make([]byte, 100)...),
		"more columns than there are": append([]byte{0x7f, 0xff}, make([]byte, 1000)...),
	} {
		if _, err := io.ReadAll(wireOf(bytes.NewReader(message(dataRow, body)), 10)); !errors.Is(err, errWire) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	_, err := io.ReadAll(wireOf(bytes.NewReader(dataMessage(make([]byte, 100))[:50]), 10))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a row: got %v", err)
	}
}

// FuzzWire: with no limit every byte passes, and with one, short messages do, however they are read.
func FuzzWire(f *testing.F) {
	f.Add([]byte("x"), uint64(1))
	f.Add(bytes.Repeat([]byte("long"), 300), uint64(2))
	f.Fuzz(func(t *testing.T, value []byte, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 0))
		var in []byte
		for range 5 {
			in = append(in, dataMessage(value[:random.IntN(len(value)+1)], nil)...)
			in = append(in, message('S', value)...)
		}
		for _, longest := range []int{0, len(value) + 20} {
			var got []byte
			w := wireOf(iotest.HalfReader(bytes.NewReader(in)), longest)
			for {
				p := make([]byte, 1+random.IntN(100))
				n, err := w.Read(p)
				if got = append(got, p[:n]...); err != nil {
					break
				}
			}
			if !bytes.Equal(got, in) {
				t.Fatalf("longest %d: %d bytes of %d", longest, len(got), len(in))
			}
		}
	})
}

// TestHugeValues: a value of any kind and size costs its own document and no memory, and the read goes on.
func TestHugeValues(t *testing.T) {
	const limit = 1 << 20
	// Sizes depend on n, so that no constant of megabytes stands in the plan.
	query := `SELECT id, CASE id WHEN 'text' THEN repeat('x', 5000000 * n) END AS t, CASE id WHEN 'array' THEN ARRAY[repeat('y', 2500000 * n), repeat('z', 2500000 * n)] END AS a,
		CASE id WHEN 'bytea' THEN decode(repeat('ff', 2000000 * n), 'hex') END AS b, CASE id WHEN 'json' THEN to_jsonb(repeat('j', 4000000 * n)) END AS j, CASE id WHEN 'number' THEN repeat('9', 10000 * n)::numeric END AS n
		FROM (SELECT id, 10 AS n FROM unnest(ARRAY['text', 'first', 'array', 'bytea', 'json', 'number', 'last']) AS u(id) OFFSET 0) AS s`
	db := open(t, Config{URL: server.URL(""), Query: query, MaxValueBytes: limit})
	want := [][]int{{4, limit + 1, -1, -1, -1, -1}, {5, -1, -1, -1, -1, -1}, {5, -1, limit + 1, -1, -1, -1}, {5, -1, -1, limit + 1, -1, -1}, {4, -1, -1, -1, limit + 1, -1}, {6, -1, -1, -1, -1, 100000}, {4, -1, -1, -1, -1, -1}}
	var got [][]int
	var before, during runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	err := db.Scan(t.Context(), func(row [][]byte) error {
		sizes := make([]int, len(row))
		for i, v := range row {
			if sizes[i] = len(v); v == nil {
				sizes[i] = -1
			}
		}
		got = append(got, sizes)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&during)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sizes (-want +got):\n%s", diff)
	}
	if grown := during.Sys - before.Sys; grown > 64<<20 {
		t.Errorf("the process grew by %d MiB", grown>>20)
	}
}

// TestRowThatCannotBeSent: beyond a gigabyte PostgreSQL itself gives up; the error names the row before.
func TestRowThatCannotBeSent(t *testing.T) {
	if testing.Short() {
		t.Skip("the server needs a gigabyte for it")
	}
	db := open(t, Config{URL: server.URL(""), Query: "SELECT g AS id, CASE g WHEN 3 THEN repeat('x', 200000000 * g) END AS a, CASE g WHEN 3 THEN repeat('y', 200000000 * g) END AS b FROM generate_series(1, 4) g", MaxValueBytes: 1 << 20})
	err := db.Scan(t.Context(), func([][]byte) error { return nil })
	if err == nil || !strings.HasPrefix(err.Error(), `read rows (after 2, the last with id "2"): `) || !strings.Contains(err.Error(), "a row is larger than PostgreSQL can send: leave the column out of the query, or cut it with left()") {
		t.Errorf("got %v", err)
	}
	if err := db.Check(context.Background()); err != nil {
		t.Error(err)
	}
}
