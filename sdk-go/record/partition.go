package record

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/big"
	"strconv"
)

// Partition is the label of a key, from 0 to n-1: the same number in every language, process and node. An n below 1
// counts as 1.
func Partition(key []byte, n int) int {
	return int(uint64(crc32.ChecksumIEEE(key)) % uint64(max(n, 1)))
}

// Canonical gives the bytes that stand for a key which is no byte string: text as UTF-8, integers in decimal, nil as
// nothing, and a []any (a tuple in Python) as its elements, each after its length. Other types are an error: in
// Python they would be a pickle, which no other language writes.
func Canonical(key any) ([]byte, error) {
	switch k := key.(type) {
	case nil:
		return nil, nil
	case []byte:
		return k, nil
	case string:
		return []byte(k), nil
	case bool:
		if k {
			return []byte("1"), nil
		}
		return []byte("0"), nil
	case int:
		return strconv.AppendInt(nil, int64(k), 10), nil
	case int64:
		return strconv.AppendInt(nil, k, 10), nil
	case uint64:
		return strconv.AppendUint(nil, k, 10), nil
	case *big.Int:
		return k.Append(nil, 10), nil
	case []any:
		return canonicalTuple(k)
	default:
		return nil, fmt.Errorf("a key of type %T has no canonical bytes in Go: use bytes, text, integers or []any", key)
	}
}

func canonicalTuple(parts []any) ([]byte, error) {
	var made []byte
	for _, part := range parts {
		one, err := Canonical(part)
		if err != nil {
			return nil, err
		}
		made = binary.LittleEndian.AppendUint32(made, uint32(len(one)))
		made = append(made, one...)
	}
	return made, nil
}
