package main

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	tests := []struct {
		name, in, wantErr string
	}{
		{"one object", "{\"a\": {\"b\": 1}}\n", ""},
		{"an empty object", "{}", ""},
		{"nothing", "", "does not begin with a JSON object"},
		{"an array", "[{}]", "does not begin with a JSON object"},
		{"null", "null", "not a JSON object"},
		{"a line before", "ok\n{}", "does not begin with a JSON object"},
		{"a line after", "{}\nok", "goes on"},
		{"two objects", "{}{}", "goes on"},
		{"cut short", `{"a":`, "does not begin with a JSON object"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := check(strings.NewReader(tt.in))
			switch {
			case tt.wantErr == "" && err != nil:
				t.Fatalf("check(%q) = %v, want no error", tt.in, err)
			case tt.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tt.wantErr)):
				t.Fatalf("check(%q) = %v, want an error that says %q", tt.in, err, tt.wantErr)
			}
		})
	}
}
