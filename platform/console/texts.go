package console

import (
	"net/http"
	"strconv"
	"strings"
)

// language is one that the console speaks.
type language string

const (
	english language = "en"
	chinese language = "zh"
)

func languages() []language { return []language{english, chinese} }

func (l language) known() bool { return l == english || l == chinese }

// languageOf is the language that a browser has chosen, or else prefers.
func languageOf(r *http.Request) language {
	if cookie, err := r.Cookie(languageCookie); err == nil && language(cookie.Value).known() {
		return language(cookie.Value)
	}
	best, weight := english, 0.0
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, quality, _ := strings.Cut(part, ";")
		primary, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		of := 1.0
		if text, has := strings.CutPrefix(strings.TrimSpace(quality), "q="); has {
			of, _ = strconv.ParseFloat(text, 64) // what cannot be read counts nothing
		}
		if l := language(primary); l.known() && of > weight {
			best, weight = l, of
		}
	}
	return best
}

// text is a text in each language.
type text struct{ en, zh string }

func (t text) in(l language) string {
	if l == chinese {
		return t.zh
	}
	return t.en
}

// texts are all texts of the pages but the names of values.
func texts() map[string]text { //nolint:funlen // a table
	return map[string]text{
		"product":                {"Alipay+ console", "Alipay+ 控制台"},
		"skip":                   {"Skip to the content", "跳到正文"},
		"menu":                   {"Menu", "菜单"},
		"menu.todo":              {"To-Do List", "待办事项"},
		"menu.requests":          {"My Requests", "我的申请"},
		"menu.reviews":           {"Reviews", "待审核"},
		"menu.sessions":          {"Sessions", "登录会话"},
		"menu.servicemanagement": {"Service Management", "服务管理"},
		"menu.releasing":         {"Releasing", "发布管理"},
		"menu.services":          {"Services", "服务"},
		"menu.market":            {"Service Market", "服务市场"},
		"menu.orders":            {"Orders", "订单"},
		"menu.programs":          {"Mini programs", "小程序"},
		"menu.releases":          {"Releases", "发布"},
		"menu.audit":             {"Audit log", "审计日志"},
		"save":                   {"Save", "保存"},
		"language":               {"Language", "语言"},
		"signout":                {"Sign out", "退出登录"},
		"changed":                {"The page has been brought up to date.", "页面已更新。"},
		"stale":                  {"Something has changed. To see it, leave the form, or open the page again.", "内容已有变化，离开表单或重新打开页面即可查看。"},
		"no":                     {"No", "否"},
		"none":                   {"None", "无"},
		"more":                   {"More", "更多"},
		"empty":                  {"There is nothing here yet.", "暂无内容。"},
		"utc":                    {"Times are in UTC.", "时间均为 UTC。"},
		"details":                {"Details", "详情"},
		"back":                   {"Back", "返回"},
		"apply.filter":           {"Filter", "筛选"},
		"all":                    {"All", "全部"},
		"order":                  {"Sort by date", "按日期排序"},
		"order.newest":           {"Newest first", "最新在前"},
		"order.oldest":           {"Oldest first", "最早在前"},
		"signin.title":           {"Sign in", "登录"},
		"signin.as":              {"Sign in to the console as:", "以下列身份登录控制台："},
		"signin.button":          {"Sign in", "登录"},
		"signin.once":            {"This address works once, and only for a minute. If you did not ask for it, close this page.", "此地址仅可使用一次，且一分钟内有效。若非本人操作，请关闭此页面。"},
		"signin.gone":            {"This address can no longer be used", "此地址已失效"},
		"signedout.title":        {"You are not signed in", "您尚未登录"},
		"signedout.bye":          {"You have signed out", "您已退出登录"},
		"signedout.how":          {"There are no passwords here. Ask for an address with the key that you call the platform with:", "此处不使用密码。请使用您调用平台的密钥获取登录地址："},
		"failed.title":           {"This could not be done", "操作未能完成"},
		"reviewer":               {"Reviewer", "审核方"},
		"workspace":              {"Workspace", "工作空间"},
		"member":                 {"Member", "成员"},
		"role":                   {"Role", "角色"},

		"problem.failed":        {"The platform could not do this. Try again in a moment; its log says why.", "平台未能完成操作，请稍后重试；原因见平台日志。"},
		"problem.notfound":      {"There is no such thing here, or it belongs to another workspace.", "此处没有该内容，或其属于其他工作空间。"},
		"problem.permission":    {"You may not do this.", "您没有权限执行此操作。"},
		"problem.forged":        {"This form does not belong to your session. Open the page again and repeat it.", "此表单不属于您的会话，请重新打开页面后再试。"},
		"problem.invalid":       {"Something is missing or wrong:", "内容缺失或有误："},
		"problem.limit":         {"A limit is reached.", "已达到上限。"},
		"problem.authorization": {"The platform must be authorized first.", "请先完成授权。"},
		"problem.conflict":      {"This is not possible in the present state.", "当前状态下无法执行此操作。"},
		"problem.ratelimited":   {"Too many calls. Try again in a moment.", "调用过于频繁，请稍后重试。"},
		"problem.unknown":       {"It is not known whether this was done. Send the same form again: it will not be done twice.", "无法确定操作是否已完成。请重新提交同一表单：不会重复执行。"},

		"sessions.title": {"Where you are signed in", "您的登录会话"},
		"sessions.begun": {"Signed in", "登录时间"},
		"sessions.seen":  {"Last active", "最近活动"},
		"sessions.ends":  {"Ends, unless used", "未使用时的结束时间"},
		"sessions.key":   {"By client id", "客户端 ID"},
		"sessions.this":  {"this one", "当前会话"},
		"sessions.end":   {"End", "结束"},

		"requests.title":    {"My Requests", "我的申请"},
		"requests.search":   {"Request title", "申请标题"},
		"request.title":     {"Request", "申请"},
		"request.name":      {"Title", "标题"},
		"request.category":  {"Category", "类别"},
		"request.status":    {"Status", "状态"},
		"request.applicant": {"Applicant", "申请人"},
		"request.created":   {"Created time", "创建时间"},
		"request.finished":  {"Finish time", "完成时间"},
		"request.version":   {"Version", "版本"},
		"request.target":    {"Target app", "目标 App"},
		"request.reviews":   {"Reviews", "审核"},
		"request.service":   {"Open the service", "打开服务"},
		"request.release":   {"Open the release", "打开发布"},
		"request.basicinfo": {"The basic information was changed, and is reviewed as well.", "基本信息有变更，将一并审核。"},

		"review.party":             {"Reviewing party", "审核方"},
		"review.verdict":           {"Verdict", "审核结果"},
		"review.reason":            {"Reason", "原因"},
		"review.decided":           {"Decided", "审核时间"},
		"review.title":             {"Review", "审核"},
		"review.decide":            {"Your verdict", "您的审核结果"},
		"review.approve":           {"Approve", "通过"},
		"review.reject":            {"Reject", "驳回"},
		"review.why":               {"Reason, required to reject: what has to be mended", "原因（驳回时必填）：需要修改的内容"},
		"review.done":              {"This review does not wait for you.", "此审核无需您处理。"},
		"reviews.title":            {"Reviews to decide", "待审核"},
		"submission.title":         {"What is reviewed", "审核内容"},
		"submission.service":       {"Service", "服务"},
		"submission.company":       {"Company information", "公司信息"},
		"submission.basicinfo":     {"Basic information", "基本信息"},
		"submission.before":        {"Until now", "变更前"},
		"submission.after":         {"Submitted", "提交内容"},
		"submission.online":        {"Online now", "当前在线"},
		"submission.changed":       {"changed", "有变更"},
		"submission.field":         {"Field", "字段"},
		"submission.configuration": {"Configuration", "配置"},
		"submission.package":       {"Package (SHA-256)", "代码包（SHA-256）"},
		"submission.logo":          {"Logo", "图标"},
		"submission.none":          {"What was submitted is no longer kept.", "提交内容已不再保留。"},

		"audit.title":  {"Audit log", "审计日志"},
		"audit.at":     {"Time", "时间"},
		"audit.who":    {"Who", "操作者"},
		"audit.what":   {"What", "对象"},
		"audit.change": {"Change", "变更"},
		"audit.note":   {"Note", "备注"},
		"audit.by":     {"By call and client id", "调用与客户端 ID"},

		"rollouts.title":  {"Rollouts", "自动发布"},
		"rollout.stopped": {"Stopped", "停止原因"},
		"rollout.gates":   {"Gates", "检查项"},
		"rollout.gate":    {"Gate", "检查项"},
		"rollout.found":   {"Found", "结果"},
		"rollout.approve": {"Approve", "批准"},
		"rollout.pause":   {"Pause", "暂停"},
		"rollout.resume":  {"Resume", "继续"},
		"step.abort":      {"Abort the rollout", "中止自动发布"},
		"warning.abort":   {"The version is given up at the target app.", "将在目标 App 放弃此版本。"},

		"services.title":   {"Services", "服务"},
		"service.title":    {"Service", "服务"},
		"service.create":   {"Create Service", "创建服务"},
		"service.revision": {"Revision", "修订"},
		"service.edit":     {"Edit", "编辑"},
		"service.submit":   {"Submit", "提交"},

		"step.withdrawservice":    {"Withdraw the request", "撤回申请"},
		"warning.withdrawservice": {"The review ends, and the service can be edited again.", "审核将终止，服务可再次编辑。"},
		"step.archive":            {"Archive the service", "归档服务"},
		"warning.archive":         {"Merchants can no longer find or order it.", "商家将无法再找到或订购此服务。"},

		"editor.lead":       {"Enter information about your service. Merchants see it as the preview shows it.", "请填写服务信息。商家看到的内容与预览一致。"},
		"editor.title":      {"Edit Service", "编辑服务"},
		"editor.company":    {"It comes from sign-up, and is shown to merchants.", "来自入驻信息，将展示给商家。"},
		"editor.more":       {"More information", "更多信息"},
		"editor.basic":      {"Basic information", "基本信息"},
		"editor.preview":    {"Preview", "预览"},
		"editor.save":       {"Save", "保存"},
		"editor.up":         {"Move up", "上移"},
		"editor.remove":     {"Remove", "移除"},
		"editor.alt":        {"What the image shows", "图片说明"},
		"editor.column":     {"Column %d", "第 %d 列"},
		"editor.cell":       {"Row %d, column %d", "第 %d 行，第 %d 列"},
		"button.text":       {"Add text", "添加文本"},
		"button.image":      {"Add image", "添加图片"},
		"button.table":      {"Add table", "添加表格"},
		"button.addrow":     {"Add row", "添加行"},
		"button.droprow":    {"Remove last row", "删除最后一行"},
		"button.addcolumn":  {"Add column", "添加列"},
		"button.dropcolumn": {"Remove last column", "删除最后一列"},

		"programs.title":        {"Mini programs", "小程序"},
		"program.title":         {"Mini program", "小程序"},
		"program.name":          {"Name", "名称"},
		"program.id":            {"ID", "ID"},
		"program.latest":        {"Latest version", "最新版本"},
		"program.language":      {"Language", "语言"},
		"program.create":        {"Create a mini program", "创建小程序"},
		"program.addlanguage":   {"Add a language", "添加语言"},
		"program.targets":       {"Target apps", "目标 App"},
		"program.authorization": {"Authorization", "授权"},
		"program.missing":       {"Languages that are missing", "缺少的语言"},
		"program.visit":         {"Open the page that authorizes", "打开授权页面"},
		"program.until":         {"until", "有效期至"},
		"program.authorize":     {"Authorize", "去授权"},
		"program.notneeded":     {"Not needed", "无需授权"},
		"program.application":   {"What AlipayCN reviews", "支付宝审核内容"},
		"program.qrcodes":       {"QR codes", "二维码"},
		"program.qrcode":        {"Generate QR code", "生成二维码"},
		"program.page":          {"Page, the first one if empty", "页面（留空为首页）"},
		"program.params":        {"Parameters", "参数"},
		"program.versions":      {"Versions", "版本"},
		"program.description":   {"What changed", "版本说明"},
		"program.uploaded":      {"Uploaded", "上传时间"},
		"program.upload":        {"Upload a version", "上传版本"},
		"program.package":       {"Package (zip)", "代码包（zip）"},
		"program.release":       {"Release this version", "发布此版本"},
		"program.selectapp":     {"Select App", "选择 App"},
		"program.lines":         {"One a line", "每行一个"},

		"releases.title":        {"Releases", "发布"},
		"release.title":         {"Release", "发布"},
		"release.program":       {"Mini program", "小程序"},
		"release.ratio":         {"Grayscale ratio", "灰度比例"},
		"release.updated":       {"Last changed", "最近变更"},
		"release.compatibility": {"Compatibility", "兼容性"},
		"release.test":          {"Test Compatibility", "兼容性测试"},
		"release.device":        {"Device", "设备"},
		"release.system":        {"System", "系统"},
		"release.network":       {"Network", "网络"},
		"release.problem":       {"Problem", "问题"},
		"release.outdated":      {"The configuration has changed since. Test it again, or apply directly.", "此后配置已变更，可重新测试或直接申请。"},
		"release.ladder":        {"Grayscale release over time", "灰度发布进度"},
		"release.nosteps":       {"No user has it yet.", "尚未对用户发布。"},
		"release.grayscale":     {"Grayscale release", "灰度发布"},
		"release.downgrade":     {"Also if users go back from a higher version", "允许用户回退到较低版本"},
		"release.apply":         {"Apply to release", "申请发布"},
		"release.confirm":       {"Confirm or update the basic information. A change is reviewed with the release.", "请确认或更新基本信息。变更将与发布一并审核。"},
		"release.history":       {"History", "历史记录"},

		"step.finalize":    {"Final release", "全量发布"},
		"warning.finalize": {"All users get this version at once.", "所有用户将立即使用此版本。"},
		"step.withdraw":    {"Withdraw the application", "撤回申请"},
		"warning.withdraw": {"The reviews end, and the release can be changed again.", "审核将终止，发布可再次修改。"},
		"step.cancel":      {"Cancel the release", "取消发布"},
		"warning.cancel":   {"This version can never go to this app again.", "此版本将无法再发布到该 App。"},
		"step.offline":     {"Take offline", "下线"},
		"warning.offline":  {"No user has a version any more.", "所有用户将无法使用。"},
		"step.rollback":    {"Roll back", "回滚"},
		"warning.rollback": {"All users get the version that was released before.", "所有用户将回到之前发布的版本。"},
		"step.delete":      {"Delete this selection", "删除此选择"},
		"warning.delete":   {"The version can be selected again.", "该版本可再次选择。"},

		"market.title":     {"Service Market", "服务市场"},
		"market.service":   {"Service", "服务"},
		"market.empty":     {"No service is online that matches.", "没有符合条件的在线服务。"},
		"market.order":     {"Order this service", "订购此服务"},
		"market.place":     {"Place the order", "提交订单"},
		"market.noprogram": {"An order is for a mini program of yours, and there is none yet.", "订单须对应您的小程序，目前尚无小程序。"},
		"market.programs":  {"Create a mini program", "创建小程序"},

		"orders.title":     {"Orders", "订单"},
		"order.title":      {"Order", "订单"},
		"order.number":     {"Order number", "订单号"},
		"order.side":       {"You are", "您的身份"},
		"order.other":      {"Other side", "对方"},
		"order.program":    {"Mini program", "小程序"},
		"order.note":       {"Note", "备注"},
		"order.why":        {"Reason, optional", "原因（选填）"},
		"order.actions":    {"What you can do", "可执行的操作"},
		"order.members":    {"Developers assigned", "已指派的开发者"},
		"order.assign":     {"Developers who work by this order", "参与此订单的开发者"},
		"order.assignwhat": {"They configure, upload and release the mini program while the order gives access. Owner and masters may do so anyway.", "在订单授权期间，他们可配置、上传并发布该小程序。所有者和管理员无需指派。"},
		"order.access":     {"The provider may configure, upload and release the mini program. It stays the merchant's.", "服务商可配置、上传并发布该小程序，小程序仍归商户所有。"},
		"order.noaccess":   {"The provider has no access to the mini program.", "服务商无权访问该小程序。"},
		"order.revoked":    {"The merchant has taken the provider's access back.", "商户已收回服务商的访问权限。"},
		"order.revoke":     {"From now on the provider does not reach the mini program. The order keeps its status.", "此后服务商将无法访问该小程序，订单状态不变。"},
	}
}

