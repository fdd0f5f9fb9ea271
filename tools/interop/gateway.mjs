// A gateway before the stand-in for AlipayCN's, whose every signature is made and checked by the official SDK for Node:
//
//   node gateway.mjs FOLDER
//
// It verifies each request as AlipayCN would, sends it on by the SDK, which signs it and verifies the answer, and signs the
// answer for the caller. FOLDER holds what it needs: backend, the address of the stand-in, app-id, app-private-key.pem and
// alipay-public-key.pem for it; caller-public-key.pem, what requests are verified with; and gateway-private-key.pem, what
// answers are signed with. It prints its address, and when its standard input ends, what it did as JSON.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { AlipayFormData, AlipaySdk } from 'alipay-sdk';

// What the SDK signs and verifies with; it does not export them.
const util = join(dirname(fileURLToPath(import.meta.resolve('alipay-sdk'))), 'util.js');
const { signatureV3, verifySignatureV3 } = await import(pathToFileURL(util));

const folder = process.argv[2];
const read = name => readFileSync(join(folder, name), 'utf8').trim();
const callerKey = read('caller-public-key.pem');
const gatewayKey = read('gateway-private-key.pem');
const sdk = new AlipaySdk({
  appId: read('app-id'), privateKey: read('app-private-key.pem'), keyType: 'PKCS8', alipayPublicKey: read('alipay-public-key.pem'),
  endpoint: read('backend'),
});

const done = { verified: 0, refused: 0, calls: {} };

class Refusal extends Error {
  constructor(code, status, message) {
    super(message);
    Object.assign(this, { code, responseHttpStatus: status });
  }
}

// parts reads a body: what of it is signed, and how the SDK is to send it on.
async function parts(request, body) {
  const kind = request.headers['content-type'] ?? '';
  if (!kind.startsWith('multipart/form-data')) return { signed: body.toString(), options: body.length ? { body: JSON.parse(body) } : {} };
  const form = new AlipayFormData();
  let signed = '';
  for (const [name, value] of await new Response(body, { headers: { 'content-type': kind } }).formData()) {
    if (name === 'data') {
      signed = typeof value === 'string' ? value : await value.text();
      for (const [field, content] of Object.entries(JSON.parse(signed))) form.addField(field, content);
    } else {
      form.addFile(name, value.name, Buffer.from(await value.arrayBuffer()));
    }
  }
  return { signed, options: { form } };
}

async function process1(request, body) {
  const { signed, options } = await parts(request, body);
  const header = /^ALIPAY-SHA256withRSA (.*),sign=([^,]+)$/.exec(request.headers.authorization ?? '');
  const token = request.headers['alipay-app-auth-token'];
  const said = header && `${header[1]}\n${request.method}\n${request.url}\n${signed}\n${token ? `${token}\n` : ''}`;
  if (!header || !verifySignatureV3(said, header[2], callerKey)) {
    done.refused++;
    throw new Refusal('invalid-signature', 401, 'the SDK does not verify the request');
  }
  done.verified++;
  const url = new URL(request.url, 'http://gateway');
  const operation = url.pathname.replace('/v3/', '').replaceAll('/', '.');
  done.calls[operation] = (done.calls[operation] ?? 0) + 1;
  if (url.search) options.query = Object.fromEntries(url.searchParams);
  return (await sdk.curl(request.method, url.pathname, { ...options, appAuthToken: token })).data;
}

async function answer(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  let status = 200, content;
  try {
    content = await process1(request, Buffer.concat(chunks));
  } catch (err) {
    assert.ok(err.responseHttpStatus, err); // a fault of this program, or an answer that the SDK does not verify
    status = err.responseHttpStatus;
    content = { code: err.code, message: err.message, links: err.links ?? [] };
  }
  const text = JSON.stringify(content), timestamp = String(Date.now()), nonce = randomUUID();
  response.writeHead(status, {
    'content-type': 'application/json', 'alipay-timestamp': timestamp, 'alipay-nonce': nonce, 'alipay-trace-id': randomUUID(),
    'alipay-signature': signatureV3(`${timestamp}\n${nonce}\n${text}\n`, gatewayKey),
  }).end(text);
}

const server = createServer((request, response) => {
  answer(request, response).catch(err => {
    console.error(err);
    process.exit(1);
  });
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
process.stdin.on('end', () => {
  console.log(JSON.stringify(done));
  process.exit(0);
}).resume();
