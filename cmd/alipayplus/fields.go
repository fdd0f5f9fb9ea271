package main

// fieldDoc is the flag of a field of an input, and its help.
type fieldDoc struct{ flag, help string }

// fieldDocs are the flags of all fields that inputs have, by their names in JSON. A field
// means the same in each input.
func fieldDocs() map[string]fieldDoc {
	return map[string]fieldDoc{
		// the platform's
		"requestId":       {"request-id", "the idempotency `key`: a call that is repeated with the same one is executed once"},
		"programId":       {"program", "the `id` of the mini program"},
		"releaseId":       {"release", "the `id` of the release"},
		"targetApp":       {"target-app", "the `app` that it goes to, such as ALIPAY_CN"},
		"version":         {"version", "the version `x.y.z`"},
		"status":          {"status", "only those in this `status`"},
		"order":           {"order", "the `order` by date: newest or oldest first"},
		"title":           {"title", "only those whose title contains this `text`"},
		"category":        {"category", "only those of this `category`"},
		"applicant":       {"applicant", "only those of this `member`"},
		"description":     {"description", "a `text` that says what changed"},
		"allowDowngrade":  {"allow-downgrade", "release it although a higher version is fully released"},
		"logoFileId":      {"logo-file-id", "the `id` of the uploaded logo, see file upload"},
		"reason":          {"reason", "why, as a `text` for the applicant"},
		"appQrCodePage":   {"page", "the `page` that it opens; the first page without it"},
		"appQrCodeParams": {"params", "the `parameters` that the page gets, as in a query"},
		"appQrCodeDesc":   {"description", "a `text` for people"},
		"appQrCodeType":   {"type", "the `kind` of the QR code"},
		// AlipayCN's
		"app_version":                       {"version", "the version `x.y.z`"},
		"bundle_id":                         {"bundle-id", "the `client` that the version runs in; the Alipay wallet without it"},
		"version_status":                    {"status", "only those in these `statuses`, comma separated; all without it"},
		"template_id":                       {"template", "the app `id` of the template"},
		"template_version":                  {"template-version", "the version `x.y.z` of the template; the newest one without it"},
		"ext":                               {"ext", "`JSON` that the mini program reads with my.getExtConfig"},
		"downgrade":                         {"downgrade", "prefer performance to coverage"},
		"permit_registration_limit_release": {"permit-registration-limit-release", "release it, restricted, before the ICP filing is done"},
		"role":                              {"role", "the `role` of the member"},
		"user_id":                           {"user-id", "the Alipay user `id` of the member"},
		"open_id":                           {"open-id", "the open `id` of the member"},
		"is_filter":                         {"only-available", "leave out the categories that the mini program cannot have"},
		"app_name":                          {"name", "the `name` of the mini program"},
		"app_english_name":                  {"english-name", "its English `name`"},
		"app_slogan":                        {"slogan", "one `line` that says what it does"},
		"app_desc":                          {"description", "a `text` that describes it"},
		"mini_category_ids":                 {"categories", "its `categories`, comma separated"},
		"app_category_ids":                  {"old-categories", "its `categories` of the old tree, which AlipayCN is retiring"},
		"service_phone":                     {"service-phone", "the `number` of its customer service"},
		"service_email":                     {"service-email", "the `address` of its customer service"},
		"query_param":                       {"query", "what the page gets, `key=value&key=value`"},
		"describe":                          {"description", "a `text` that says what the QR code is for"},
		"color":                             {"color", "the `color` of the round pictures, such as 0x00BFFF"},
		"size":                              {"size", "the `size` of the pictures"},
		"page_redirection":                  {"page", "the `page` that opens"},
		"mode":                              {"mode", "which addresses it covers, `mode`"},
		"route_pattern":                     {"pattern", "a `pattern` of addresses of one host"},
		"start_page":                        {"page", "the `page` of items, counted from 1"},
		"reject_reason":                     {"reason", "why, as a `text` for the merchant"},
		"cancel_reason":                     {"reason", "why, as a `text` for the merchant"},
		"mini_app_id":                       {"mini-app", "the `id` of the mini program that it is for"},
		"shop_id":                           {"shop", "the `id` of the shop that it is for"},
		"merchant_pid":                      {"merchant", "the merchant's Alipay user `id`"},
		"market_code":                       {"market-code", "the `value` that AlipayCN assigns; new callers need it"},
		"app_origin":                        {"app-origin", "the `value` that says where the call comes from"},
		"out_biz_no":                        {"out-biz-no", "the merchant's own `number` of the order"},
	}
}