// names are what values of the contract are called, by the platform's spelling.
func names() map[string]text {
	return map[string]text{
		"UNDER_REVIEW": {"Under review", "审核中"}, "APPROVED": {"Approved", "已通过"}, "REJECTED": {"Rejected", "已驳回"}, "WITHDRAWN": {"Withdrawn", "已撤回"},
		"PENDING": {"Pending", "待审核"}, "CLOSED": {"Not needed any more", "无需审核"},
		"SERVICE_RELEASE": {"Service release", "服务发布"}, "MINI_PROGRAM_RELEASE": {"Mini program release", "小程序发布"},
		"ALIPAY_PLUS": {"Alipay+", "Alipay+"}, "ALIPAY_CN": {"AlipayCN", "支付宝"},
		"NEW_VERSION_CREATED": {"New version created", "已创建新版本"}, "RELEASE_PREPARATION": {"Release preparation", "发布准备"},
		"GRAYSCALE_RELEASE": {"Grayscale release", "灰度发布"}, "FULL_RELEASE": {"Full release", "全量发布"}, "CANCELED": {"Canceled", "已取消"},
		"ARCHIVED": {"Archived", "已归档"}, "DELETED": {"Deleted", "已删除"},
		"NOT_AUTHORIZED": {"Not authorized", "未授权"}, "AUTHORIZED": {"Authorized", "已授权"}, "DECLINED": {"Declined", "已拒绝"}, "REVOKED": {"Revoked", "已收回"},
		"DRAFT": {"Draft", "草稿"}, "PENDING_REVIEW": {"Pending Review", "待审核"}, "ONLINE": {"Online", "已上线"}, "TURNED_DOWN": {"Turn Down", "已驳回"},
		"RUNNING": {"Running", "进行中"}, "PAUSED": {"Paused", "已暂停"}, "DONE": {"Done", "已完成"}, "ABORTED": {"Aborted", "已中止"}, "ENDED": {"Ended", "已结束"},
		"pass": {"Passed", "通过"}, "fail": {"Failed", "未通过"}, "wait": {"Waiting", "等待中"},
		"TEXT": {"Text", "文本"}, "IMAGE": {"Image", "图片"}, "TABLE": {"Table", "表格"},
		"NEW_ORDER": {"New Order", "新订单"}, "PENDING_CONFIRMATION": {"Pending Confirmation", "待确认"}, "IN_DEVELOPMENT": {"In Development", "开发中"},
		"UNDER_APPROVAL": {"Under Approval", "待验收"}, "COMPLETED": {"Completed", "已完成"}, "MERCHANT": {"Merchant", "商户"}, "PROVIDER": {"Provider", "服务商"},
		"ACCEPT": {"Accept", "接单"}, "REJECT": {"Reject", "拒绝"}, "CONFIRM": {"Confirm", "确认"}, "SUBMIT": {"Submit for approval", "提交验收"},
		"APPROVE": {"Approve", "验收通过"}, "TURN_DOWN": {"Turn down", "验收不通过"}, "CANCEL": {"Cancel the order", "取消订单"}, "REVOKE_ACCESS": {"Take access back", "收回权限"},
		"TESTING": {"Testing", "测试中"}, "PASSED": {"Passed", "通过"}, "FAILED": {"Failed", "未通过"},
		"OWNER": {"Owner", "所有者"}, "MASTER": {"Master", "管理员"}, "DEVELOPER": {"Developer", "开发者"},
		"MINI_PROGRAM_DEVELOPMENT": {"Mini program development", "小程序开发"},
	}
}

