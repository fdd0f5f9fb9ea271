package alipaycn

import (
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// The writes that are not about versions, and what their states prove. No state
// proves anything about members.add (lists hide the account), qrcodes.create
// (each call makes a picture) and authorization.token (a code works once).

// provenByExperience judges experience.create and experience.cancel.
func provenByExperience(op cnwire.Operation, after Experience) effect {
	switch {
	case after.Status == ExperienceNone:
		return doneIf(op == cnwire.ExperienceCancel)
	case after.QRCodeURL != "":
		return doneIf(op == cnwire.ExperienceCreate)
	default:
		return effectUnknown // being packaged, or a status that is not documented
	}
}

// provenBySafeDomains judges safeDomains.add and safeDomains.remove by baseInfo.get.
// In which form AlipayCN lists a domain is not documented: the same with another
// scheme may be this one or another.
func provenBySafeDomains(op cnwire.Operation, in SafeDomainInput, after BaseInfo) effect {
	scheme, domain := schemeAndDomain(in.Domain)
	perhaps := false
	for _, text := range after.SafeDomains {
		theirs, listed := schemeAndDomain(text)
		switch {
		case listed != domain:
		case theirs == scheme || theirs == "" || scheme == "":
			return doneIf(op == cnwire.SafeDomainAdd)
		default:
			perhaps = true
		}
	}
	if perhaps {
		return effectUnknown
	}
	return doneIf(op == cnwire.SafeDomainRemove)
}

// schemeAndDomain splits a domain as it is given or listed, without what makes no difference.
func schemeAndDomain(text string) (scheme, domain string) {
	text = strings.ToLower(strings.TrimSuffix(text, "/"))
	if scheme, domain, found := strings.Cut(text, "://"); found {
		return scheme, domain
	}
	return "", text
}

// provenByMembers judges members.remove by members.list with the same role. A
// member whose ids are all of the other kind may be the one, and one whose role is
// not known may have it.
func provenByMembers(in RemoveMemberInput, after MemberList) effect {
	gone := effectDone
	for _, m := range after.Members {
		switch {
		case m.Role != in.Role && m.Role.Known():
		case in.UserID != "" && m.UserID == in.UserID, in.OpenID != "" && m.OpenID == in.OpenID:
			if m.Role == in.Role {
				return effectNotDone
			}
			gone = effectUnknown
		case (in.UserID == "" || m.UserID == "") && (in.OpenID == "" || m.OpenID == ""):
			gone = effectUnknown
		}
	}
	return gone
}

// provenByBinding judges qrcodes.bind by all rules of the mini program, and
// returns the rule. How a list shows a rule with a pattern is not documented.
func provenByBinding(in BindQRCodeInput, after []QRCodeRule) (effect, QRCodeRule) {
	i := slices.IndexFunc(after, in.shownBy)
	if i >= 0 {
		return effectDone, after[i]
	}
	if in.RoutePattern != "" {
		return effectUnknown, QRCodeRule{}
	}
	return effectNotDone, QRCodeRule{}
}

// shownBy says whether a rule is the one asked for, as far as a list shows it: it
// does not show the page.
func (in BindQRCodeInput) shownBy(r QRCodeRule) bool {
	return r.RouteURL == in.RouteURL && r.Mode == in.Mode
}

// provenByUnbinding judges qrcodes.unbind by all rules of the mini program.
func provenByUnbinding(in UnbindQRCodeInput, after []QRCodeRule) effect {
	return doneIf(!slices.ContainsFunc(after, func(r QRCodeRule) bool { return r.RouteGroup == in.RouteGroup }))
}

// provenByBaseInfo judges baseInfo.modify. A logo and categories cannot be
// compared, so a change of these alone is not proven.
func provenByBaseInfo(in ModifyBaseInfoInput, after BaseInfo) effect {
	texts := []struct{ asked, is string }{
		{in.AppName, after.AppName},
		{in.AppEnglishName, after.AppEnglishName},
		{in.AppSlogan, after.AppSlogan},
		{in.AppDescription, after.AppDescription},
		{in.ServicePhone, after.ServicePhone},
		{in.ServiceEmail, after.ServiceEmail},
	}
	given := false
	for _, text := range texts {
		if text.asked == "" {
			continue
		}
		given = true
		if text.asked != text.is {
			return effectNotDone
		}
	}
	if !given || in.AppLogo != nil || len(in.Categories) > 0 || len(in.OldCategories) > 0 {
		return effectUnknown
	}
	return effectDone
}

// whereToCheck says how to find out what became of a write; silent: nothing tells.
func whereToCheck(op cnwire.Operation) (hint string, silent bool) {
	switch op {
	case cnwire.MemberAdd:
		return "call again: AlipayCN refuses it when the person was invited", true
	case cnwire.QRCodeCreate:
		return "call again: at worst there is a QR code that nobody uses", true
	case cnwire.AuthorizationToken:
		return "call again with the same code or refresh token; when AlipayCN refuses it, let the merchant authorize again", true
	}
	read := cnwire.VersionGet
	switch op {
	case cnwire.VersionUpload:
		read = cnwire.VersionList
	case cnwire.BaseInfoModify, cnwire.SafeDomainAdd, cnwire.SafeDomainRemove:
		read = cnwire.BaseInfoGet
	case cnwire.ExperienceCreate, cnwire.ExperienceCancel:
		read = cnwire.ExperienceGet
	case cnwire.MemberRemove:
		read = cnwire.MemberList
	case cnwire.QRCodeBind, cnwire.QRCodeUnbind:
		read = cnwire.QRCodeList
	}
	return "look at " + read.Name + " before you call again", false
}

func doneIf(asAsked bool) effect {
	if asAsked {
		return effectDone
	}
	return effectNotDone
}
