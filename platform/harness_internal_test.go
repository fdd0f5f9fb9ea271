package platform

import (
	"context"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// memberCaller makes a member known to the platform, for calls past authentication.
func memberCaller(t require.TestingT, p *Platform, m Member) caller {
	return knownCaller(t, p, caller{
		clientRecord: clientRecord{ClientID: "client of " + m.Name, Workspace: m.WorkspaceID, Member: m.Name}, member: m,
	})
}

// reviewerCaller is memberCaller for a party that reviews.
func reviewerCaller(t require.TestingT, p *Platform, party alipayplus.Party) caller {
	return knownCaller(t, p, caller{clientRecord: clientRecord{ClientID: "client of " + string(party), Party: party}})
}

func knownCaller(t require.TestingT, p *Platform, who caller) caller {
	require.NoError(t, p.cfg.store.Update(context.Background(), func(tx storage.Tx) error {
		if who.Party == "" {
			if err := save(tx, nil, &memberRecord{who.member}); err != nil {
				return err
			}
		}
		return save(tx, nil, &who.clientRecord)
	}))
	return who
}

// executeAs makes a call past authentication.
func executeAs(ctx context.Context, p *Platform, who caller, op contract.Operation, contentType string, body []byte) reply {
	out := p.execute(ctx, incoming{op: p.operations[op.Path], caller: who, body: body, contentType: contentType, base: inProcessURL})
	if out.err != nil {
		return errorReply(out.requestID, out.err)
	}
	return out.reply
}
