package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// Payloads with the content of the conformance suite (payload.rs): each byte follows from its position and the size.

// word is the number of bytes in which the content is made and checked.
const word = 8

// maxMessage is the largest message that either side takes, in bytes.
const maxMessage = 64 * 1024 * 1024

// known has sizes with the first and the last bytes of their content, as the Rust function makes them.
var known = []struct {
	size        int
	first, last string
}{
	{1, "c1", "c1"},
	{7, "a53c36d76cec99", "a53c36d76cec99"},
	{9, "a83d7e35de181749", "3d7e35de18174969"},
	{1000, "b74f03b5b19418e7", "3b214884c4653e7e"},
	{65537, "c4b38d91aa15a7c5", "5d71cde8cb385b7c"},
}

// content returns the bytes of a payload of size bytes.
func content(size int) []byte {
	made := make([]byte, (size+word-1)/word*word)
	for start := 0; start < size; start += word {
		binary.LittleEndian.PutUint64(made[start:], wordAt(size, start))
	}
	return made[:size]
}

// verify fails unless body is the content of its own length.
func verify(body []byte) error {
	for offset, expected := range content(len(body)) {
		if found := body[offset]; found != expected {
			return fmt.Errorf("payload of %d bytes is wrong at byte %d: 0x%02x instead of 0x%02x",
				len(body), offset, found, expected)
		}
	}
	return nil
}

// wordAt returns the word at byte start of a payload of size bytes: the two, mixed by the finaliser of SplitMix64.
func wordAt(size, start int) uint64 {
	z := uint64(size)*0x9e3779b97f4a7c15 + uint64(start) + 1
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// Both peers of a call could be wrong in the same way; so the server does not start unless it agrees with the Rust function.
func init() {
	for _, k := range known {
		made := content(k.size)
		ends := len(k.first) / 2
		if hex.EncodeToString(made[:ends]) != k.first || hex.EncodeToString(made[k.size-ends:]) != k.last {
			panic(fmt.Sprintf("the content of %d bytes is not that of the Rust function", k.size))
		}
	}
}
