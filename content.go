package alipayplus

import "fmt"

// BlockType is the kind of a block of content. It is open to unknown values.
type BlockType string

// The kinds of block that "Release services" documents: "texts, images, or tables".
const (
	// BlockText is a paragraph.
	BlockText BlockType = "TEXT"
	// BlockImage is an uploaded image.
	BlockImage BlockType = "IMAGE"
	// BlockTable is a table with a header.
	BlockTable BlockType = "TABLE"
)

// Content is an ordered list of text, image and table blocks.
type Content []Block

// Block is one paragraph, image or table.
type Block struct {
	// Type says which of the other fields is set.
	Type BlockType `json:"type"`
	// Text is the paragraph of a TEXT block.
	Text string `json:"text,omitempty"`
	// Image is the picture of an IMAGE block.
	Image *Image `json:"image,omitempty"`
	// Table is the table of a TABLE block.
	Table *Table `json:"table,omitempty"`
}

// Image names an uploaded image.
type Image struct {
	// FileID is the id that [FilesClient.Upload] returned.
	FileID string `json:"fileId"`
	// Description says in words what the image shows; may be empty.
	Description string `json:"description,omitempty"`
}

// Table is a rectangular table: every row has as many cells as the header.
type Table struct {
	// Header holds the column titles.
	Header []string `json:"header"`
	// Rows hold the cells, row by row.
	Rows [][]string `json:"rows"`
}

// TextBlock returns a TEXT block.
func TextBlock(text string) Block { return Block{Type: BlockText, Text: text} }

// ImageBlock returns an IMAGE block of an uploaded file.
func ImageBlock(fileID, description string) Block {
	return Block{Type: BlockImage, Image: &Image{FileID: fileID, Description: description}}
}

// TableBlock returns a TABLE block.
func TableBlock(header []string, rows ...[]string) Block {
	return Block{Type: BlockTable, Table: &Table{Header: header, Rows: rows}}
}

// check adds the broken fields of the content to p.
func (c Content) check(p *problems, path string, policy ServicePolicy) {
	if len(c) > policy.MaxBlocks {
		p.add(path, fmt.Sprintf("must have at most %d blocks; has %d", policy.MaxBlocks, len(c)))
		return
	}
	for i, b := range c {
		b.check(p, fmt.Sprintf("%s[%d]", path, i), policy)
	}
}

func (b Block) check(p *problems, path string, policy ServicePolicy) {
	set := 0
	for _, isSet := range []bool{b.Text != "", b.Image != nil, b.Table != nil} {
		if isSet {
			set++
		}
	}
	if set > 1 {
		p.add(path, "must hold one of text, image and table, not several")
		return
	}
	switch b.Type {
	case BlockText:
		checkText(p, path+".text", b.Text, policy.MaxText)
	case BlockImage:
		if b.Image == nil || b.Image.FileID == "" {
			p.add(path+".image.fileId", "is required; upload the image first")
		}
	case BlockTable:
		b.Table.check(p, path+".table", policy)
	default:
		p.add(path+".type", "must be one of TEXT, IMAGE, TABLE")
	}
}

func checkText(p *problems, path, text string, most int) {
	switch n := len([]rune(text)); {
	case n == 0:
		p.add(path, "is required")
	case n > most:
		p.add(path, fmt.Sprintf("must have at most %d characters; has %d", most, n))
	}
}

func (t *Table) check(p *problems, path string, policy ServicePolicy) {
	if t == nil || len(t.Header) == 0 {
		p.add(path+".header", "is required")
		return
	}
	if len(t.Rows) == 0 {
		p.add(path+".rows", "must have at least 1 row")
	}
	if cells := len(t.Header) * (len(t.Rows) + 1); cells > policy.MaxTableCells {
		p.add(path, fmt.Sprintf("must have at most %d cells; has %d", policy.MaxTableCells, cells))
		return
	}
	for i, title := range t.Header {
		checkText(p, fmt.Sprintf("%s.header[%d]", path, i), title, policy.MaxText)
	}
	for i, row := range t.Rows {
		if len(row) != len(t.Header) {
			p.add(fmt.Sprintf("%s.rows[%d]", path, i), fmt.Sprintf("must have %d cells like the header; has %d", len(t.Header), len(row)))
		}
		for j, cell := range row {
			if n := len([]rune(cell)); n > policy.MaxText {
				p.add(fmt.Sprintf("%s.rows[%d][%d]", path, i, j), fmt.Sprintf("must have at most %d characters; has %d", policy.MaxText, n))
			}
		}
	}
}
