package alipaycntest

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus/alipaycn"
)

// sampleCategories hold the ids of the examples in AlipayCN's documents. The
// names and what they need are made up.
func sampleCategories() []alipaycn.Category {
	return []alipaycn.Category{
		{ID: "XS1001", Name: "Shopping", HasChild: true},
		{ID: "XS2001", Name: "Food", ParentID: "XS1001", HasChild: true},
		{ID: "XS3002", Name: "Tea", ParentID: "XS2001"},
		{ID: "XS2002", Name: "Medicine", ParentID: "XS1001", HasChild: true},
		{ID: "XS3008", Name: "Pharmacy", ParentID: "XS2002", NeedLicense: true, NeedOutDoorPic: true, NeedSpecialLicense: true},
		{ID: "XS1011", Name: "Tools", HasChild: true},
		{ID: "XS2089", Name: "Calculators", ParentID: "XS1011"},
		{ID: "11", Name: "Life", HasChild: true},
		{ID: "12", Name: "Services", ParentID: "11", HasChild: true},
		{ID: "13", Name: "Repairs", ParentID: "12"},
	}
}

// isNew says whether a category is of the new tree.
func isNew(id string) bool { return strings.HasPrefix(id, "XS") }

func (g *Gateway) listCategories(*call) (any, error) {
	var out alipaycn.CategoryList
	for _, category := range g.cfg.categories {
		if isNew(category.ID) {
			out.Categories = append(out.Categories, category)
		} else {
			out.Old = append(out.Old, category)
		}
	}
	return out, nil
}

func (g *Gateway) requirements(c *call) (any, error) {
	var in alipaycn.CategoryRequirementsInput
	if err := json.Unmarshal(c.data, &in); err != nil {
		return nil, refuse("INVALID_PARAMS", "category_code_list must be a list of texts")
	}
	if len(in.Codes) == 0 {
		return nil, refuse("CATEGORY_IS_BLANK", "category_code_list is missing")
	}
	if err := in.Validate(); err != nil {
		return nil, refuse("INVALID_PARAMS", "%v", err)
	}
	var out alipaycn.CategoryRequirements
	for _, id := range in.Codes {
		path, known := g.categoryPath(id)
		if !known {
			return nil, refuse("CATEGORY_ERROR", "there is no category %.64q", id)
		}
		needs := alipaycn.CategoryRequirement{Code: id}
		var names []string
		for _, category := range path {
			names = append(names, category.Name)
			needs.BusinessLicence = needs.BusinessLicence || category.NeedLicense
			needs.DoorPhoto = needs.DoorPhoto || category.NeedOutDoorPic
			needs.SpecialLicence = needs.SpecialLicence || category.NeedSpecialLicense
		}
		needs.Name = strings.Join(names, "_")
		out.Requirements = append(out.Requirements, needs)
	}
	return out, nil
}

// categoryPath returns the levels of a category, from the top; false when one is
// not there.
func (g *Gateway) categoryPath(id string) (path []alipaycn.Category, known bool) {
	parent := ""
	for level := range strings.SplitSeq(id, "_") {
		i := slices.IndexFunc(g.cfg.categories, func(c alipaycn.Category) bool { return c.ID == level && c.ParentID == parent })
		if i < 0 {
			return path, false
		}
		path, parent = append(path, g.cfg.categories[i]), level
	}
	return path, true
}

// categoryPaths returns categories as a version shows them. A level that is not
// on the list has its id for a name.
func (g *Gateway) categoryPaths(ids alipaycn.CategoryIDs) (paths []alipaycn.CategoryPath) {
	for _, id := range ids {
		levels := strings.Split(id, "_")
		known, _ := g.categoryPath(id)
		name := func(i int) string {
			if i < len(known) {
				return known[i].Name
			}
			return levels[i]
		}
		path := alipaycn.CategoryPath{FirstID: levels[0], FirstName: name(0), SecondID: levels[1], SecondName: name(1)}
		if len(levels) > 2 {
			path.ThirdID, path.ThirdName = levels[2], name(2)
		}
		paths = append(paths, path)
	}
	return paths
}
