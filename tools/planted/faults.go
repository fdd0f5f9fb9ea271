package main

// fault is a mistake that somebody could make, in one place.
type fault struct {
	// name says what is wrong.
	name string
	// file is where, and old is what stands there, once, and becomes new.
	file, old, new string
}

// faults are the planted ones.
func faults() []fault { //nolint:funlen // a list
	return []fault{
		{
			"a change is made before its intent is stored", "rollout/reconcile.go",
			"\t\ts.markChanged()\n\t\ts.yielded = true\n\t\treturn nil\n", "\t\ts.markChanged()\n",
		},
		{
			"a rollout goes on although another holds its lease", "rollout/session.go",
			"\t\terr = s.lease.Save(context.WithoutCancel(ctx), t.Checkpoint, t.Audit)\n", "\t\t_ = s.lease.Save(context.WithoutCancel(ctx), t.Checkpoint, t.Audit)\n",
		},
		{
			"a pause counts as bake time", "rollout/commands.go",
			"now.Add(-why.Baked.Std())", "now.Add(-now.Sub(why.At) - why.Baked.Std())",
		},
		{
			"the bake time of a ratio counts from the one before", "rollout/reconcile.go",
			"state.Ratio, state.Since, state.Clock, state.WaitingSince, state.Gates = to, now, s.runner.host, now, nil",
			"state.Ratio, state.Clock, state.WaitingSince, state.Gates = to, s.runner.host, now, nil\n\tif state.Since.IsZero() {\n\t\tstate.Since = now\n\t}",
		},
		{
			"a verdict of before the end of the bake time is enough", "rollout/decide.go",
			"\tif last.Before(baked) && baked.Before(next) {\n\t\treturn baked\n\t}\n", "",
		},
		{
			"an approval of another ratio is taken", "rollout/state.go",
			"\t\tif a.Ratio != ratio {\n", "\t\tif a.Ratio < ratio && a.Ratio == 0 {\n",
		},
		{
			"an approval outlives a failed gate", "rollout/advance.go",
			"\tif why.Cause != CausePerson {\n", "\tif why.Cause != CausePerson && why.Cause != CauseGate && why.Cause != CauseOutside && why.Cause != CauseDeadline {\n",
		},
		{
			"an approval outlives its plan", "rollout/advance.go",
			"\ts.state.voidApprovals(\"the spec is another since\")\n", "",
		},
		{
			"a rollout goes on by a plan that was not given to it", "rollout/advance.go",
			"\tif stored == own || r.newSpec {\n\t\treturn stored == own, nil\n", "\tif stored == own || r.newSpec {\n\t\treturn true, nil\n",
		},
		{
			"a revoked approval stays", "rollout/commands.go",
			"func(a Approval) bool { return a.Ratio == c.Ratio })\n\t\twhat", "func(a Approval) bool { return a.Ratio > c.Ratio })\n\t\twhat",
		},
		{
			"a gate that does not answer passes", "rollout/gate.go",
			"g.Verdict, g.Errors, g.Error = Verdict{}, before.Errors+1, err.Error()", "g.Verdict, g.Errors, g.Error = Passed(\"no answer\"), before.Errors+1, err.Error()",
		},
		{
			"a gate that waits passes", "rollout/decide.go",
			"g.Verdict.Decision != Pass {", "g.Verdict.Decision == Fail {",
		},
		{
			"a rollout that is paused goes on", "rollout/advance.go",
			"\t\tif s.state.Status != Running {\n", "\t\tif s.state.Status.Final() {\n",
		},
		{
			"a step is skipped", "rollout/decide.go",
			"\tnext := state.Spec.Steps[at+1]\n", "\tnext := state.Spec.Steps[min(at+2, len(state.Spec.Steps)-1)]\n",
		},
		{
			"an abort that was begun is dropped", "rollout/reconcile.go",
			"\tcase s.mayPass(err):\n\t\tin.unknown = true\n\t\treturn err\n", "\tcase s.mayPass(err):\n\t\tin.unknown = in.Kind != ChangeAbort\n\t\ts.state.Intent = nil\n\t\treturn err\n",
		},
		{
			"a final rollout takes commands", "rollout/commands.go",
			"\tcase status.Final():\n", "\tcase status == Done:\n",
		},
		{
			"the address of a chat is in the log", "rollout/chat.go",
			"return redactHook(address, err)", "return err",
		},
		{
			"a write at AlipayCN is sent again without reading", "alipaycn/reconcile.go",
			"\t\tunknown = unknown || e.OutcomeUnknown\n", "\t\tunknown = unknown || e.OutcomeUnknown\n\t\tif e.OutcomeUnknown && attempt < 3 {\n\t\t\tcontinue\n\t\t}\n",
		},
		{
			"answers of AlipayCN are not verified", "alipaycn/certificates.go",
			"\t\treturn signature, err\n", "\t\treturn signature, nil\n",
		},
		{
			"an intent is made anew at each attempt", "rollout/reconcile.go",
			"\tin = s.state.Intent // the same change again, under the same key\n", "\tin.RequestID, in.From, in.At = rand.Text(), s.state.Ratio, s.state.Intent.At\n",
		},
		{
			"the limit of waiting versions is off by one", "limits.go",
			"waiting < l.WaitingVersions)", "waiting <= l.WaitingVersions)",
		},
		{
			"the limit of mini programs is off by one", "limits.go",
			"used < l.Programs {", "used <= l.Programs {",
		},
		{
			"versions are selected while one is under review", "platform/releases.go",
			"limits.CheckVersionLimit(target.App(), waiting, underReview > 0)", "limits.CheckVersionLimit(target.App(), waiting, underReview > 1)",
		},
		{
			"a version in grayscale does not keep others from being applied for", "releases.go",
			"return s == ReleaseUnderReview || s == ReleasePreparation || s == ReleaseGrayscale", "return s == ReleaseUnderReview || s == ReleasePreparation",
		},
		{
			"one party's approval is enough", "requests.go",
			"\tif len(reviews) > 0 && approved == len(reviews) {\n", "\tif len(reviews) > 0 && approved > 0 {\n",
		},
		{
			"a verdict is taken for another application", "platform/alipaycnapp/version.go",
			"return former.Content == applied.Content && former.fits(detail.Description), nil", "return former.Content != \"\" && former.fits(detail.Description), nil",
		},
		{
			"an application is made again by the same call", "platform/alipaycnapp/version.go",
			"\tif done {\n\t\tapplied.Before", "\tif done && former.RequestID != applied.RequestID {\n\t\tapplied.Before",
		},
		{
			"a ratio that is not on the ladder is set", "grayscale.go",
			"\tif l.Contains(to) && to > from {\n", "\tif to > from {\n",
		},
		{
			"a write that was answered is not stored", "platform/releases.go",
			"\t\tr.UpdatedAt = c.at // when the effect is done\n\t\treturn save(c.tx, before, r)\n", "\t\tr.UpdatedAt = c.at // when the effect is done\n\t\tif c.session.lease != nil && c.caller.member.Role == alipayplus.RoleMaster {\n\t\t\treturn nil\n\t\t}\n\t\treturn save(c.tx, before, r)\n",
		},
		{
			"the outcome of a call is not remembered", "platform/operations.go",
			"\treturn out, c.remember(out)\n", "\treturn out, nil\n",
		},
		{
			"the lease of a mini program is not checked", "platform/lease.go",
			"\tcase now().Before(lease.Until):\n\t\treturn &leasedError{lease.Until}\n", "\tcase now().Before(lease.Until):\n\t\treturn nil\n",
		},
		{
			"a call commits after its lease was taken over", "platform/operations.go",
			"if !holds || r == nil || r.Status != c.before.Status || !r.UpdatedAt.Equal(c.before.UpdatedAt) {", "if r == nil || !holds && r.ID == \"\" {",
		},
		{
			"an unknown outcome is taken for none", "platform/operations.go",
			"\tif isUnknown(cause) {\n\t\treturn cause\n\t}\n\terr := s.p.cfg", "\terr := s.p.cfg",
		},
		{
			"a permission is not asked for", "platform/releases.go",
			"func cancelRelease(c *call, in alipayplus.ReleaseInput) (*alipayplus.Release, error) {\n\tr, err := c.releaseFor(alipayplus.ActionRelease, in.ReleaseID)", "func cancelRelease(c *call, in alipayplus.ReleaseInput) (*alipayplus.Release, error) {\n\tr, err := c.releaseFor(alipayplus.ActionView, in.ReleaseID)",
		},
		{
			"a developer of a provider needs no assignment", "roles.go",
			"if !p.Known() || !role.Known() || role == RoleDeveloper && !assigned {", "if !p.Known() || !role.Known() {",
		},
		{
			"the access by an order outlives it", "orders.go",
			"return s == OrderInDevelopment || s == OrderUnderApproval }", "return s == OrderInDevelopment || s == OrderUnderApproval || s == OrderCompleted }",
		},
		{
			"the access by an order outlives its taking back", "orders.go",
			"return o.Status.GivesAccess() && o.AccessRevokedAt.IsZero() }", "return o.Status.GivesAccess() }",
		},
		{
			"a repetition is answered although the order has ended", "platform/access.go",
			"\t\tif c.order == nil {\n\t\t\treturn notFound(\"mini program\", needed.ProgramID)\n\t\t}\n", "",
		},
		{
			"a merchant accepts its own order", "orders.go",
			"{OrderNew, SideProvider, OrderAccept, OrderPendingConfirmation, false},", "{OrderNew, SideProvider, OrderAccept, OrderPendingConfirmation, false},\n\t\t{OrderNew, SideMerchant, OrderAccept, OrderPendingConfirmation, false},",
		},
		{
			"an entry is missing in the provider's log", "platform/orders.go",
			"for _, side := range []alipayplus.OrderSide{alipayplus.SideMerchant, alipayplus.SideProvider} {", "for _, side := range []alipayplus.OrderSide{by} {",
		},
		{
			"an entry is missing for the release that is replaced", "platform/releases.go",
			"\tc.audit(\"release\", r.ID, string(before.Status), string(r.Status), note)\n\treturn nil\n", "\treturn nil\n",
		},
		{
			"a release is taken offline at the target app and stays here", "platform/observe.go",
			"\tcase alipayplus.ReleaseArchived:\n\t\treturn alipayplus.ReleaseArchived, r.Grayscale.Ratio\n", "\tcase alipayplus.ReleaseArchived:\n\t\treturn r.Status, r.Grayscale.Ratio\n",
		},
		{
			"what was published outside is not found", "platform/observe.go",
			" || r.Status == alipayplus.ReleaseNewVersionCreated && appliedFor", " || appliedFor && false",
		},
		{
			"a compatibility test is over before its devices are", "compatibility.go",
			"\t\tdefault:\n\t\t\treturn CompatibilityTesting\n", "",
		},
		{
			"at the console, whoever decides approves", "platform/console/reviews.go",
			"v.posted(\"verdict\") == \"approve\"", "v.posted(\"verdict\") != \"\"",
		},
		{
			"a repetition is another call", "platform/idempotency.go",
			"return key(\"outcome\", c.home(), c.caller.member.Name+string(c.caller.Party), c.in.requestID)", "return key(\"outcome\", c.home(), c.caller.member.Name+string(c.caller.Party), c.in.requestID+c.in.message)",
		},
		{
			"the history of a release is in the workspace of whoever acts", "platform/audit.go",
			"if _, err := c.auditWriterAt(c.home(), c.caller.member.Name).put(kind, id, from, to, note); err != nil {", "if err := c.auditWriterAt(c.home(), c.caller.member.Name).add(kind, id, from, to, note); err != nil {",
		},
		{
			"a deleted version takes the place of others", "platform/releases.go",
			"c.stage(func(c *call) error { return remove(c.tx, before) })", "c.stage(func(c *call) error { return c.tx.Delete(before.key()) })",
		},
		{
			"approved basic information does not become the company's", "platform/reviews.go",
			"\tafter.Company = *release.BasicInfo\n", "",
		},
		{
			"a verdict is taken for the first party that waits", "platform/reviews.go",
			"func(review alipayplus.Review) bool { return review.Party == party })\n\tif i < 0", "func(review alipayplus.Review) bool { return review.Status == alipayplus.ReviewPending })\n\tif i < 0",
		},
		{
			"a rejected application holds for the next one", "platform/alipaycnapp/version.go",
			"return former.RequestID == applied.RequestID && former.Before != applied.Before && former.fits(detail.Description), nil", "return former.Content == applied.Content, nil",
		},
		{
			"a cancel ends with the grayscale", "platform/alipaycnapp/version.go",
			"case status == alipaycn.StatusInit, status == alipaycn.StatusAuditOffline,", "case status == alipaycn.StatusInit, status == alipaycn.StatusWaitRelease, status == alipaycn.StatusAuditOffline,",
		},
		{
			"a change that failed counts as made", "rollout/alipaycntarget/change.go",
			"\tif err != nil {\n\t\treturn \"\", classify(err)\n\t}\n\tif c.RequestID != \"\" {\n\t\tt.completed[c.RequestID] = aftermath\n\t}\n",
			"\tif c.RequestID != \"\" {\n\t\tt.completed[c.RequestID] = aftermath\n\t}\n\tif err != nil {\n\t\treturn \"\", classify(err)\n\t}\n",
		},
		{
			"a command is executed again", "rollout/commands.go",
			"\ts.state.Handled = append(s.state.Handled, c.ID)\n\tif why := s.refusalOf(c)", "\tif why := s.refusalOf(c)",
		},
		{
			"a raise is missing in the audit log of a rollout", "rollout/reconcile.go",
			"\t\ts.recordAudited(EventRaised, Event{What: fmt.Sprintf(", "\t\ts.record(EventRaised, Event{What: fmt.Sprintf(",
		},
		{
			"what somebody else raised is told as the rollout's", "rollout/reconcile.go",
			"s.recordRatio(o.Ratio, o.ChangedBy, true)", "s.recordRatio(o.Ratio, o.ChangedBy, false)",
		},
		{
			"a freeze begins a minute late", "rollout/freeze.go",
			"\tholds = minute >= w.from && minute < w.to", "\tholds = minute > w.from && minute < w.to",
		},
		{
			"a freeze ends a minute early", "rollout/freeze.go",
			"\tholds = minute >= w.from && minute < w.to", "\tholds = minute >= w.from && minute < w.to-1",
		},
		{
			"a freeze is one of the zone of the machine", "rollout/freeze.go",
			"\tlocal := now.In(w.location)\n", "\tlocal := now.UTC()\n",
		},
		{
			"a freeze over midnight is of the day on which it ends", "rollout/freeze.go",
			"w.begins(today.AddDate(0, 0, -1))", "w.begins(today)",
		},
		{
			"of several windows of a freeze the last counts", "rollout/freeze.go",
			"\t\t\t\tholds = append(holds, w)\n", "\t\t\t\tholds = append(holds, w)\n\t\t\t} else {\n\t\t\t\tholds = nil\n",
		},
		{
			"an approval never expires", "rollout/state.go",
			"state.Spec.ApprovalExpiry > 0 && !now.Before(expires)", "state.Spec.ApprovalExpiry < 0 && !now.Before(expires)",
		},
		{
			"an approval lasts from when it is used", "rollout/commands.go",
			"Reason: c.Reason, At: c.At, Seq: cmp.Or(c.Seq, s.state.Seq)}", "Reason: c.Reason, At: time.Now(), Seq: cmp.Or(c.Seq, s.state.Seq)}",
		},
		{
			"verdicts of the ratio before are kept", "rollout/reconcile.go",
			"state.Ratio, state.Since, state.Clock, state.WaitingSince, state.Gates = to, now, s.runner.host, now, nil", "state.Ratio, state.Since, state.Clock, state.WaitingSince = to, now, s.runner.host, now",
		},
		{
			"one error less of a gate is tolerated", "rollout/gate.go",
			"|| g.Errors > *spec.Tolerate", "|| g.Errors >= *spec.Tolerate && g.Errors > 0",
		},
		{
			"a gate without data passes", "rollout/gate.go",
			"return Waiting(\"%v\", err), nil", "return Passed(\"%v\", err), nil",
		},
		{
			"an error of a gate forgets its failures", "rollout/gate.go",
			"g.Verdict, g.Errors, g.Error = Verdict{}, before.Errors+1, err.Error()", "g.Verdict, g.Errors, g.Error, g.Recent = Verdict{}, before.Errors+1, err.Error(), nil",
		},
		{
			"a deadline goes on in a pause", "rollout/commands.go",
			"\tstate.Began, state.WaitingSince = now, now\n", "\tstate.WaitingSince = now\n",
		},
		{
			"the deadline of a step is that of the next", "rollout/decide.go",
			"\tif deadline := state.WaitingSince.Add(step.Deadline.Std()); step.Deadline != 0", "\tif deadline := state.WaitingSince.Add(2 * step.Deadline.Std()); step.Deadline != 0",
		},
		{
			"somebody else's application is taken back", "platform/alipaycnapp/version.go",
			"ours.RequestID == \"\" || !ours.fits(is.Description) || ", "ours.RequestID == \"none\" || ",
		},
		{
			"a verdict on somebody else's application is taken", "platform/alipaycnapp/version.go",
			"\treturn s.fits(detail.Description), err\n", "\treturn s.RequestID != \"none\", err\n",
		},
		{
			"somebody else's application proves one's own", "alipaycn/reconcile.go",
			"\tif !w.describedBy(after.detail) {\n\t\treturn false\n\t}\n", "",
		},
		{
			"an observation is adopted over what was recorded meanwhile", "platform/observe.go",
			"r.Unresolved != \"\" || r.Status != before.Status || !r.UpdatedAt.Equal(before.UpdatedAt) {\n\t\t\treturn err // another", "r.Unresolved != \"\" {\n\t\t\treturn err // another",
		},
		{
			"a lost authorization is not recorded", "platform/observe.go",
			"\t\t\treturn p.lostAuthorization(tx, before, about)\n", "\t\t\treturn nil\n",
		},
		{
			"a refreshed token is not kept", "platform/alipaycnapp/tokens.go",
			"\t\treturn a.putToken(tx, fresh)\n", "\t\t_ = fresh\n\t\treturn nil\n",
		},
		{
			"a token that was replaced is not refreshed", "platform/alipaycnapp/tokens.go",
			"\t\tif !errors.Is(err, alipayplus.ErrAuthorizationRequired) {\n", "\t\tif n <= most {\n",
		},
		{
			"an order is found by anyone who knows its id", "platform/orders.go",
			"\tif !found {\n\t\treturn nil, \"\", notFound(\"order\", id)\n", "\tfor e := range c.tx.Scan(\"i/order-by-id/\", \"i/order-by-id0\", false) {\n\t\tif strings.HasSuffix(e.Key, \"/\"+id) {\n\t\t\tat, found = e.Value, true\n\t\t}\n\t}\n\tif !found {\n\t\treturn nil, \"\", notFound(\"order\", id)\n",
		},
		{
			"an unknown outcome is forgotten when the last attempt is refused", "internal/transport/retry.go",
			"e.unknown = e.unknown || !c.NoEffect", "e.unknown = !c.NoEffect",
		},
		{
			"the answer to another attempt is taken", "call.go",
			" || head.Question != \"\" && head.Question != signing.Question(expected.signature) {", " {",
		},
		{
			"the answer to another write is taken", "call.go",
			"expected.requestID != \"\" && head.RequestID != expected.requestID && !unnamed || head.Question", "expected.requestID != \"\" && head.RequestID == \"\" && !unnamed || head.Question",
		},
		{
			"an answer of any age is taken", "call.go",
			"skew > c.maxSkew {", "skew > c.maxSkew+1<<60 {",
		},
		{
			"an answer of AlipayCN of any age is taken", "alipaycn/response.go",
			"if !known || offset.Abs() <= c.maxSkew {", "if !known || offset.Abs() <= c.maxSkew+1<<60 {",
		},
	}
}
