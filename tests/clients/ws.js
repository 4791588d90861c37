// SPDX-License-Identifier: MIT
// ws.js PORT PORT - the npm package ws against two nodes that are linked.
'use strict';

const assert = require('assert');
const { once } = require('events');
const WebSocket = require('ws');
const { run } = require('./check.js');

const [left, right] = process.argv.slice(2).map(Number);

// An open client that keeps what comes, in order.
async function open(port, path, options) {
	const ws = new WebSocket(`ws://127.0.0.1:${port}${path}`, [], options);
	ws.messages = [];
	ws.on('message', (data, binary) => {
		ws.messages.push({ data, binary });
		ws.emit('kept');
	});
	await once(ws, 'open');
	return ws;
}

async function next(ws) {
	while (ws.messages.length === 0)
		await once(ws, 'kept');
	return ws.messages.shift();
}

// A ping and its pong: the node has read all that went before.
async function sync(ws, payload = 'sync') {
	ws.ping(payload);
	const [data] = await once(ws, 'pong');
	assert.strictEqual(data.toString(), payload);
}

async function refused(port, path, protocols, options) {
	const ws = new WebSocket(
	    `ws://127.0.0.1:${port}${path}`, protocols, options);
	const [, response] = await once(ws, 'unexpected-response');
	response.resume();
	ws.on('error', () => {});
	ws.terminate();
	return response.statusCode;
}

async function keeps_kind_and_content_through_two_nodes() {
	const from = await open(left, '/ws');
	const to = await open(right, '/ws');
	await sync(to);
	assert.strictEqual(from.extensions, '');
	assert.strictEqual(from.protocol, '');
	for (const size of [0, 1, 125, 126, 65535, 65536, 1 << 20]) {
		const text = 'ß'.repeat(size / 2) + 'x'.repeat(size % 2);
		const bytes = Buffer.alloc(size, 0xfe);
		from.send(text);
		from.send(bytes);
		const a = await next(to);
		assert.strictEqual(a.binary, false);
		assert.strictEqual(a.data.toString(), text);
		const b = await next(to);
		assert.strictEqual(b.binary, true);
		assert.ok(b.data.equals(bytes));
	}
	from.close();
	to.close();
	await Promise.all([once(from, 'close'), once(to, 'close')]);
}

async function keeps_the_order_of_2000_messages() {
	const from = await open(left, '/order?echo=1');
	const to = await open(right, '/order');
	await sync(to);
	for (let i = 0; i < 2000; i++)
		from.send(`message ${i}`);
	for (const ws of [from, to])
		for (let i = 0; i < 2000; i++)
			assert.strictEqual(
			    (await next(ws)).data.toString(), `message ${i}`);
	await sync(to);
	assert.strictEqual(to.messages.length, 0);
	from.terminate();
	to.terminate();
}

async function joins_fragments() {
	const ws = await open(left, '/fragments?echo=1');
	for (let i = 0; i < 100; i++)
		ws.send(`${i},`, { fin: i === 99, binary: false });
	const { data, binary } = await next(ws);
	assert.strictEqual(binary, false);
	assert.strictEqual(data.toString(),
	    Array.from({ length: 100 }, (_, i) => `${i},`).join(''));
	ws.terminate();
}

async function answers_pings_and_closes() {
	const ws = await open(left, '/close');
	await sync(ws, 'p'.repeat(125));
	ws.close(4321, 'enough');
	const [code] = await once(ws, 'close');
	assert.strictEqual(code, 4321);
	const quiet = await open(left, '/close');
	quiet.close();
	assert.strictEqual((await once(quiet, 'close'))[0], 1005);
}

async function says_what_it_does_not_take() {
	assert.strictEqual(await refused(left, '/', ['chat']), 400);
	assert.strictEqual(await refused(left, '/a/*', []), 400);
	assert.strictEqual(
	    await refused(left, '/', [], { origin: 'http://evil.example' }),
	    403);
	assert.strictEqual(
	    await refused(left, '/', [], { protocolVersion: 8 }), 426);
	const same = await open(
	    left, '/', { origin: `http://127.0.0.1:${left}` });
	same.terminate();
}

async function closes_what_is_too_big() {
	const ws = await open(left, '/big');
	ws.on('error', () => {}); // it may still be sending
	ws.send(Buffer.alloc((1 << 20) + 1));
	const [code] = await once(ws, 'close');
	assert.ok(code === 1009 || code === 1006, `close ${code}`);
	const after = await open(left, '/big');
	after.terminate();
}

async function serves_a_hundred_at_once() {
	const all = await Promise.all(
	    Array.from({ length: 100 }, (_, i) =>
		open(i % 2 ? left : right, '/crowd')));
	await Promise.all(all.map((ws) => sync(ws)));
	all[0].send('to all');
	const got = await Promise.all(all.slice(1).map((ws) => next(ws)));
	for (const { data } of got)
		assert.strictEqual(data.toString(), 'to all');
	await sync(all[0]);
	assert.strictEqual(all[0].messages.length, 0);
	for (const ws of all)
		ws.terminate();
}

run([
	keeps_kind_and_content_through_two_nodes,
	keeps_the_order_of_2000_messages,
	joins_fragments,
	answers_pings_and_closes,
	says_what_it_does_not_take,
	closes_what_is_too_big,
	serves_a_hundred_at_once,
]);
