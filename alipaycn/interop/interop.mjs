// Calls every operation of the version family, and those of orders, with the official SDK for Node, and asserts what comes of it.
//
//   node interop.mjs ENDPOINT CREDENTIALS
//
// CREDENTIALS is a folder as examples/alipaycn-gateway writes it. The SDK verifies the signature of every success.
import assert from 'node:assert/strict';
import { createPublicKey, randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { AlipayFormData, AlipaySdk } from 'alipay-sdk';

const [endpoint, folder] = process.argv.slice(2);
if (!endpoint || !folder) {
  console.error('usage: node interop.mjs ENDPOINT CREDENTIALS');
  process.exit(2);
}

const family = '/v3/alipay/open/mini/version/';
const market = '/v3/alipay/open/servicemarket/order/';
let calls = 0;
const used = new Set();

// client makes an SDK for the credentials in a folder.
function client(from) {
  const read = name => readFileSync(join(from, name), 'utf8').trim();
  const config = {
    appId: read('app-id'), privateKey: read('app-private-key.pem'), keyType: 'PKCS8',
    alipayPublicKey: read('alipay-public-key.pem'), endpoint,
  };
  return { config, sdk: new AlipaySdk(config), appAuthToken: existsSync(join(from, 'app-auth-token')) ? read('app-auth-token') : undefined };
}

async function call(who, method, operation, options) {
  used.add(operation);
  const path = operation.startsWith('/') ? operation : family + operation;
  const answer = await who.sdk.curl(method, path, { ...options, appAuthToken: who.appAuthToken });
  calls++;
  assert.equal(answer.responseHttpStatus, 200);
  return answer.data;
}

const get = (who, operation, query) => call(who, 'GET', operation, { query });
const post = (who, operation, body) => call(who, 'POST', operation, { body });

async function refused(code, status, what) {
  await assert.rejects(what, err => {
    assert.equal(err.code, code, err.message);
    assert.equal(err.responseHttpStatus, status);
    assert.ok(err.traceId);
    assert.ok(Array.isArray(err.links));
    return true;
  });
  calls++;
}

const detail = (who, version) => get(who, 'detail/query', { app_version: version });
async function is(who, version, status) {
  assert.equal((await detail(who, version)).status, status, `${version} should be ${status}`);
}

// png makes a grey picture.
function png(width, height) {
  const table = Array.from({ length: 256 }, (_, n) => {
    for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n >>> 0;
  });
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const crc = body.reduce((c, byte) => table[(c ^ byte) & 0xff] ^ (c >>> 8), 0xffffffff) ^ 0xffffffff;
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(crc >>> 0, body.length + 4);
    return out;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc((width + 1) * height, 0x80))), chunk('IEND', Buffer.alloc(0)),
  ]);
}

async function apply(who, version) {
  const form = new AlipayFormData();
  for (const [name, value] of Object.entries({
    app_version: version, version_desc: '第一个版本:菜单、点单,以及在湖边喝茶的地方。', app_name: '蓝湖茶馆', app_english_name: 'BlueLakeTea',
    app_slogan: '来蓝湖喝一杯好茶', app_desc: '在蓝湖茶馆点单,然后在湖边慢慢地喝茶。', mini_category_ids: 'XS1001_XS2001_XS3002',
    service_phone: '13110101010', region_type: 'CHINA', audit_rule: 'BASE_PROMOTE',
  })) form.addField(name, value);
  form.addFile('app_logo', 'logo.png', png(180, 180));
  form.addFile('first_screen_shot', 'first.png', png(108, 192));
  form.addFile('second_screen_shot', 'second.png', png(108, 192));
  const answer = await call(who, 'POST', 'audit/apply', { form });
  assert.equal(answer.speed_up, 'false');
}

