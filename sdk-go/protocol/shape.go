package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// What a payload must look like. Each check is told where in which message it looks (`at`, as in "OUTPUT label")
// and gives back its value, typed, or a precise MessageError.

// decodeJSON gives the value of a payload, with numbers as json.Number.
func decodeJSON(name string, payload []byte) (any, error) {
	if !utf8.Valid(payload) {
		return nil, &MessageError{name, "the payload is not UTF-8: " + quoted(payload)}
	}
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	if err == nil {
		if _, after := decoder.Token(); !errors.Is(after, io.EOF) {
			err = errors.New("more follows the JSON text")
		}
	}
	if err != nil {
		return nil, &MessageError{name, fmt.Sprintf("the payload is not one JSON text (%v): %s", err, quoted(payload))}
	}
	return value, nil
}

// wrong is the error for the place at, whose first word is the message's name.
func wrong(at, expected string, came any) error {
	name, place, _ := strings.Cut(at, " ")
	if place == "" {
		place = "the payload"
	}
	return &MessageError{name, fmt.Sprintf("%s must be %s, not %s", place, expected, quoted(came))}
}

func noPayload(at string, value any) error {
	if text, is := value.(string); is && text == "" {
		return nil
	}
	return wrong(at, `the empty string ""`, value)
}

func text(at string, value any) (string, error) {
	if found, is := value.(string); is {
		return found, nil
	}
	return "", wrong(at, "a string", value)
}

// line is text that can stand in a URL, a path or an index line: not empty, no control characters.
func line(at string, value any) (string, error) {
	found, is := value.(string)
	if !is || found == "" || strings.ContainsFunc(found, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", wrong(at, "a string, not empty and without control characters", value)
	}
	return found, nil
}

// integer is a JSON number without fraction or exponent from low to high; true and 1.0 are none.
func integer(at string, value any, low, high int64) (int64, error) {
	if number, is := value.(json.Number); is {
		if found, err := strconv.ParseInt(number.String(), 10, 64); err == nil && low <= found && found <= high {
			return found, nil
		}
	}
	return 0, wrong(at, fmt.Sprintf("an integer from %d to %d", low, high), value)
}

// integerOrText is an integer from 0 to high, or its canonical decimal text.
func integerOrText(at string, value any, high int64) (int64, error) {
	if digits, is := value.(string); is {
		found, err := strconv.ParseInt(digits, 10, 64)
		if err == nil && 0 <= found && found <= high && strconv.FormatInt(found, 10) == digits {
			return found, nil
		}
		return 0, wrong(at, fmt.Sprintf("an integer from 0 to %d, or its decimal text", high), value)
	}
	return integer(at, value, 0, high)
}

func oneOf(at string, value any, words ...string) (string, error) {
	if found, is := value.(string); is {
		for _, word := range words {
			if word == found {
				return found, nil
			}
		}
	}
	return "", wrong(at, `one of "`+strings.Join(words, `", "`)+`"`, value)
}

func integers(at string, value any) ([]int64, error) {
	found, is := value.([]any)
	if !is {
		return nil, wrong(at, "a list of integers", value)
	}
	made := make([]int64, 0, len(found))
	for i, item := range found {
		number, err := integer(fmt.Sprintf("%s[%d]", at, i), item, minInt, maxInt)
		if err != nil {
			return nil, err
		}
		made = append(made, number)
	}
	return made, nil
}

// items is a list of low to high elements; form shows what they are.
func items(at string, value any, form string, low, high int) ([]any, error) {
	found, is := value.([]any)
	if !is || len(found) < low || len(found) > high {
		return nil, wrong(at, form, value)
	}
	return found, nil
}

// object has the keys; what else it has is for later versions, and left alone.
func object(at string, value any, keys ...string) (map[string]any, error) {
	found, is := value.(map[string]any)
	if !is {
		return nil, wrong(at, "an object", value)
	}
	for _, key := range keys {
		if _, is := found[key]; !is {
			return nil, wrong(at, `an object with "`+strings.Join(keys, `", "`)+`"`, value)
		}
	}
	return found, nil
}

// hasLoneSurrogate finds an escape like \udc80 that is no half of a pair: UTF-8 cannot express it, and Go's
// decoder would silently turn it into another character.
func hasLoneSurrogate(payload []byte) bool {
	for i := 0; i+1 < len(payload); i++ {
		if payload[i] != '\\' {
			continue
		}
		high := surrogate(payload[i:])
		switch {
		case high == 0:
			i++ // the escaped byte may be a backslash
		case high < 0xdc00 && i+6 < len(payload) && surrogate(payload[i+6:]) >= 0xdc00:
			i += 11
		default:
			return true
		}
	}
	return false
}

// surrogate is the value of an escape at the start of b that is half of a pair, else 0.
func surrogate(b []byte) uint64 {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0
	}
	value, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil || value < 0xd800 || value > 0xdfff {
		return 0
	}
	return value
}
