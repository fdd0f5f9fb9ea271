package signing

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"regexp"
	"sync"
)

// DecodePEM returns the blocks of a text in their order, none when no block
// begins in it. Text around a block, indentation, CRLF, and line breaks that
// became spaces do not matter.
//
// A block that begins, or ends, and cannot be read is an error, which names the
// block by its number and label: who skipped it would work with less than was
// given. The error goes on after words such as "private key", and has nothing
// of a block's content.
func DecodePEM(text []byte) ([]*pem.Block, error) {
	if block := asWritten(text); block != nil {
		return []*pem.Block{block}, nil
	}
	lines := pemLines(text)
	var blocks []*pem.Block
	for i := 0; i < len(lines); i += 2 {
		begin := lines[i]
		described := fmt.Sprintf("PEM block %d%s", len(blocks)+1, begin.describe())
		switch {
		case begin.damaged:
			return nil, fmt.Errorf("has a damaged BEGIN or END line at its %s: it must be -----BEGIN …----- or -----END …-----, with five hyphens on either side", described)
		case begin.end:
			return nil, fmt.Errorf("has no BEGIN line for its %s: its beginning was cut off", described)
		case i+1 == len(lines) || !lines[i+1].end && !lines[i+1].damaged:
			return nil, fmt.Errorf("has no END line for its %s: it was cut off", described)
		case lines[i+1].damaged:
			return nil, fmt.Errorf("has a damaged END line at its %s: it must be -----END …-----, with five hyphens on either side", described)
		case lines[i+1].label != begin.label:
			return nil, fmt.Errorf("has an END line that says %.32q for its %s", lines[i+1].label, described)
		}
		block := decodePEMBlock(begin.label, text[begin.to:lines[i+1].from])
		if block == nil {
			return nil, fmt.Errorf(`has a %s whose content is no base64: it was cut off or changed, or its line breaks were written as \n`, described)
		}
		blocks = append(blocks, block)
	}
	return blocks, nil
}

// asWritten is the one block that a text is, just as openssl and [PublicKeyPEM] write it; nil for
// any other text. Most keys are, and a platform reads one at every call.
func asWritten(text []byte) *pem.Block {
	block, _ := pem.Decode(text)
	if block == nil || len(block.Bytes) == 0 || !bytes.Equal(bytes.TrimSpace(pem.EncodeToMemory(block)), bytes.TrimSpace(text)) {
		return nil
	}
	return block
}

// decodePEMBlock returns nil for a content that cannot be read.
func decodePEMBlock(label string, content []byte) *pem.Block {
	fields := bytes.Fields(content)
	if bytes.Contains(content, []byte(":")) { // headers, which need their lines
		fields = bytes.Split(content, []byte("\n"))
		for i := range fields {
			fields[i] = bytes.TrimSpace(fields[i])
		}
	}
	plain := bytes.TrimSpace(bytes.Join(fields, []byte("\n")))
	block, _ := pem.Decode(fmt.Appendf(nil, "-----BEGIN %s-----\n%s\n-----END %[1]s-----\n", label, plain))
	if block == nil || len(block.Bytes) == 0 {
		return nil
	}
	return block
}

// pemLine is a BEGIN or END line, at text[from:to].
type pemLine struct {
	from, to int
	label    string
	end      bool
	damaged  bool // it is not written as it must be
}

func (l pemLine) describe() string {
	if l.label == "" {
		return ""
	}
	return fmt.Sprintf(" (%.32s)", l.label)
}

// They are compiled for the first text that is not just as it is written, since that takes longer
// than to read a key.
var (
	pemLineWhole = sync.OnceValue(func() *regexp.Regexp { //nolint:gochecknoglobals // a constant but for the time that it takes
		return regexp.MustCompile(`^-----(BEGIN|END) ([^-]*[^- ])-----$`)
	})
	pemLineAlike = sync.OnceValue(func() *regexp.Regexp { //nolint:gochecknoglobals // as above
		return regexp.MustCompile(`-{5}(?:BEGIN|END)\b[^-\r\n]{0,64}-{0,5}` +
			`|(?i:-*[ \t]*\b(?:BEGIN|END)[ \t]*` + pemLabels + `[ \t]*-{1,5})` +
			`|(?i:-{1,5}[ \t]*(?:BEGIN|END)[ \t]*` + pemLabels + `)`)
	})
)

const pemLabels = `[A-Z0-9 ]*(?:CERTIFICATE|KEY|CRL|REQUEST|PKCS7|PARAMETERS)\b`

// pemLines finds the BEGIN and END lines of a text, and what once was one: with
// fewer hyphens, in small letters.
func pemLines(text []byte) []pemLine {
	var lines []pemLine
	for _, at := range pemLineAlike().FindAllIndex(text, -1) {
		line := pemLine{from: at[0], to: at[1]}
		if parts := pemLineWhole().FindSubmatch(text[at[0]:at[1]]); parts != nil {
			line.label, line.end = string(parts[2]), string(parts[1]) == "END"
		} else {
			line.damaged = true
		}
		lines = append(lines, line)
	}
	return lines
}
