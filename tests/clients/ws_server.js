// SPDX-License-Identifier: MIT
// ws_server.js PORT PROTOCOL - an echo server that is no peer: it answers with
// whatever subprotocol it is offered, or (PROTOCOL `none`) with none.  The
// node that dials it must go away, and not come back every moment.
'use strict';

const assert = require('assert');
const { once } = require('events');
const { WebSocketServer } = require('ws');
const { run } = require('./check.js');

const [port, protocol] = process.argv.slice(2);

async function is_left_alone_soon() {
	const server = new WebSocketServer({
		port: Number(port),
		host: '127.0.0.1',
		handleProtocols: (offered) =>
		    protocol === 'none' ? false : [...offered][0],
	});
	const begun = Date.now();
	let count = 0;
	server.on('connection', (ws) => {
		count++;
		ws.on('error', () => {});
		ws.on('message', (data, binary) => ws.send(data, { binary }));
		ws.on('close', () => server.emit('left'));
	});
	await once(server, 'left');
	// Watch it: at most one dial a second; none for a minute if it could
	// see at the handshake that this is no peer.
	await new Promise((resolve) => setTimeout(resolve, 4000));
	const seconds = (Date.now() - begun) / 1000;
	console.log(`${count} dials in ${seconds} s`);
	assert.ok(count >= 1 && count <= (protocol === 'none' ? 1 : seconds + 2));
}

run([is_left_alone_soon]);