async function reviewed(who, version) {
  const deadline = Date.now() + 60_000;
  while ((await detail(who, version)).status === 'AUDITING') {
    assert.ok(Date.now() < deadline, `${version} is still under review`);
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  await is(who, version, 'WAIT_RELEASE');
}

// withdrawn applies and takes the version out of review. A review that was faster is undone, and it applies again.
async function withdrawn(who, version) {
  for (let n = 1; ; n++) {
    assert.ok(n <= 10, `${version} is reviewed too fast to be withdrawn`);
    await apply(who, version);
    try {
      await post(who, 'audit/cancel', {});
      return is(who, version, 'INIT');
    } catch (err) {
      if (err.code !== 'AUDITING_VERSION_NOT_EXIST') throw err;
      await post(who, 'audited/cancel', { app_version: version });
    }
  }
}

// first puts 0.0.1 online: applied for, withdrawn, sent back, in grayscale.
async function first(who) {
  const list = await get(who, 'list/query', { version_status: 'INIT,RELEASE', bundle_id: 'com.alipay.alipaywallet' });
  assert.deepEqual(list.app_version_infos.map(v => [v.app_version, v.version_status]), [['0.0.1', 'INIT']]);
  await refused('MINIAPP_VERSION_NOT_EXSIT', 400, post(who, 'gray/online', { app_version: '9.9.9', gray_strategy: 'p10' }));

  await withdrawn(who, '0.0.1');
  await apply(who, '0.0.1');
  await reviewed(who, '0.0.1');
  await post(who, 'audited/cancel', { app_version: '0.0.1' });
  await is(who, '0.0.1', 'INIT');
  await apply(who, '0.0.1');
  await reviewed(who, '0.0.1');

  await post(who, 'gray/online', { app_version: '0.0.1', gray_strategy: 'p10' });
  await is(who, '0.0.1', 'GRAY');
  await post(who, 'gray/cancel', { app_version: '0.0.1' });
  await is(who, '0.0.1', 'WAIT_RELEASE');
  for (const share of ['p10', 'p30', 'p50']) {
    await post(who, 'gray/online', { app_version: '0.0.1', gray_strategy: share });
    assert.equal((await detail(who, '0.0.1')).gray_strategy, share);
  }
  await refused('GRAY_STRATEGY_NOT_ALLOW_REDUCE', 400, post(who, 'gray/online', { app_version: '0.0.1', gray_strategy: 'p10' }));
  await post(who, 'online', { app_version: '0.0.1' });
  const online = await detail(who, '0.0.1');
  assert.equal(online.status, 'RELEASE');
  assert.equal(online.app_name, '蓝湖茶馆');
  assert.equal(online.screen_shot_list.length, 2);
}

// second builds 0.0.2, puts it online, rolls it back, and takes all offline.
async function second(who) {
  const upload = version => post(who, 'upload', { template_id: '2021000000000009', app_version: version, ext: '{"extEnable":true}' });
  await upload('0.0.2');
  let build = await get(who, 'build/query', { app_version: '0.0.2' });
  while (build.need_rotation === 'true') build = await get(who, 'build/query', { app_version: '0.0.2' });
  assert.equal(build.version_created, 'true');
  await upload('0.0.3');
  await post(who, 'delete', { app_version: '0.0.3' });
  await refused('VERSION_IS_BLANK', 400, detail(who, '0.0.3'));

  await apply(who, '0.0.2');
  await reviewed(who, '0.0.2');
  await post(who, 'online', { app_version: '0.0.2' });
  await is(who, '0.0.1', 'OFFLINE');
  await post(who, 'rollback', { app_version: '0.0.2' });
  await is(who, '0.0.2', 'OFFLINE');
  await is(who, '0.0.1', 'RELEASE');
  await post(who, 'offline', { app_version: '0.0.1' });
  await is(who, '0.0.1', 'OFFLINE');
}

// orders works on what the merchant ordered in the service market, and on an order that it makes for the merchant itself. The
// third-party app calls without a token, but confirms with the merchant's.
async function orders(merchant) {
  const own = { ...merchant, appAuthToken: undefined };
  const order = { commodity_order_id: readFileSync(join(folder, 'third-party', 'order-id'), 'utf8').trim() };
  const item = async of => (await get(own, market + 'query', of)).order_items[0];
  const placed = await get(own, market + 'query', { ...order, start_page: '1' });
  assert.equal(placed.status, 'MERCHANT_ORDED');
  await refused('ITEM_STATUS_NOT_ALLOW', 400, post(own, market + 'item/complete', order));
  await post(own, market + 'accept', order);
  await refused('COMMODITY_ORDER_STATUS_INVALID', 400, post(own, market + 'reject', { ...order, reject_reason: '没有时间' }));
  await post(own, market + 'item/complete', { ...order, mini_app_id: placed.order_items[0].mini_app_id });
  await refused('self-invoke-forbidden', 403, post(own, market + 'item/confirm', order));
  await post(merchant, market + 'item/confirm', order);
  assert.equal((await item(order)).order_status, 'CONFIRMED');

  const form = new AlipayFormData();
  for (const [name, value] of Object.entries({
    merchandise_id: 'AM01', merchant_pid: placed.order_items[0].merchant_pid, app_name: '绿湖茶馆', app_english_name: 'GreenLakeTea',
    mini_category_ids: 'XS1001_XS2001_XS3002',
  })) form.addField(name, value);
  form.addFile('app_logo', 'logo.png', png(180, 180));
  const made = await call(own, 'POST', market + 'create', { form });
  assert.equal((await item({ commodity_order_id: made.commodity_order_id })).mini_app_id, made.mini_app_id);
  await post(own, market + 'item/cancel', { commodity_order_id: made.commodity_order_id, cancel_reason: '做不到' });
  assert.equal((await item({ commodity_order_id: made.commodity_order_id })).order_status, 'ISV_CANCELLED');
}

// strangers are refused, by their key and by their token.
async function strangers(who, thirdParty) {
  const wrongKey = { sdk: new AlipaySdk({ ...who.config, privateKey: thirdParty.config.privateKey }) };
  await refused('invalid-signature', 401, detail(wrongKey, '0.0.1'));
  await refused('invalid-app-auth-token', 401, detail({ ...thirdParty, appAuthToken: randomUUID() }, '0.0.1'));
  await refused('self-invoke-forbidden', 403, detail({ ...thirdParty, appAuthToken: undefined }, '0.0.1'));
}

// untrusted shows that the SDK verifies answers at all: with a key that is not Alipay's it refuses a success.
async function untrusted(who) {
  const own = createPublicKey(readFileSync(join(folder, 'app-private-key.pem'))).export({ type: 'spki', format: 'pem' });
  const sdk = new AlipaySdk({ ...who.config, alipayPublicKey: own });
  await assert.rejects(detail({ sdk }, '0.0.1'), { code: 'response-signature-verify-error' });
  calls++;
}

const mini = client(folder);
const thirdParty = client(join(folder, 'third-party'));
await first(mini);
await second(thirdParty);
await orders(thirdParty);
await strangers(mini, thirdParty);
await untrusted(mini);

assert.deepEqual([...used].sort(), [
  ...['accept', 'create', 'item/cancel', 'item/complete', 'item/confirm', 'query', 'reject'].map(name => market + name),
  'audit/apply', 'audit/cancel', 'audited/cancel', 'build/query', 'delete', 'detail/query', 'gray/cancel', 'gray/online',
  'list/query', 'offline', 'online', 'rollback', 'upload',
]);
console.log(`interop: ${calls} calls ok`);