// tones are how values are coloured: good, bad, or waiting; others are plain.
func tones() map[string]string {
	return map[string]string{
		"APPROVED": "good", "ONLINE": "good", "FULL_RELEASE": "good", "AUTHORIZED": "good", "COMPLETED": "good", "PASSED": "good", "FAILED": "bad", "TESTING": "waiting",
		"pass": "good", "DONE": "good", "fail": "bad", "ABORTED": "bad", "wait": "waiting", "RUNNING": "waiting", "PAUSED": "waiting",
		"REJECTED": "bad", "TURNED_DOWN": "bad", "CANCELED": "bad", "DECLINED": "bad", "REVOKED": "bad",
		"PENDING": "waiting", "UNDER_REVIEW": "waiting", "PENDING_REVIEW": "waiting", "GRAYSCALE_RELEASE": "waiting", "RELEASE_PREPARATION": "waiting",
		"NEW_ORDER": "waiting", "PENDING_CONFIRMATION": "waiting", "UNDER_APPROVAL": "waiting",
	}
}

// fieldNames are what fields of the contract are called, by their names on the wire.
func fieldNames() map[string]text {
	return map[string]text{
		"companyName": {"Company name", "公司名称"}, "registrationNumber": {"Registration number", "注册号"}, "country": {"Country", "国家/地区"},
		"address": {"Address", "地址"}, "contactName": {"Contact", "联系人"}, "contactEmail": {"E-mail", "电子邮箱"}, "contactPhone": {"Phone", "电话"},
		"name": {"Service Name", "服务名称"}, "industry": {"Service Industry", "服务行业"}, "type": {"Service Type", "服务类型"},
		"description": {"Service Description", "服务描述"}, "imageFileId": {"Service Image", "服务图片"}, "applicableApps": {"Applicable Apps", "适用 App"},
		"paymentInformation": {"Payment information", "付款信息"}, "details": {"Service Details", "服务详情"}, "tutorial": {"Tutorial", "使用教程"},
		"successStory": {"Success Story", "成功案例"}, "serverDomains": {"Server domains", "服务器域名"}, "h5Domains": {"H5 domains", "H5 域名"},
		"alipayCn.description": {"What changed in the version", "版本描述"}, "alipayCn.name": {"Mini program name", "小程序名称"},
		"alipayCn.englishName": {"English name", "小程序英文名称"}, "alipayCn.slogan": {"Slogan", "小程序简介"},
		"alipayCn.introduction": {"Introduction", "小程序描述"}, "alipayCn.categories": {"Categories", "小程序类目"},
		"alipayCn.servicePhone": {"Customer service phone", "客服电话"}, "alipayCn.serviceEmail": {"Customer service e-mail", "客服邮箱"},
		"alipayCn.regionType": {"Region: GLOBAL or CHINA", "服务区域：GLOBAL 或 CHINA"}, "alipayCn.licenseNo": {"Licence number", "营业执照号"},
		"alipayCn.licenseName": {"Name on the licence", "营业执照名称"}, "alipayCn.licenseValidDate": {"Last day of the licence, yyyy-MM-dd", "营业执照有效期，yyyy-MM-dd"},
		"alipayCn.memo": {"Note for the reviewers", "备注"}, "alipayCn.twoStageReview": {"Review in two stages", "两阶段审核"},
		"alipayCn.logoFileId": {"Logo", "小程序图标"}, "alipayCn.screenshotFileIds": {"Screenshot", "小程序截图"}, "alipayCn.licenseFileIds": {"Picture of the licence", "营业执照图片"},
		"reason": {"Reason", "原因"}, "title": {"Title", "标题"}, "status": {"Status", "状态"}, "category": {"Category", "类别"},
	}
}
