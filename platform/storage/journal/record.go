package journal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// The file begins with magic, which names the version of the format. Behind it are records: a head, the payload, and an
// end, which is not zero. The head is the length of the payload (8 bytes), its kind (1), its CRC-32C (4), and the CRC-32C
// of these 13 bytes (4), little-endian; so a length can be trusted before what it spans is read.
const (
	magic     = "alipayplus journal 1\n"
	headSize  = 8 + 1 + 4 + 4
	recordEnd = '\n'
)

// The kinds of records, in the order in which they come.
const (
	kindSnapshot    = 's' // some of the snapshot's records, as writes
	kindSnapshotEnd = 'e' // how many records the snapshot has, as a varint
	kindCommit      = 'c' // the writes of one commit
)

// errTorn says that the last record was not written to its end.
var errTorn = errors.New("the last record is not complete")

func appendRecord(to []byte, kind byte, payload []byte) []byte {
	start := len(to)
	to = binary.LittleEndian.AppendUint64(to, uint64(len(payload)))
	to = append(to, kind)
	to = binary.LittleEndian.AppendUint32(to, checksum(payload))
	to = binary.LittleEndian.AppendUint32(to, checksum(to[start:]))
	to = append(to, payload...)
	return append(to, recordEnd)
}

func checksum(data []byte) uint32 { return crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)) }

// reader reads the records of a file.
type reader struct {
	file   io.ReaderAt
	in     *bufio.Reader
	offset int64 // where the record at hand begins
	size   int64 // how long it is
	left   int64 // how much of the file there is from offset on
	buf    []byte
}

func newReader(file io.ReaderAt, size int64) *reader {
	const atOnce = 64 << 10
	return &reader{file: file, in: bufio.NewReaderSize(io.NewSectionReader(file, 0, size), atOnce), left: size}
}

// magic reads the beginning of the file.
func (r *reader) magic() error {
	begin := make([]byte, min(int64(len(magic)), r.left))
	if _, err := io.ReadFull(r.in, begin); err != nil {
		return err
	}
	if string(begin) != magic {
		return fmt.Errorf("the file does not begin with %q: it is no journal, or one of another version of this library", magic)
	}
	r.size = int64(len(magic))
	return nil
}

// next returns the next record; its payload holds until the next call. At the end the error is io.EOF, or errTorn when
// what is left is what a crash makes of a record.
func (r *reader) next() (kind byte, payload writes, err error) {
	r.offset, r.left, r.size = r.offset+r.size, r.left-r.size, 0
	switch {
	case r.left == 0:
		return 0, nil, io.EOF
	case r.left < headSize:
		return 0, nil, errTorn
	}
	var head [headSize]byte
	if _, err := io.ReadFull(r.in, head[:]); err != nil {
		return 0, nil, err
	}
	if binary.LittleEndian.Uint32(head[13:]) != checksum(head[:13]) {
		return 0, nil, r.damaged("the head of the record does not fit its checksum", headSize)
	}
	length := binary.LittleEndian.Uint64(head[:])
	if length >= uint64(r.left-headSize) {
		return 0, nil, errTorn
	}
	body, err := r.body(int(length) + 1)
	if err != nil {
		return 0, nil, err
	}
	payload = body[:length]
	r.size = headSize + int64(length) + 1
	if body[length] != recordEnd || binary.LittleEndian.Uint32(head[9:]) != checksum(payload) {
		return 0, nil, r.damaged("the record does not fit its checksum", r.size)
	}
	return head[8], payload, nil
}

func (r *reader) body(size int) ([]byte, error) {
	if cap(r.buf) < size {
		r.buf = make([]byte, size)
	}
	_, err := io.ReadFull(r.in, r.buf[:size])
	return r.buf[:size], err
}

// damaged tells damage from a crash, for a record of which at least size bytes should be there. After a crash of the
// machine a file may be longer than what was written to it, with zeros behind that; a whole record does not end so.
func (r *reader) damaged(what string, size int64) error {
	written, err := r.written()
	switch {
	case err != nil:
		return err
	case written < size:
		return errTorn
	}
	return damage(what)
}

// damage is the error for what no crash does.
func damage(what string) error {
	return errors.New(what + ": the file is damaged, restore it from a backup")
}

// written returns how many bytes there are from the offset on, without the zeros at the end.
func (r *reader) written() (int64, error) {
	rest := bufio.NewReader(io.NewSectionReader(r.file, r.offset, r.left))
	written := int64(0)
	for at := int64(1); at <= r.left; at++ {
		b, err := rest.ReadByte()
		if err != nil {
			return 0, err
		}
		if b != 0 {
			written = at
		}
	}
	return written, nil
}
