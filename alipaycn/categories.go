package alipaycn

// ListCategoriesInput is the input of categories.list
// (alipay.open.mini.category.query).
type ListCategoriesInput struct {
	// OnlyAvailable leaves out the categories that the mini program cannot have.
	OnlyAvailable bool `json:"is_filter"`
}

// CategoryList is the answer of categories.list. Each list is a tree by the ids
// of the parents.
type CategoryList struct {
	// Old are the categories of the old tree, which AlipayCN is retiring.
	Old []Category `json:"category_list,omitempty"`
	// Categories are the categories, in three levels.
	Categories []Category `json:"mini_category_list,omitempty"`
}

// Category is one category.
type Category struct {
	// ID is its id; see [CategoryIDs] for how a mini program names it.
	ID string `json:"category_id,omitempty"`
	// Name is its name.
	Name string `json:"category_name,omitempty"`
	// ParentID is the category above it.
	ParentID string `json:"parent_category_id,omitempty"`
	// HasChild says whether there are categories below it; then it cannot be
	// chosen itself.
	HasChild Bool `json:"has_child,omitempty"`
	// NeedLicense says whether a business licence is needed.
	NeedLicense Bool `json:"need_license,omitempty"`
	// NeedOutDoorPic says whether a picture of the shop front is needed.
	NeedOutDoorPic Bool `json:"need_out_door_pic,omitempty"`
	// NeedSpecialLicense says whether a special licence is needed.
	NeedSpecialLicense Bool `json:"need_special_license,omitempty"`
}

// CategoryRequirementsInput is the input of categories.requirements
// (alipay.open.mini.category.require.query).
type CategoryRequirementsInput struct {
	// Codes are 1 to 5 categories, as in [CategoryIDs]. Required.
	Codes []string `json:"category_code_list,omitempty"`
}

// Validate checks the codes.
func (in CategoryRequirementsInput) Validate() error {
	const most = 5
	var p problems
	if len(in.Codes) == 0 {
		p.add("category_code_list", "must have at least 1 category")
	}
	p.count("category_code_list", len(in.Codes), most, "categories")
	for _, code := range in.Codes {
		p.required("category_code_list", code)
	}
	return p.err("categories")
}

// CategoryRequirements is the answer of categories.requirements.
type CategoryRequirements struct {
	// Requirements are what each category needs.
	Requirements []CategoryRequirement `json:"category_require_info_list,omitempty"`
}

// CategoryRequirement is what a category needs.
type CategoryRequirement struct {
	// Code is the category, all levels joined by "_".
	Code string `json:"category_code,omitempty"`
	// Name is its name, all levels joined by "_".
	Name string `json:"category_name,omitempty"`
	// Text says what it needs, in AlipayCN's words.
	Text string `json:"category_requirements,omitempty"`
	// BusinessLicence says whether a business licence is needed.
	BusinessLicence Bool `json:"business_licence_required,omitempty"`
	// DoorPhoto says whether a picture of the shop front is needed.
	DoorPhoto Bool `json:"door_photo_required,omitempty"`
	// SpecialLicence says whether a special licence is needed.
	SpecialLicence Bool `json:"special_licence_required,omitempty"`
}
